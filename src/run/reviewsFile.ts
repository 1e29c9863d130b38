import { z } from 'zod'
import { withFileLock } from '../io/fileLock.js'
import { JsonLinesWriter } from '../io/jsonLines.js'
import { decodings } from './evaluation.js'
import type { Decoding } from './evaluation.js'
import { runLayout } from './layout.js'
import { RecordTail } from './recordTail.js'

/** What a reviewer may say of two completions: which one reasons better, that they are equally good, or that both are bad. */
export const reviewVerdicts = ['left', 'right', 'tie', 'both_bad'] as const
export type ReviewVerdict = (typeof reviewVerdicts)[number]

/** A line of reviews.jsonl: what a person said of two completions of the same problem. */
export interface ReviewLine {
  /** When it was said (ISO 8601). */
  readonly time: string
  /** Who said it. */
  readonly reviewer: string
  /** Id of the problem. */
  readonly problem: string
  /** How the two were decoded. */
  readonly decoding: Decoding
  /** Which of the completions of the problem, from 0. */
  readonly sample: number
  /** Stands for the problem and both texts: of an evaluation in which they differ the verdict says nothing. */
  readonly pair: string
  /** Whose completion stood at the left, or first. */
  readonly left: 'base' | 'trained'
  /** Null takes an earlier verdict of the same reviewer on the same pair back. */
  readonly verdict: ReviewVerdict | null
  /** Whether the reviewer had looked at the expected answer. */
  readonly answer_shown: boolean
}

/** Longest name of a reviewer. */
export const LONGEST_REVIEWER = 100

/** What a line of reviews.jsonl has to be; fields that it does not know are left out. */
const reviewLineSchema: z.ZodType<ReviewLine> = z.object({
  time: z.string(),
  reviewer: z.string().min(1).max(LONGEST_REVIEWER),
  problem: z.string(),
  decoding: z.enum(decodings),
  sample: z.int().nonnegative(),
  pair: z.string(),
  left: z.enum(['base', 'trained']),
  verdict: z.enum(reviewVerdicts).nullable(),
  answer_shown: z.boolean(),
})

/** The verdicts of all reviewers of a run so far, also while some are at work; see {@link RecordTail}. */
export function tailReviews(folder: string): RecordTail<ReviewLine> {
  return new RecordTail(runLayout(folder).reviews, reviewLineSchema)
}

/** The verdicts in the folder of a run, and what is wrong with the file, if anything; none where nobody has reviewed it. */
export function readReviews(folder: string): { lines: ReviewLine[]; problem: string | null } {
  const tail = tailReviews(folder)
  const lines: ReviewLine[] = []
  const take = (line: ReviewLine): void => void lines.push(line)
  tail.read(take)
  tail.end(take)
  return { lines, problem: tail.problem }
}

/**
 * Adds a verdict to reviews.jsonl: the whole line, on the disk, or nothing. Several programs may do so at once. Throws a GrpoError when
 * the operating system refuses.
 */
export async function appendReview(folder: string, line: ReviewLine): Promise<void> {
  const file = runLayout(folder).reviews
  // A line that another program is writing is not to be taken for one that was cut when its writer was killed.
  await withFileLock(`${file}.lock`, { pollMilliseconds: 20 }, () => {
    const writer = new JsonLinesWriter(file, { append: true })
    try {
      writer.write(line)
      writer.flush()
    } finally {
      writer.close()
    }
    return Promise.resolve()
  })
}
