// The form in which notebooks/ keeps what cells have put out: nothing that needs a script, charts as PNG.
import crypto from 'node:crypto'
import { joinLines, splitLines } from '../notebookFile.mjs'

/** Where an output's metadata say which picture it holds. */
const metadataKey = 'grpo-ts'

/**
 * Brings outputs into the form that is stored. Hosting pages run no scripts, and take the styles of HTML and the shapes of SVG away;
 * they all show PNG, as does a JupyterLab that does not trust the notebook. So a chart is stored as a picture, with a digest of what
 * it was drawn from, and as Plotly's figure for front ends that have a renderer of their own; other HTML without its scripts; and
 * everything as plain text too.
 * @param {object} notebook that has been executed
 * @returns {{ notebook: object, drawings: Map<object, string> }} a new notebook, and the HTML of those of its outputs that still need
 *   their picture
 */
export function toStoredForm(notebook) {
  const drawings = new Map()
  const cells = notebook.cells.map((cell) => {
    if (cell.cell_type !== 'code') return cell
    return { ...cell, outputs: cell.outputs.flatMap((output) => storedOutput(output, drawings)) }
  })
  return { notebook: { ...notebook, cells }, drawings }
}

/** No output or one. */
function storedOutput(output, drawings) {
  if (output.output_type !== 'display_data' || !('text/html' in output.data)) return [output]
  const { 'text/html': content, 'text/plain': text, ...others } = output.data
  // Ids are made anew in every run; only scripts look for them.
  const html = joinLines(content)
    .replaceAll(/<script\b.*?<\/script>/gs, '')
    .replaceAll(/ id="chart-[0-9a-f]+"/g, '')
  if (html.trim() === '') return []
  if (!html.includes(' src="data:image/svg+xml')) {
    // A line for each row, so that differences can be read.
    const lines = splitLines(html.replaceAll('</tr><tr', '</tr>\n<tr'))
    return [{ ...output, data: { ...others, 'text/html': lines, 'text/plain': splitLines(joinLines(text)) } }]
  }
  const digest = crypto.createHash('sha256').update(html).digest('hex')
  const stored = {
    ...output,
    data: { ...others, 'text/plain': splitLines(joinLines(text)) },
    metadata: { ...output.metadata, [metadataKey]: { drawing: digest } },
  }
  drawings.set(stored, html)
  return [stored]
}

/** The digest of what an output's picture was drawn from; undefined for an output that is no chart. */
export function drawingOf(output) {
  return output.metadata?.[metadataKey]?.drawing
}

/**
 * Gives an output its picture.
 * @param {object} output is changed
 * @param {{ png: Buffer, width: number, height: number }} picture its size in pixels of CSS
 */
export function setPicture(output, { png, width, height }) {
  output.data = { ...output.data, 'image/png': png.toString('base64') }
  output.metadata = { ...output.metadata, 'image/png': { width, height } }
}
