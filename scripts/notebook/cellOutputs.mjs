// What a cell has put out, as the notebook file keeps it (nbformat 4).
import { joinLines, splitLines } from './notebookFile.mjs'

/**
 * Makes the function that turns the kernel's messages into the outputs of a cell.
 * @param {object} cell
 * @param {Map<string, object[]>} displays outputs by display id, of all cells: an update changes every place where it is shown
 * @param {(name: 'stdout' | 'stderr', text: string) => void} echo
 * @returns {(type: string, content: object) => void}
 */
export function collectOutputs(cell, displays, echo) {
  cell.outputs = []
  return (type, content) => {
    const displayId = content.transient?.display_id
    if (type === 'stream') {
      echo(content.name, content.text)
      const last = cell.outputs.at(-1)
      if (last?.output_type === 'stream' && last.name === content.name) last.text += content.text
      else cell.outputs.push({ output_type: 'stream', name: content.name, text: content.text })
    } else if (type === 'display_data') {
      const output = { output_type: 'display_data', data: content.data, metadata: content.metadata ?? {} }
      cell.outputs.push(output)
      if (displayId) displays.set(displayId, [...(displays.get(displayId) ?? []), output])
    } else if (type === 'update_display_data') {
      for (const output of displays.get(displayId) ?? []) output.data = content.data
    } else if (type === 'error') {
      const { ename, evalue, traceback } = content
      cell.outputs.push({ output_type: 'error', ename, evalue, traceback })
    }
  }
}

/**
 * The error of a failed cell. Plain tslab sends none, only text to stderr: then one is made of that, or of what the client noticed.
 * @param {object} cell
 * @param {string | null} reason what the client noticed, such as a timeout
 * @returns {object} the error output, which the cell now has
 */
export function errorOutput(cell, reason) {
  const sent = cell.outputs.find((output) => output.output_type === 'error')
  if (sent) return sent
  const printed = cell.outputs.filter((output) => output.name === 'stderr').map((output) => output.text)
  const traceback = reason ?? printed.join('').trimEnd()
  const lines = traceback.split('\n')
  const first = lines.find((line) => /^(Uncaught )?\w*(Error|Exception)\b|^\d+:\d+ - /.test(line)) ?? lines[0]
  const [, ename = 'Error', evalue = first] = /^(\w*Error)(?: \[\w+\])?: (.*)$/.exec(first) ?? []
  const output = { output_type: 'error', ename, evalue, traceback: lines }
  cell.outputs.push(output)
  return output
}

/** What a terminal would show of a text with carriage returns: each part is written over the one before it. */
function applyCarriageReturns(text) {
  return text
    .split('\n')
    .map((line) => {
      const parts = line.replace(/\r+$/, '').split('\r')
      return parts.reduce((shown, part) => part + shown.slice(part.length))
    })
    .join('\n')
}

/** Brings a notebook's printed texts into their final form: progress bars as they ended, arrays of lines. */
export function finishOutputs(notebook) {
  for (const output of notebook.cells.flatMap((cell) => cell.outputs ?? [])) {
    if (output.output_type === 'stream') output.text = splitLines(applyCarriageReturns(joinLines(output.text)))
  }
}
