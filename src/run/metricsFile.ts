import { z } from 'zod'
import { runLayout } from './layout.js'
import { readAllRecords, RecordTail } from './recordTail.js'

/** A line of metrics.jsonl: what a step measured, by its name; null stands for NaN and infinities. */
export type MetricsLine = Readonly<Record<string, number | null>> & { readonly step: number }

/** What a line of metrics.jsonl has to be. What it holds besides numbers is left out. */
const metricsLineSchema: z.ZodType<MetricsLine> = z.looseObject({ step: z.int().nonnegative() }).transform((line) => {
  const metrics = Object.entries(line).filter(([, value]) => typeof value === 'number' || value === null)
  return Object.fromEntries(metrics) as MetricsLine
})

/** The steps of a run. Throws a FileFormatError when the file is missing or a line is damaged. */
export function readMetrics(folder: string): Promise<MetricsLine[]> {
  return readAllRecords(runLayout(folder).metrics, metricsLineSchema)
}

/** The steps of a run that goes on, or of one whose file is damaged; see {@link RecordTail}. */
export function tailMetrics(folder: string): RecordTail<MetricsLine> {
  return new RecordTail(runLayout(folder).metrics, metricsLineSchema)
}
