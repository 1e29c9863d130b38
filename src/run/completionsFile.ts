import { z } from 'zod'
import { runLayout } from './layout.js'
import { readRecords, RecordTail } from './recordTail.js'

/** A line of completions.jsonl: a completion, and what it was worth. */
export interface CompletionLine {
  /** The step in which it was sampled, from 1. */
  readonly step: number
  /** Number of its group within the step, from 0; older files do not have it. */
  readonly group?: number | undefined
  /** Id of the problem. */
  readonly problem: string
  /** The prompt as text. */
  readonly prompt: string
  /** The completion as text. */
  readonly completion: string
  /** The right answer. */
  readonly answer: string | null
  /** By the name of the reward function; null where it did not judge. */
  readonly rewards: Readonly<Record<string, number | null>>
  /** Whether the answer is right; null where no reward judges that, missing in older files. */
  readonly correct?: boolean | null | undefined
  /** Weighted sum of the rewards; null when none judged. */
  readonly reward: number | null
  /** How much better than its group; null where that is no finite number. */
  readonly advantage: number | null
  /** `stop`, or `length`: cut off at the token limit; null where another engine sampled it and did not keep that. */
  readonly finish_reason: string | null
  /** In tokens; null where another engine sampled it and did not keep that. */
  readonly length: number | null
  /** Its tokens; they, and what follows, are there with `logCompletionTokens`. */
  readonly completion_ids?: readonly number[] | undefined
  /** Texts of the tokens, which together are the completion; missing where they are not known. */
  readonly tokens?: readonly string[] | undefined
  /** log p of each token when it was sampled, in nats. */
  readonly logprobs?: readonly (number | null)[] | undefined
  /** log p of each token under the reference model, in nats; with `beta` above 0. */
  readonly ref_logprobs?: readonly (number | null)[] | undefined
  /** Of each token 1 where the model sampled it, 0 where it was given; missing where all were sampled. */
  readonly mask?: readonly number[] | undefined
}

const logProbs = z.array(z.number().nullable())

/** What a line of completions.jsonl has to be; fields that it does not know are left out. */
const completionLineSchema: z.ZodType<CompletionLine> = z.object({
  step: z.int().nonnegative(),
  group: z.int().nonnegative().optional(),
  problem: z.string(),
  prompt: z.string(),
  completion: z.string(),
  answer: z.string().nullable(),
  rewards: z.record(z.string(), z.number().nullable()),
  correct: z.boolean().nullable().optional(),
  reward: z.number().nullable(),
  advantage: z.number().nullable(),
  finish_reason: z.string().nullable(),
  length: z.int().nonnegative().nullable(),
  completion_ids: z.array(z.int().nonnegative()).optional(),
  tokens: z.array(z.string()).optional(),
  logprobs: logProbs.optional(),
  ref_logprobs: logProbs.optional(),
  mask: z.array(z.union([z.literal(0), z.literal(1)])).optional(),
})

/** The completions of a run, one after the other. Throws a FileFormatError when the file is missing or a line is damaged. */
export function readCompletions(folder: string): AsyncGenerator<CompletionLine> {
  return readRecords(runLayout(folder).completions, completionLineSchema)
}

/** The completions of a run that goes on, or of one whose file is damaged; see {@link RecordTail}. */
export function tailCompletions(folder: string): RecordTail<CompletionLine> {
  return new RecordTail(runLayout(folder).completions, completionLineSchema)
}
