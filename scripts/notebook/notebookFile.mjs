// Notebook files (nbformat 4): reading and writing.
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

/** Writes a file whole or not at all. @param {string} file  @param {string} text */
export function writeWhole(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(`${file}.tmp`, text)
  fs.renameSync(`${file}.tmp`, file)
}

/** Writes a notebook whole or not at all. @param {string} file  @param {object} notebook */
export function writeNotebook(file, notebook) {
  writeWhole(file, formatNotebook(notebook))
}
