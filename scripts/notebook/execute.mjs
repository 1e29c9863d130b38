import { setTimeout as sleep } from 'node:timers/promises'
import { collectOutputs, errorOutput, finishOutputs } from './cellOutputs.mjs'
import { joinLines } from './notebookFile.mjs'

/**
 * Runs a notebook's cells one after the other and puts their outputs into it.
 * @param {object} notebook is changed
 * @param {import('./kernelClient.mjs').KernelClient} kernel
 * @param {{ timeout: number, keepGoing: boolean, quiet: boolean }} options timeout in seconds a cell
 * @returns {Promise<{ ran: number, failed: number }>} counts of cells
 */
export async function executeNotebook(notebook, kernel, { timeout, keepGoing, quiet }) {
  const displays = new Map()
  const echo = quiet ? () => {} : (name, text) => process[name].write(text)
  let ran = 0
  let failed = 0
  for (const [index, cell] of notebook.cells.entries()) {
    if (cell.cell_type !== 'code') continue
    cell.execution_count = null
    cell.outputs = []
    const code = joinLines(cell.source)
    if (!code.trim()) continue

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
    if (status === 'ok') continue

    failed++
    const { ename, evalue, traceback } = errorOutput(cell, reason)
    console.error(`cell ${index} failed: ${ename}: ${evalue}`)
    console.error(traceback.join('\n'))
    if (!keepGoing || reason !== null) break
    await sleep(400) // plain tslab aborts everything for 200 ms after an error
  }
  await sleep(100) // late output of the last cell
  for (const cell of notebook.cells) finishOutputs(cell)
  return { ran, failed }
}
