import { setTimeout as sleep } from 'node:timers/promises'
import { collectOutputs, errorOutput } from './cellOutputs.mjs'
import { joinLines } from './notebookFile.mjs'

/**
 * Runs a notebook's cells one after the other and puts their outputs into it; `finishOutputs` gives them their final form.
 * @param {object} notebook is changed
 * @param {import('./kernelClient.mjs').KernelClient} kernel
 * @param {object} options
 * @param {number} options.timeout seconds a cell
 * @param {boolean} options.keepGoing run the cells after a failed one too
 * @param {boolean} options.quiet
 * @param {() => boolean} options.isStopped whether no further cell shall run
 * @param {() => void} options.onCell called when a cell has ended and the notebook has its outputs
 * @returns {Promise<{ ran: number, failed: number }>} counts of cells
 */
export async function executeNotebook(notebook, kernel, { timeout, keepGoing, quiet, isStopped, onCell }) {
  const displays = new Map()
  const echo = quiet ? () => {} : (name, text) => process[name].write(text)
  let ran = 0
  let failed = 0
  for (const cell of notebook.cells) {
    if (cell.cell_type === 'code') Object.assign(cell, { execution_count: null, outputs: [] })
  }
  for (const [index, cell] of notebook.cells.entries()) {
    if (cell.cell_type !== 'code') continue
    const code = joinLines(cell.source)
    if (!code.trim() || isStopped()) continue

    const onOutput = collectOutputs(cell, displays, echo)
    kernel.onLateOutput = onOutput
    const started = performance.now()
    const request = {
      code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: true,
    }
    let status = 'error'
    let reason = null
    try {
      const reply = await kernel.request('execute_request', request, { onOutput, timeout })
      status = reply.status
      cell.execution_count = reply.execution_count ?? null
    } catch (error) {
      reason = error.message
    }
    ran++
    if (!quiet) console.error(`[cell ${index}] ${status} ${(performance.now() - started).toFixed(0)} ms`)
    const error = status === 'ok' ? null : errorOutput(cell, reason)
    onCell()
    if (error === null) continue

    failed++
    console.error(`cell ${index} failed: ${error.ename}: ${error.evalue}`)
    console.error(error.traceback.join('\n'))
    if (!keepGoing || reason !== null) break
    await sleep(400) // plain tslab aborts everything for 200 ms after an error
  }
  await sleep(100) // late output of the last cell
  return { ran, failed }
}
