import type { EngineRow, Recording, RowDropout, TokenValues } from './engine.js'

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

/** The values of all runs, one run after another. */
export async function valuesOfRuns(
  runs: readonly RowRun[],
  valuesOf: (run: RowRun) => Promise<TokenValues>,
): Promise<TokenValues> {
  const logProbs: (readonly number[])[] = []
  const entropies: (readonly number[])[] = []
  for (const run of runs) {
    const values = await valuesOf(run)
    logProbs.push(...values.logProbs)
    entropies.push(...values.entropies)
  }
  return { logProbs, entropies }
}

/**
 * Runs that are recorded as one. Where they do not fit into memory together, they are computed twice: for their values, and one run
 * after another for the gradient.
 */
export async function recordRuns(
  runs: readonly RowRun[],
  record: (run: RowRun) => Promise<Recording>,
  /** The values of all runs. */
  values: () => Promise<TokenValues>,
): Promise<Recording> {
  const whole = runs.length === 1 ? await record(runs[0]!) : null
  const { logProbs, entropies } = whole ?? (await values())
  return {
    logProbs,
    entropies,
    async gradient(dLogProbs, dEntropies, sum) {
      const computed: (readonly number[])[] = []
      let at = 0
      for (const run of runs) {
        const recording = whole ?? (await record(run))
        const end = at + run.rows.reduce((count, { completionIds }) => count + completionIds.length, 0)
        const dys = [dLogProbs.subarray(at, end), dEntropies?.subarray(at, end) ?? null] as const
        computed.push(...(await recording.gradient(...dys, sum)))
        at = end
      }
      return computed
    },
    dispose() {
      whole?.dispose()
    },
  }
}
