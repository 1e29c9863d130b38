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
import { Reading } from './reading.js'
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

/**
 * Runs every file of a folder of reference files. Files that no part knows are told as such, and so are fields and tensors that
 * no part has read.
 */
export async function* runConformance(
  { root, modelFolder }: Omit<ReferenceContext, 'readings'>,
  /** Runs these parts only. */
  only: readonly string[] = [],
): AsyncGenerator<ReportRow> {
  const context: ReferenceContext = { root, modelFolder, readings: new Map() }
  const files = listFiles(root)
  const chosen = parts.filter(({ name }) => only.length === 0 || only.includes(name))
  const broken = new Set<string>()
  for (const part of chosen) {
    for (const file of files.filter((name) => part.matches.test(name))) {
      for await (const row of rowsOf(part, file, context)) {
        if (row.quantity === ERROR) broken.add(file)
        yield { part: part.name, file, ...row }
      }
    }
  }
  yield* unreadFields(context, chosen, broken)
  if (only.length > 0) return
  const known = (file: string): boolean =>
    notReference.test(file) || parts.some(({ matches, alsoReads }) => matches.test(file) || alsoReads?.test(file))
  for (const file of files.filter((name) => !known(name))) {
    yield { part: 'unknown', file, quantity: '', status: 'unknown', note: 'no part of this run knows the file' }
  }
}

/** What no part has read of the files that were run to their end, by all parts that they belong to. */
function* unreadFields(
  { readings }: ReferenceContext,
  chosen: readonly Part[],
  broken: ReadonlySet<string>,
): Generator<ReportRow> {
  for (const [file, reading] of readings) {
    const owners = parts.filter(({ matches, alsoReads }) => matches.test(file) || alsoReads?.test(file))
    if (broken.has(file) || owners.some((part) => !chosen.includes(part))) continue
    const unread = reading.unread()
    if (unread.length === 0) continue
    const shown = unread.slice(0, 8).join(', ') + (unread.length > 8 ? ` and ${unread.length - 8} more` : '')
    const quantity = reading instanceof Reading ? 'fields' : 'tensors'
    yield { part: owners[0]!.name, file, quantity, status: 'unsupported', note: `nothing has read ${shown}` }
  }
}

const ERROR = 'error'

/** An error ends the file, not the run. */
async function* rowsOf(part: Part, file: string, context: ReferenceContext): AsyncGenerator<Row> {
  try {
    yield* part.run(file, context)
  } catch (error) {
    const { name, message } = error as Error
    const status = error instanceof UnsupportedError ? 'unsupported' : 'fail'
    yield { quantity: ERROR, status, note: `${name}: ${message.split('\n')[0]!}` }
  }
}
