import { z } from 'zod'
import { runLayout } from './layout.js'
import { readAllRecords, RecordTail } from './recordTail.js'

/** A line of diagnosis.jsonl: a finding that starts or ends with a step. */
export interface DiagnosisLine {
  /** The step with which it starts or ends. */
  readonly step: number
  /** What is the matter, in a word. */
  readonly name: string
  /** The reward function that it is about; null when it is about the run. */
  readonly subject: string | null
  /** `info`: good to know; `warning`: costs time or quality; `error`: nothing is learned any more. */
  readonly severity: 'info' | 'warning' | 'error'
  /** What is the matter, in a sentence, with its numbers. */
  readonly message: string
  /** The numbers that made it speak, by the names of their metrics; null stands for NaN and infinities. */
  readonly evidence: Readonly<Record<string, number | null>>
  /** One change to try. */
  readonly advice: string
  /** `ended`: what was said no longer holds. */
  readonly state: 'started' | 'ongoing' | 'ended'
  /** The step at which it was first said. */
  readonly since: number
}

/** What a line of diagnosis.jsonl has to be; fields that it does not know are left out. */
const diagnosisLineSchema: z.ZodType<DiagnosisLine> = z.object({
  step: z.int().nonnegative(),
  name: z.string(),
  subject: z.string().nullable(),
  severity: z.enum(['info', 'warning', 'error']),
  message: z.string(),
  evidence: z.record(z.string(), z.number().nullable()),
  advice: z.string(),
  state: z.enum(['started', 'ongoing', 'ended']),
  since: z.int().nonnegative(),
})

/** What was found during a run. Throws a FileFormatError when the file is missing or a line is damaged. */
export function readDiagnosis(folder: string): Promise<DiagnosisLine[]> {
  return readAllRecords(runLayout(folder).diagnosis, diagnosisLineSchema)
}

/** What was found so far during a run that goes on, or in a file that is damaged; see {@link RecordTail}. */
export function tailDiagnosis(folder: string): RecordTail<DiagnosisLine> {
  return new RecordTail(runLayout(folder).diagnosis, diagnosisLineSchema)
}
