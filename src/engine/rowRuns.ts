import type { EngineRow, RowDropout } from './engine.js'

/** Rows that are computed together, with the dropout of the micro-batch that they belong to. */
export interface RowRun {
  readonly rows: readonly EngineRow[]
  readonly dropout: RowDropout | null
}

/** Runs of a micro-batch's rows, each with its part of the dropout. */
export function rowRuns(runs: readonly (readonly EngineRow[])[], dropout: RowDropout | null): RowRun[] {
  let at = 0
  return runs.map((rows) => {
    const rowNumbers = dropout?.rowNumbers.slice(at, (at += rows.length)) ?? []
    return { rows, dropout: dropout && { key: dropout.key, rowNumbers } }
  })
}
