// Executes notebooks in the TypeScript kernel over the Jupyter protocol, without Python, and writes each with its outputs and as a page.
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { finishOutputs } from './notebook/cellOutputs.mjs'
import { readCommandLine, usage } from './notebook/commandLine.mjs'
import { executeNotebook } from './notebook/execute.mjs'
import { KernelClient } from './notebook/kernelClient.mjs'
import { readNotebook, writeNotebook, writeWhole } from './notebook/notebookFile.mjs'
import { findDifferences } from './notebook/stored/compare.mjs'
import { toStoredForm } from './notebook/stored/form.mjs'
import { storeOutputs } from './notebook/stored/store.mjs'

/** Seconds that an interrupted cell has to end; Docker waits for ten. */
const grace = 8

/** @param {boolean} stock @returns {{ argv: string[], env?: Record<string, string>, display_name: string }} */
function readKernelSpec(stock) {
  const folder = path.resolve(import.meta.dirname, `../jupyter/kernels/${stock ? 'tslab-stock' : 'tslab'}`)
  const spec = JSON.parse(fs.readFileSync(path.join(folder, 'kernel.json'), 'utf8'))
  return { ...spec, argv: spec.argv.map((arg) => arg.replace('{resource_dir}', folder)) }
}

let options
try {
  options = readCommandLine(process.argv.slice(2))
} catch (error) {
  console.error(`${error.message}\n\n${usage}`)
  process.exit(2)
}
if (options === null) {
  console.log(usage)
  process.exit(0)
}

const stop = { signal: null }
let kernel = null
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (stop.signal !== null) process.exit(130)
    stop.signal = signal
    kernel?.interrupt()
    setTimeout(
      () => kernel?.fail(new Error(`interrupted by ${signal}; the cell did not end in ${grace} s`)),
      grace * 1000,
    )
  })
}

/** Writes the outputs into the notebook itself, or compares them with those that it holds. @returns whether all is well */
async function storeOrCheck(file, notebook) {
  const name = path.relative(process.cwd(), file)
  if (options.store) {
    try {
      const changed = await storeOutputs(file, notebook)
      console.error(`${name}: ${changed} of its cells have new outputs`)
      return true
    } catch (error) {
      console.error(`${name} stays as it was: ${error.message}`)
      return false
    }
  }
  const differences = findDifferences(readNotebook(file), toStoredForm(notebook).notebook)
  for (const difference of differences) console.error(`${name}: ${difference}`)
  if (differences.length > 0) console.error(`to store what it puts out now: npm run notebook -- ${name} --store`)
  return differences.length === 0
}

/** Runs one notebook and writes it. @returns whether something is not as it should be */
async function run({ file, notebook, out }) {
  const spec = readKernelSpec(options.stock)
  const started = performance.now()
  const startedAt = new Date().toISOString()
  try {
    kernel = await KernelClient.start(spec.argv, { cwd: path.dirname(file), env: spec.env })
  } catch (error) {
    console.error(error.message)
    process.exit(3)
  }
  const { ran, failed } = await executeNotebook(notebook, kernel, {
    ...options,
    isStopped: () => stop.signal !== null,
    // A long notebook is worth keeping as far as it has come.
    onCell: () => writeNotebook(out, notebook),
  })
  // tslab ends an interrupted cell at once, and what listens for the interrupt inside it a little later.
  if (stop.signal !== null) await sleep(1000)
  finishOutputs(notebook)
  writeNotebook(out, notebook)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const counts = `${ran} cells, ${failed} failed${stop.signal ? `, interrupted by ${stop.signal}` : ''}, ${seconds} s`
  const summary = `${path.basename(file)} · ${startedAt.slice(0, 16).replace('T', ' ')} UTC · ${counts} · ${spec.display_name}, Node ${process.version}`
  const { renderNotebookPage } = await import('./notebook/html/page.mjs')
  const page = out.replace(/\.ipynb$/, '.html')
  writeWhole(page, renderNotebookPage(notebook, { file, page, summary }))
  console.error(`${counts}: ${path.relative(process.cwd(), out)}, ${path.basename(page)}`)
  await kernel.close()
  kernel = null
  if (failed > 0 || stop.signal !== null || !(options.store || options.check)) return failed > 0
  return !(await storeOrCheck(file, notebook))
}

for (const job of options.jobs) {
  if (options.jobs.length > 1) console.error(`== ${path.basename(job.file)}`)
  if (await run(job)) process.exitCode = 1
  if (stop.signal !== null) process.exit(130)
}
