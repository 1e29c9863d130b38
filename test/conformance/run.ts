import { advantages } from './advantages.js'
import { UnsupportedError } from './api.js'
import { chat } from './chat.js'
import type { Row } from './compare.js'
import { greedy } from './greedy.js'
import { grpo } from './grpo.js'
import { logits } from './logits.js'
import { lora } from './lora.js'
import { manifest } from './manifest.js'
import { optim } from './optim.js'
import { listFiles } from './referenceFiles.js'
import type { Part, ReferenceContext } from './referenceFiles.js'
import type { ReportRow } from './report.js'
import { rewards } from './rewards.js'
import { smollm2 } from './smollm2.js'
import { stats } from './stats.js'
import { step } from './step.js'

/** Every part of the reference files, in the order in which they are run. */
export const parts: readonly Part[] = [
  manifest,
  chat,
  rewards,
  stats,
  advantages,
  grpo,
  optim,
  logits,
  greedy,
  lora,
  step,
  smollm2,
]

/** What lies in a folder of reference files beside them: how they were made. */
const notReference = /(^|\/)(README\.md|[^/]+\.py)$/

/** Runs every file of a folder of reference files. Files that no part knows are told as such. */
export async function* runConformance(
  context: ReferenceContext,
  /** Runs these parts only. */
  only: readonly string[] = [],
): AsyncGenerator<ReportRow> {
  const files = listFiles(context.root)
  for (const part of parts) {
    if (only.length > 0 && !only.includes(part.name)) continue
    for (const file of files.filter((name) => part.matches.test(name))) {
      for await (const row of rowsOf(part, file, context)) yield { part: part.name, file, ...row }
    }
  }
  if (only.length > 0) return
  const known = (file: string): boolean =>
    notReference.test(file) || parts.some(({ matches, alsoReads }) => matches.test(file) || alsoReads?.test(file))
  for (const file of files.filter((name) => !known(name))) {
    yield { part: 'unknown', file, quantity: '', status: 'unknown', note: 'no part of this run knows the file' }
  }
}

/** An error ends the file, not the run. */
async function* rowsOf(part: Part, file: string, context: ReferenceContext): AsyncGenerator<Row> {
  try {
    yield* part.run(file, context)
  } catch (error) {
    const { name, message } = error as Error
    const status = error instanceof UnsupportedError ? 'unsupported' : 'fail'
    yield { quantity: 'error', status, note: `${name}: ${message.split('\n')[0]!}` }
  }
}
