// Executes a notebook in the TypeScript kernel over the Jupyter protocol, without Python.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { executeNotebook } from './notebook/execute.mjs'
import { KernelClient } from './notebook/kernelClient.mjs'
import { injectParameters, readNotebook, writeNotebook } from './notebook/notebookFile.mjs'

const usage = `usage: npm run notebook -- [NOTEBOOK.ipynb] [OUT.ipynb] [options]

  NOTEBOOK             default: notebooks/grpo-reasoning.ipynb
  OUT                  the executed notebook; default: out/ beside NOTEBOOK, under the same name
  -p, --param NAME=VALUE   sets a variable of the cell tagged "parameters"; may be repeated
  --timeout SECONDS    per cell; default: 3600
  --keep-going         run the cells after a failed one too
  --quiet              print failures only
  --stock              plain tslab instead of the repaired kernel in jupyter/kernels/tslab

exit code: 0 all cells ran, 1 a cell failed, 2 wrong usage, 3 the kernel did not start`

const root = path.resolve(import.meta.dirname, '..')

/** The command of the kernel in jupyter/kernels/tslab, or of tslab as it is. */
function kernelCommand(stock) {
  if (stock) {
    const tslab = path.dirname(createRequire(import.meta.url).resolve('tslab/package.json'))
    const argv = ['node', '--expose-gc', path.join(tslab, 'bin/tslab'), 'kernel', '--config-path', '{connection_file}']
    return { argv }
  }
  const folder = path.join(root, 'jupyter/kernels/tslab')
  const { argv, env } = JSON.parse(fs.readFileSync(path.join(folder, 'kernel.json'), 'utf8'))
  return { argv: argv.map((arg) => arg.replace('{resource_dir}', folder)), env }
}

/** Ends the program for a wrong command line. */
function refuse(message) {
  console.error(`${message}\n\n${usage}`)
  process.exit(2)
}

function readCommandLine() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      param: { type: 'string', short: 'p', multiple: true, default: [] },
      timeout: { type: 'string', default: '3600' },
      'keep-going': { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      stock: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    process.exit(0)
  }
  const timeout = Number(values.timeout)
  if (!(timeout > 0)) throw new Error(`--timeout ${values.timeout}: expected a number of seconds above 0`)
  if (positionals.length > 2) throw new Error(`expected at most two files, got ${positionals.join(' ')}`)
  const file = path.resolve(positionals[0] ?? path.join(root, 'notebooks/grpo-reasoning.ipynb'))
  const out = path.resolve(positionals[1] ?? path.join(path.dirname(file), 'out', path.basename(file)))
  return { ...values, timeout, file, out }
}

let options
let notebook
try {
  options = readCommandLine()
  notebook = readNotebook(options.file)
  injectParameters(notebook, options.param)
} catch (error) {
  refuse(error.message)
}

const started = performance.now()
const { argv, env } = kernelCommand(options.stock)
let kernel
try {
  kernel = await KernelClient.start(argv, { cwd: path.dirname(options.file), env })
} catch (error) {
  console.error(error.message)
  process.exit(3)
}
// Ctrl-C: what has run so far is kept. A second one ends the program at once, and the kernel with it.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    process.once(signal, () => process.exit(1))
    kernel.fail(new Error(`interrupted by ${signal}`))
  })
}
const { ran, failed } = await executeNotebook(notebook, kernel, {
  timeout: options.timeout,
  keepGoing: options['keep-going'],
  quiet: options.quiet,
})
writeNotebook(options.out, notebook)
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.error(`${ran} cells, ${failed} failed, ${seconds} s: ${path.relative(process.cwd(), options.out)}`)
await kernel.close()
process.exitCode = failed > 0 ? 1 : 0
