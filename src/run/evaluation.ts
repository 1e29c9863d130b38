/** The version of eval.json that this release writes; one with another version is refused. */
export const EVALUATION_VERSION = 1

/** Ways of decoding: by the likeliest tokens, and by sampled ones. */
export const decodings = ['greedy', 'sampled'] as const
export type Decoding = (typeof decodings)[number]

/** An evaluation as eval.json holds it, there with names in snake_case. */
export interface Evaluation {
  /** Version of the format. */
  version: typeof EVALUATION_VERSION
  /** When it was made (ISO 8601). */
  createdAt: string
  /** Name of the task. */
  task: string
  /** How completions were sampled and intervals computed. */
  settings: EvaluationSettings
  /** What was asked. */
  problems: EvaluatedProblem[]
  /** What each policy gave. */
  policies: PolicyResult[]
  /** Each policy with each one before it. */
  comparisons: Comparison[]
}

/** How completions were sampled and intervals computed. */
export interface EvaluationSettings {
  /** Most tokens of a completion. */
  maxCompletionLength: number
  /** Temperature of the sampled completions. */
  temperature: number
  /** Sampled among the k likeliest tokens; 0: all. */
  topK: number
  /** Sampled among the likeliest tokens that together have this probability. */
  topP: number
  /** Sampled among tokens at least this times as likely as the likeliest. */
  minP: number
  /** Above 1, tokens that occurred became less likely. */
  repetitionPenalty: number
  /** Texts that end a completion. */
  stopStrings: string[]
  /** Whether each problem was also answered once by the likeliest tokens. */
  greedy: boolean
  /** Sampled completions of each problem. */
  samples: number
  /** Seed of sampling and resampling. */
  seed: number
  /** Confidence of all intervals. */
  confidence: number
  /** Draws of a bootstrap interval or a permutation test. */
  resamples: number
}

/** A problem of an evaluation. */
export interface EvaluatedProblem {
  /** Unique within the task. */
  id: string
  /** What was asked. */
  question: string
  /** The prompt as the models got it. */
  prompt: string
  /** The right answer. */
  answer: string
  /** Harder problems have larger numbers; null when the task does not say. */
  difficulty: number | null
}

/** A measured value with its confidence interval; without bounds where there is too little to tell them. */
export interface Estimate {
  /** What was measured. */
  value: number
  /** Lower bound of the interval. */
  low: number | null
  /** Upper bound of the interval. */
  high: number | null
}

/** What the steps of one completion look like. */
export interface TraceReasoning {
  /** Number of steps. */
  steps: number
  /** Equations among them, such as `18 / 3 = 6`. */
  equations: number
  /** Equations that hold. */
  correctEquations: number
  /** Places where the completion takes back what it said. */
  selfCorrections: number
  /** Self-corrections that changed a result for the better. */
  helpfulSelfCorrections: number
  /** Whether the final answer follows from the last step; null when either is missing. */
  coherent: boolean | null
}

/** One graded completion. */
export interface Trace {
  /** The completion. */
  text: string
  /** Its length in tokens. */
  tokens: number
  /** `length`: cut off at maxCompletionLength. */
  finishReason: 'stop' | 'length'
  /** The answer is right and in the form asked for. */
  correct: boolean
  /** The answer is right, in whatever form. */
  correctLenient: boolean
  /** The answer that was found. */
  extracted: string | null
  /** Why it is wrong, where the grader says so. */
  reason: string | null
  /** What its steps look like. */
  reasoning: TraceReasoning
}

/** How completions reason: means over problems, each counting the same. */
export interface ReasoningQuality {
  /** Share of completions with at least one step. */
  withSteps: Estimate
  /** Steps of a completion. */
  meanSteps: Estimate
  /** Share of equations that hold; null when there are none. */
  correctEquations: Estimate | null
  /** Share of completions that correct themselves. */
  selfCorrecting: Estimate
  /** Number of self-corrections in all completions, and of those that changed a result for the better. */
  selfCorrections: { count: number; helpful: number }
  /** Share of completions whose answer follows from their last step, among those that have both; null when none has. */
  coherent: Estimate | null
}

/** What one way of decoding gave. */
export interface DecodingResult {
  /** Completions of each problem. */
  completionsPerProblem: number
  /** Share of completions that are right in the form asked for. */
  accuracy: Estimate
  /** Share of completions that are right in whatever form. */
  accuracyLenient: Estimate
  /** Chance that one of k completions is right; k = 1 is the accuracy. */
  passAtK: { k: number; strict: Estimate; lenient: Estimate }[]
  /** Chance that the commonest answer of all completions of a problem, in whatever form, is right; null for one completion. */
  majority: { k: number; accuracy: Estimate } | null
  /** Share of completions cut off at maxCompletionLength. */
  truncated: Estimate
  /** Mean length of completions, in tokens. */
  meanTokens: Estimate
  /** How the completions reason. */
  reasoning: ReasoningQuality
  /** By rising difficulty; empty when the problems have none. */
  byDifficulty: { difficulty: number; problems: number; accuracy: Estimate; accuracyLenient: Estimate }[]
  /** For each problem, in the order of `problems`, its completions. */
  completions: Trace[][]
}

/** What a policy gave. */
export interface PolicyResult {
  /** Such as `base` and `trained`. */
  name: string
  /** Folder or Hub id. */
  model: string
  /** Folder; null when the model has no adapter, or one that was never saved. */
  adapter: string | null
  /** What the frozen weights were kept in, in words, such as `bfloat16`; null in an evaluation of an earlier version. */
  weightFormat: string | null
  /** By the likeliest tokens; null when that was not asked for. */
  greedy: DecodingResult | null
  /** By sampled tokens; null when that was not asked for. */
  sampled: DecodingResult | null
}

/** A difference of two shares on the same problems, the later policy minus the baseline. */
export interface PairedDifference {
  /** Positive when the policy is better than its baseline. */
  difference: Estimate
  /** Another interval of the difference: problems drawn again with replacement; null for a single problem. */
  bootstrap: { low: number; high: number } | null
  /** Probability of a difference at least as large if the policies were equally good; two-sided. */
  pValue: number
  /** The test that gave it. */
  test: 'exact McNemar' | 'sign-flip permutation'
  /** Ids of problems that the policy solves and the baseline does not; with several completions: solves more often. */
  fixed: string[]
  /** Ids of problems that the baseline solves and the policy does not, or less often. */
  broken: string[]
  /** Problems that both always solve. */
  bothRight: number
  /** Problems that neither ever solves. */
  bothWrong: number
}

/** A policy beside its baseline, in one way of decoding. */
export interface PairedResult {
  /** Of right answers in the form asked for. */
  strict: PairedDifference
  /** Of right answers in whatever form. */
  lenient: PairedDifference
  /** Difference of the chances that one of k completions is right. */
  passAtK: { k: number; difference: Estimate }[]
  /** Difference of the mean lengths, in tokens. */
  meanTokens: Estimate
  /** Completions of each of the two. */
  completions: number
  /** How many of them are the same text for both. */
  identicalCompletions: number
}

/** A policy beside one that was given before it. */
export interface Comparison {
  /** Name of the one before. */
  baseline: string
  /** Name of the policy. */
  policy: string
  /** By the likeliest tokens; null when that was not asked for. */
  greedy: PairedResult | null
  /** By sampled tokens; null when that was not asked for. */
  sampled: PairedResult | null
}
