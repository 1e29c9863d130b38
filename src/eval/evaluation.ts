import { z } from 'zod'

/** The version of eval.json that this release writes; one with another version is refused. */
export const EVALUATION_VERSION = 1

/** Share of anything between 0 and 1. */
const share = z.number().min(0).max(1)

/** A measured value with its confidence interval; without bounds where there is too little to tell them. */
const estimateSchema = z.object({
  value: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
})

/** How completions were sampled and intervals computed. */
const settingsSchema = z.object({
  maxCompletionLength: z.int().positive(),
  /** Of the sampled completions. */
  temperature: z.number(),
  topK: z.int(),
  topP: z.number(),
  minP: z.number(),
  repetitionPenalty: z.number(),
  stopStrings: z.array(z.string()),
  /** Whether each problem was also answered once by the likeliest tokens. */
  greedy: z.boolean(),
  /** Sampled completions of each problem. */
  samples: z.int().nonnegative(),
  seed: z.int().nonnegative(),
  /** Of all intervals. */
  confidence: z.number(),
  /** Draws of a bootstrap interval or a permutation test. */
  resamples: z.int().nonnegative(),
})

const problemSchema = z.object({
  id: z.string(),
  question: z.string(),
  /** The prompt as the models got it. */
  prompt: z.string(),
  answer: z.string(),
  difficulty: z.number().nullable(),
})

/** What the steps of one completion look like. */
const traceReasoningSchema = z.object({
  steps: z.int().nonnegative(),
  /** Equations among them, such as `18 / 3 = 6`, and those that hold. */
  equations: z.int().nonnegative(),
  correctEquations: z.int().nonnegative(),
  selfCorrections: z.int().nonnegative(),
  /** Those that changed a result for the better. */
  helpfulSelfCorrections: z.int().nonnegative(),
  /** Whether the final answer follows from the last step; null when either is missing. */
  coherent: z.boolean().nullable(),
})

/** One graded completion. */
const traceSchema = z.object({
  text: z.string(),
  tokens: z.int().nonnegative(),
  /** `length`: cut off at maxCompletionLength. */
  finishReason: z.enum(['stop', 'length']),
  /** The answer is right and in the form asked for. */
  correct: z.boolean(),
  /** The answer is right, in whatever form. */
  correctLenient: z.boolean(),
  /** The answer that was found. */
  extracted: z.string().nullable(),
  /** Why it is wrong, where the grader says so. */
  reason: z.string().nullable(),
  reasoning: traceReasoningSchema,
})

/** Means over problems, each counting the same. */
const reasoningSchema = z.object({
  /** Share of completions with at least one step. */
  withSteps: estimateSchema,
  meanSteps: estimateSchema,
  /** Share of equations that hold; null when there are none. */
  correctEquations: estimateSchema.nullable(),
  /** Share of completions that correct themselves. */
  selfCorrecting: estimateSchema,
  /** Number of self-corrections in all completions, and of those that changed a result for the better. */
  selfCorrections: z.object({ count: z.int().nonnegative(), helpful: z.int().nonnegative() }),
  /** Share of completions whose answer follows from their last step, among those that have both; null when none has. */
  coherent: estimateSchema.nullable(),
})

/** What one way of decoding gave. */
const decodingResultSchema = z.object({
  completionsPerProblem: z.int().positive(),
  /** Share of completions that are right in the form asked for. */
  accuracy: estimateSchema,
  /** Share of completions that are right in whatever form. */
  accuracyLenient: estimateSchema,
  /** Chance that one of k completions is right; k = 1 is the accuracy. */
  passAtK: z.array(z.object({ k: z.int().positive(), strict: estimateSchema, lenient: estimateSchema })),
  /** Chance that the commonest answer of all completions of a problem, in whatever form, is right; null for one completion. */
  majority: z.object({ k: z.int().positive(), accuracy: estimateSchema }).nullable(),
  /** Share of completions cut off at maxCompletionLength. */
  truncated: estimateSchema,
  /** Mean length of completions. */
  meanTokens: estimateSchema,
  reasoning: reasoningSchema,
  /** By rising difficulty; empty when the problems have none. */
  byDifficulty: z.array(
    z.object({
      difficulty: z.number(),
      problems: z.int().positive(),
      accuracy: estimateSchema,
      accuracyLenient: estimateSchema,
    }),
  ),
  /** For each problem, in the order of `problems`, its completions. */
  completions: z.array(z.array(traceSchema)),
})

const policyResultSchema = z.object({
  /** Such as `base` and `trained`. */
  name: z.string(),
  /** Folder or Hub id. */
  model: z.string(),
  /** Folder; null when the model has no adapter, or one that was never saved. */
  adapter: z.string().nullable(),
  greedy: decodingResultSchema.nullable(),
  sampled: decodingResultSchema.nullable(),
})

/** A difference of two shares on the same problems, the later policy minus the baseline. */
const pairedDifferenceSchema = z.object({
  /** Positive when the policy is better than its baseline. */
  difference: estimateSchema,
  /** Another interval of the difference: problems drawn again with replacement; null for a single problem. */
  bootstrap: z.object({ low: z.number(), high: z.number() }).nullable(),
  /** Two-sided. */
  pValue: share,
  test: z.enum(['exact McNemar', 'sign-flip permutation']),
  /** Ids of problems that the policy solves and the baseline does not; with several completions: solves more often. */
  fixed: z.array(z.string()),
  /** The reverse. */
  broken: z.array(z.string()),
  /** Problems that both always solve, and that neither ever solves. */
  bothRight: z.int().nonnegative(),
  bothWrong: z.int().nonnegative(),
})

const pairedResultSchema = z.object({
  strict: pairedDifferenceSchema,
  lenient: pairedDifferenceSchema,
  passAtK: z.array(z.object({ k: z.int().positive(), difference: estimateSchema })),
  meanTokens: estimateSchema,
  /** Completions of each of the two, and how many of them are the same text for both. */
  completions: z.int().positive(),
  identicalCompletions: z.int().nonnegative(),
})

const comparisonSchema = z.object({
  baseline: z.string(),
  policy: z.string(),
  greedy: pairedResultSchema.nullable(),
  sampled: pairedResultSchema.nullable(),
})

/** An evaluation as eval.json holds it, there with names in snake_case. */
export const evaluationSchema = z.object({
  version: z.literal(EVALUATION_VERSION),
  /** ISO 8601. */
  createdAt: z.string(),
  task: z.string(),
  settings: settingsSchema,
  problems: z.array(problemSchema).min(1),
  policies: z.array(policyResultSchema).min(1),
  /** Each policy with each one before it. */
  comparisons: z.array(comparisonSchema),
})

export type Evaluation = z.output<typeof evaluationSchema>
export type EvaluationSettings = z.output<typeof settingsSchema>
export type EvaluatedProblem = z.output<typeof problemSchema>
export type Estimate = z.output<typeof estimateSchema>
export type Trace = z.output<typeof traceSchema>
export type TraceReasoning = z.output<typeof traceReasoningSchema>
export type ReasoningQuality = z.output<typeof reasoningSchema>
export type DecodingResult = z.output<typeof decodingResultSchema>
export type PolicyResult = z.output<typeof policyResultSchema>
export type PairedDifference = z.output<typeof pairedDifferenceSchema>
export type PairedResult = z.output<typeof pairedResultSchema>
export type Comparison = z.output<typeof comparisonSchema>
