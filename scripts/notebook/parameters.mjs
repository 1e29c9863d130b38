// Parameters of a notebook, as papermill sets them: `let` variables of the cell tagged "parameters".
import { createRequire } from 'node:module'
import { joinLines, splitLines } from './notebookFile.mjs'

const hasTag = (cell, tag) => cell.metadata?.tags?.includes(tag) ?? false

/** The names that the cell tagged "parameters" declares; none when there is no such cell. @returns {string[]} */
export function parameterNames(notebook) {
  const cell = notebook.cells.find((cell) => hasTag(cell, 'parameters'))
  if (!cell) return []
  const ts = createRequire(import.meta.url)('typescript') // takes half a second to load: only where it is needed
  const file = ts.createSourceFile('parameters.ts', joinLines(cell.source), ts.ScriptTarget.Latest)
  return file.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => declarationList.declarations.map(({ name }) => name.getText(file)))
}

/** @param {string} parameter `name=value`  @returns {{ name: string, code: string }} `code` is the value as TypeScript */
export function parseParameter(parameter) {
  const [, name, value] = /^([A-Za-z_$][\w$]*)=(.*)$/s.exec(parameter) ?? []
  if (name === undefined) throw new Error(`-p ${parameter}: expected name=value`)
  try {
    JSON.parse(value)
    return { name, code: value }
  } catch {
    return { name, code: JSON.stringify(value) }
  }
}

/**
 * Sets variables in a cell after the one tagged "parameters". A value that is JSON (a number, true, "text") is taken as such, anything
 * else as a string.
 * @param {object} notebook is changed
 * @param {{ name: string, code: string }[]} parameters
 */
export function injectParameters(notebook, parameters) {
  if (parameters.length === 0) return
  notebook.cells = notebook.cells.filter((cell) => !hasTag(cell, 'injected-parameters'))
  const index = notebook.cells.findIndex((cell) => hasTag(cell, 'parameters'))
  notebook.cells.splice(index + 1, 0, {
    cell_type: 'code',
    id: 'injected-parameters',
    metadata: { tags: ['injected-parameters'] },
    execution_count: null,
    outputs: [],
    // The kernel prints a cell's last expression; the empty statement at the end keeps it quiet.
    source: splitLines([...parameters.map(({ name, code }) => `${name} = ${code};`), ';'].join('\n')),
  })
}
