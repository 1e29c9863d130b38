// Starts tslab as a Jupyter kernel, with repairs for tslab 1.0.22 that need no change in its files (each file of repairs/ says what
// it repairs and why). They lean on tslab's internals, so package.json pins its exact version; the notebooks of this repository
// also run on tslab as it is.
//
//   node launch.cjs --config-path CONNECTION_FILE [--js]
const path = require('node:path')
const { createRequire } = require('node:module')
const { parseArgs } = require('node:util')
const { repairCompilerOptions } = require('./repairs/compilerOptions.cjs')
const { repairExecutor } = require('./repairs/executor.cjs')
const { repairInterrupts } = require('./repairs/interrupts.cjs')
const { repairProtocol } = require('./repairs/protocol.cjs')
const { repairPublisher } = require('./repairs/publisher.cjs')

/** `require` as tslab's own files see it: the notebook's tslab, or else the one that this file's package has installed. */
function requireFromTslab() {
  let main
  try {
    main = createRequire(path.join(process.cwd(), 'notebook.js')).resolve('tslab/dist/main.js')
  } catch {
    main = require.resolve('tslab/dist/main.js')
  }
  return createRequire(main)
}

const { values } = parseArgs({
  options: { 'config-path': { type: 'string' }, js: { type: 'boolean', default: false } },
})
const tslab = requireFromTslab()

// The order matters: every repair replaces exports before the tslab file that uses them is loaded.
const typescript = repairCompilerOptions(tslab)
const executor = repairExecutor(tslab, typescript)
repairInterrupts(executor)
repairPublisher(tslab)
repairProtocol(tslab, typescript, executor)

tslab('./main.js').startKernel({ configPath: values['config-path'], enableFindLocal: false, jsKernel: values.js })
