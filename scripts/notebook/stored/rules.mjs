// What a notebook with stored outputs has to be like; found without executing it.
import { createRequire } from 'node:module'
import os from 'node:os'
import { formatNotebook, joinLines } from '../notebookFile.mjs'
import { drawingOf } from './form.mjs'

/** Bytes of a notebook: pages that show notebooks give up on large ones. */
export const MOST_BYTES = 2_000_000

/** What no output may hold, as it tells about the machine or its user. */
const secrets = [
  [/(?:^|[\s"'(=>])(?:\/(?:home|root|Users|tmp|var|mnt|opt|work|workspace|content)\/|[A-Z]:\\)[^\s"'<)]*/m, 'an absolute path'],
  [/file:\/\/\S*/, 'an absolute path'],
  [/\b(?:hf|sk|ghp|gho|github_pat)_\w{16,}/, 'a token'],
] // prettier-ignore

/** Calls that show something when a cell runs: not those in functions, and not those that depend on a condition. */
function showsSomething(source) {
  const ts = createRequire(import.meta.url)('typescript') // takes half a second to load: only where it is needed
  const file = ts.createSourceFile('cell.ts', source, ts.ScriptTarget.Latest, true)
  const isShowing = (node) =>
    ts.isCallExpression(node) && /^(show\.(?!setUpCharts|liveChart|place|countValues)\w+|console\.log)$/.test(node.expression.getText(file)) // prettier-ignore
  const search = (node) => {
    if (ts.isFunctionLike(node) || ts.isIfStatement(node) || ts.isIterationStatement(node, false)) return false
    return isShowing(node) || (ts.forEachChild(node, (child) => search(child) || undefined) ?? false)
  }
  return search(file)
}

function troublesOfOutput(output) {
  if (output.output_type === 'error') return [`failed: ${output.ename}: ${output.evalue}`]
  if (output.name === 'stderr') return [`has printed to stderr: ${joinLines(output.text).slice(0, 80)}`]
  const data = output.data ?? {}
  const troubles = []
  if (output.data && !('text/plain' in data)) troubles.push('has an output without text/plain')
  const html = joinLines(data['text/html'] ?? '')
  if (/<script\b| src="data:image\/svg/.test(html)) troubles.push('has an output that needs a script')
  if (drawingOf(output) !== undefined && !isPng(data['image/png'])) troubles.push('has a chart without its picture')
  const texts = [output.text, data['text/html'], data['text/markdown'], data['text/plain']].map((text) => joinLines(text ?? '')) // prettier-ignore
  const [found] = texts.flatMap((text) => secrets.flatMap(([pattern, what]) => (pattern.test(text) ? [`${what}: ${pattern.exec(text)[0].trim()}`] : []))) // prettier-ignore
  if (found) troubles.push(`tells ${found}`)
  // Short names of machines are words, too.
  const host = os.hostname()
  if (host.length > 5 && texts.some((text) => text.includes(host)))
    troubles.push(`tells the name of the machine, ${host}`)
  return troubles
}

function isPng(base64) {
  if (base64 === undefined) return false
  return Buffer.from(joinLines(base64).slice(0, 12), 'base64').subarray(1, 4).toString() === 'PNG'
}

/**
 * What is wrong with a notebook that is kept with its outputs.
 * @param {object} notebook
 * @returns {string[]} nothing when all is well
 */
export function findTroubles(notebook) {
  const troubles = []
  let executed = 0
  for (const [index, cell] of notebook.cells.entries()) {
    if (cell.cell_type !== 'code') continue
    const say = (what) => troubles.push(`cell ${index} ${what}`)
    if (cell.execution_count !== ++executed) say('has not been executed since it or one before it was changed')
    else if (cell.outputs.length === 0 && showsSomething(joinLines(cell.source))) say('shows something, and no output is stored') // prettier-ignore
    for (const trouble of cell.outputs.flatMap(troublesOfOutput)) say(trouble)
  }
  const bytes = Buffer.byteLength(formatNotebook(notebook))
  if (bytes > MOST_BYTES) troubles.push(`it has ${bytes} bytes, above ${MOST_BYTES}`)
  return troubles
}
