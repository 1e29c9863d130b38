// Outputs of a notebook that is made anew from its cells.
import { joinLines } from '../notebookFile.mjs'

/** A notebook as it is before it is executed. */
export function withoutOutputs(notebook) {
  const cells = notebook.cells.map((cell) =>
    cell.cell_type === 'code' ? { ...cell, execution_count: null, outputs: [] } : cell,
  )
  return { ...notebook, cells }
}

/**
 * Gives code cells the outputs of those with the same code, wherever they stood. Cells whose code is new stay without a number, by
 * which one sees that the notebook has to be executed.
 * @param {object} notebook without outputs; is changed
 * @param {object} previous the same before it was edited, with outputs
 * @returns {number} code cells that have no outputs to keep; 0 also when there were none at all
 */
export function keepOutputs(notebook, previous) {
  const executed = previous.cells.filter((cell) => cell.cell_type === 'code' && cell.execution_count !== null)
  if (executed.length === 0) return 0
  let missing = 0
  for (const cell of notebook.cells.filter(({ cell_type }) => cell_type === 'code')) {
    const index = executed.findIndex((other) => joinLines(other.source) === joinLines(cell.source))
    if (index < 0) {
      missing++
      continue
    }
    const [{ execution_count, outputs }] = executed.splice(index, 1)
    Object.assign(cell, { execution_count, outputs })
  }
  return missing
}
