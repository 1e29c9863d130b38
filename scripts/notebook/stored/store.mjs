// Writes the outputs of an executed notebook into the notebook itself.
import { formatNotebook, readNotebook, writeNotebook } from '../notebookFile.mjs'
import { isSameCell } from './compare.mjs'
import { toStoredForm } from './form.mjs'
import { takePictures } from './pictures.mjs'
import { findTroubles } from './rules.mjs'

/**
 * Writes a notebook with its outputs in their stored form. Outputs that differ from the stored ones in nothing but times and the like
 * stay as they are: what changes in the file is what is new.
 * @param {string} file of the notebook
 * @param {object} executed what an execution without failures gave
 * @returns {Promise<number>} code cells whose outputs are new
 * @throws Error for what must not be stored, and where there is no Chromium for pictures
 */
export async function storeOutputs(file, executed) {
  const before = readNotebook(file)
  const { notebook, drawings } = toStoredForm(executed)
  let changed = 0
  for (const [i, cell] of notebook.cells.entries()) {
    if (cell.cell_type !== 'code') continue
    const old = before.cells[i]
    if (old?.cell_type === 'code' && old.execution_count !== null && isSameCell(old, cell)) {
      for (const output of cell.outputs) drawings.delete(output)
      cell.outputs = old.outputs
    } else changed++
  }
  await takePictures(drawings)
  const troubles = findTroubles(notebook)
  if (troubles.length > 0) throw new Error(troubles.join('\n  '))
  if (formatNotebook(notebook) !== formatNotebook(before)) writeNotebook(file, notebook)
  return changed
}
