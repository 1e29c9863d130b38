// Notebook files (nbformat 4): reading, writing, parameters.
import fs from 'node:fs'
import path from 'node:path'

/** nbformat keeps texts as arrays of lines, each with its line end, or as one string. @param {string | string[]} text */
export function joinLines(text) {
  return [text].flat().join('')
}

/** @param {string} text  @returns {string[]} */
export function splitLines(text) {
  return text === '' ? [] : text.split(/(?<=\n)/)
}

/** @param {string} file  @returns {{ cells: object[], metadata: object, nbformat: number, nbformat_minor: number }} */
export function readNotebook(file) {
  let notebook
  try {
    notebook = JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch (error) {
    const reason = error.code === 'ENOENT' ? 'no such file' : `not a notebook: ${error.message}`
    throw new Error(`${file}: ${reason}`, { cause: error })
  }
  if (notebook?.nbformat !== 4 || !Array.isArray(notebook.cells)) {
    throw new Error(`${file}: expected a notebook of nbformat 4 with cells, got nbformat ${notebook?.nbformat}`)
  }
  return notebook
}

/** A notebook's text as Jupyter writes it. */
export function formatNotebook(notebook) {
  return `${JSON.stringify(notebook, null, 1)}\n`
}

/** Writes a notebook whole or not at all. @param {string} file  @param {object} notebook */
export function writeNotebook(file, notebook) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(`${file}.tmp`, formatNotebook(notebook))
  fs.renameSync(`${file}.tmp`, file)
}

/**
 * Sets variables as papermill does: a cell after the one tagged "parameters". A value that is JSON (a number, true, "text") is taken as
 * such, anything else as a string.
 * @param {object} notebook is changed
 * @param {string[]} parameters each `name=value`
 */
export function injectParameters(notebook, parameters) {
  if (parameters.length === 0) return
  const assignments = parameters.map((parameter) => {
    const [, name, value] = /^([A-Za-z_$][\w$]*)=(.*)$/s.exec(parameter) ?? []
    if (name === undefined) throw new Error(`-p ${parameter}: expected name=value`)
    let isJson = true
    try {
      JSON.parse(value)
    } catch {
      isJson = false
    }
    return `${name} = ${isJson ? value : JSON.stringify(value)};`
  })
  notebook.cells = notebook.cells.filter((cell) => !cell.metadata?.tags?.includes('injected-parameters'))
  const index = notebook.cells.findIndex((cell) => cell.metadata?.tags?.includes('parameters'))
  if (index < 0) throw new Error('-p: no cell of the notebook is tagged "parameters"')
  notebook.cells.splice(index + 1, 0, {
    cell_type: 'code',
    id: 'injected-parameters',
    metadata: { tags: ['injected-parameters'] },
    execution_count: null,
    outputs: [],
    // The kernel prints a cell's last expression; the empty statement at the end keeps it quiet.
    source: splitLines([...assignments, ';'].join('\n')),
  })
}
