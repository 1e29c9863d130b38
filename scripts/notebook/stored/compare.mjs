// Says where what a notebook puts out is not what is stored.
import { joinLines } from '../notebookFile.mjs'
import { drawingOf } from './form.mjs'

/** The tag of cells whose output is another one on every machine; that of nbval, a tool of Jupyter's for the same purpose. */
const IGNORED_TAG = 'nbval-ignore-output'

const unit = String.raw`(?:ms|s|sec|seconds?|min|minutes?|hours?|bytes|[kKMGT]i?B|(?:tokens|steps|completions|problems) ?(?:/|per|a) ?s(?:econd)?)`

const quantity = String.raw`\d[\d,.]*\s?${unit}(?![\w/])`

/** A time, a speed or a size in bytes, also as "3 min 20 s": they differ from run to run. */
const measuredQuantity = new RegExp(`${quantity}(?:\\s${quantity})*`, 'g')

/** The head of a column that holds such quantities, as "ms" or "step_time (s)". */
const measuredHead = new RegExp(String.raw`(?:^|[\s(_,])${unit}\)?$`)

const maskText = (text) => text.replaceAll(measuredQuantity, '…')

/** A table without the cells of the columns that hold measured quantities. */
function maskTable(table) {
  const cells = (row) => row.match(/<t[hd]\b[^>]*>.*?<\/t[hd]>/gs) ?? []
  const [head, ...rows] = table.match(/<tr\b.*?<\/tr>/gs) ?? []
  if (head === undefined) return table
  const measured = cells(head).map((cell) => measuredHead.test(cell.replaceAll(/<[^>]*>/g, '').trim()))
  const masked = rows.map((row) => cells(row).map((cell, column) => (measured[column] ? '…' : cell)).join('')) // prettier-ignore
  return [head, ...masked].join('\n')
}

function maskHtml(html) {
  const masked = html.replaceAll(/<table\b.*?<\/table>/gs, maskTable)
  return masked.replaceAll(/>[^<]*/g, maskText)
}

/** What of an output has to be equal. */
function comparableData(output) {
  const { 'application/vnd.plotly.v1+json': figure, 'text/html': html, 'text/markdown': markdown } = output.data
  const drawing = drawingOf(output)
  if (html !== undefined) return maskHtml(joinLines(html))
  if (markdown !== undefined) return maskText(joinLines(markdown))
  const plain = joinLines(output.data['text/plain'] ?? '')
  // A figure says more about a difference than a digest.
  if (drawing !== undefined) return [plain, figure ? JSON.stringify(figure) : '', drawing].join('\n')
  return maskText(plain)
}

/** What a cell has put out as texts to compare. Printed text comes over another way than outputs, and so at another moment. */
function comparableOutputs(cell) {
  const printed = (name) =>
    maskText(joinLines(cell.outputs.filter((output) => output.name === name).flatMap(({ text }) => text)))
  return [
    ...['stdout', 'stderr'].map((name) => [name, printed(name)]).filter(([, text]) => text !== ''),
    ...cell.outputs.filter(({ data }) => data).map((output, i) => [`output ${i + 1}`, comparableData(output)]),
  ]
}

const codeCells = (notebook) => notebook.cells.filter(({ cell_type }) => cell_type === 'code')
const sourceOf = (cell) => joinLines(cell.source)

/** Whether two cells have the same code and put out the same, times and the like aside. */
export function isSameCell(stored, fresh) {
  return (
    sourceOf(stored) === sourceOf(fresh) &&
    JSON.stringify(comparableOutputs(stored)) === JSON.stringify(comparableOutputs(fresh))
  )
}

/**
 * Compares what is stored with what an execution gave: everything but times, speeds and sizes in bytes, and but cells that are tagged
 * `nbval-ignore-output`.
 * @param {object} stored a notebook in its stored form
 * @param {object} fresh the same executed, in its stored form
 * @returns {string[]} the differences, none when they agree
 */
export function findDifferences(stored, fresh) {
  const [before, after] = [codeCells(stored), codeCells(fresh)]
  return after.flatMap((cell, i) => {
    const name = `cell ${fresh.cells.indexOf(cell)}`
    if (before[i] === undefined || sourceOf(before[i]) !== sourceOf(cell))
      return [`${name}: its code is not the stored one`]
    if (cell.metadata.tags?.includes(IGNORED_TAG)) return []
    const [old, now] = [comparableOutputs(before[i]), comparableOutputs(cell)]
    const names = ([...outputs]) => outputs.map(([output]) => output).join(', ') || 'nothing'
    if (names(old) !== names(now)) return [`${name}: stored are ${names(old)}; it put out ${names(now)}`]
    return now.flatMap(([output, text], o) => (text === old[o][1] ? [] : [`${name}, ${output}: ${firstDifference(old[o][1], text)}`])) // prettier-ignore
  })
}

/** The place where two texts part, with a little of what is around it. */
function firstDifference(old, now) {
  const visible = (html) => html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/[ \t]+/g, ' ')
  const [a, b] = visible(old) === visible(now) ? [old, now] : [visible(old), visible(now)]
  let at = 0
  while (a[at] === b[at]) at++
  const around = (text) => JSON.stringify(text.slice(Math.max(0, at - 60), at + 60))
  return `stored is ${around(a)}, it put out ${around(b)}`
}
