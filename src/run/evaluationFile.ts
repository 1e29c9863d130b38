import { z } from 'zod'
import { FileFormatError } from '../errors.js'
import { atomicWriteFile } from '../io/atomicWrite.js'
import { isJsonObject } from '../io/json.js'
import { parseJsonFields } from '../io/jsonFields.js'
import { readJson } from '../io/readJsonFile.js'
import { camelCase, snakeCase } from '../options/names.js'
import { EVALUATION_VERSION } from './evaluation.js'
import type { Evaluation } from './evaluation.js'
import { evaluationOptions } from './evaluationOptions.js'

/** Share of anything between 0 and 1. */
const share = z.number().min(0).max(1)

const estimateSchema = z.object({
  value: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
})

const settingsSchema = z.object({ ...evaluationOptions, maxCompletionLength: z.int().positive() })

const problemSchema = z.object({
  id: z.string(),
  question: z.string(),
  prompt: z.string(),
  answer: z.string(),
  difficulty: z.number().nullable(),
})

const traceReasoningSchema = z.object({
  steps: z.int().nonnegative(),
  equations: z.int().nonnegative(),
  correctEquations: z.int().nonnegative(),
  selfCorrections: z.int().nonnegative(),
  helpfulSelfCorrections: z.int().nonnegative(),
  coherent: z.boolean().nullable(),
})

const traceSchema = z.object({
  text: z.string(),
  tokens: z.int().nonnegative(),
  finishReason: z.enum(['stop', 'length']),
  correct: z.boolean(),
  correctLenient: z.boolean(),
  extracted: z.string().nullable(),
  reason: z.string().nullable(),
  reasoning: traceReasoningSchema,
})

const reasoningSchema = z.object({
  withSteps: estimateSchema,
  meanSteps: estimateSchema,
  correctEquations: estimateSchema.nullable(),
  selfCorrecting: estimateSchema,
  selfCorrections: z.object({ count: z.int().nonnegative(), helpful: z.int().nonnegative() }),
  coherent: estimateSchema.nullable(),
})

const decodingResultSchema = z.object({
  completionsPerProblem: z.int().positive(),
  accuracy: estimateSchema,
  accuracyLenient: estimateSchema,
  passAtK: z.array(z.object({ k: z.int().positive(), strict: estimateSchema, lenient: estimateSchema })),
  majority: z.object({ k: z.int().positive(), accuracy: estimateSchema }).nullable(),
  truncated: estimateSchema,
  meanTokens: estimateSchema,
  reasoning: reasoningSchema,
  byDifficulty: z.array(
    z.object({
      difficulty: z.number(),
      problems: z.int().positive(),
      accuracy: estimateSchema,
      accuracyLenient: estimateSchema,
    }),
  ),
  completions: z.array(z.array(traceSchema)),
})

const policyResultSchema = z.object({
  name: z.string(),
  model: z.string(),
  adapter: z.string().nullable(),
  weightFormat: z.string().nullable().default(null),
  greedy: decodingResultSchema.nullable(),
  sampled: decodingResultSchema.nullable(),
})

const pairedDifferenceSchema = z.object({
  difference: estimateSchema,
  bootstrap: z.object({ low: z.number(), high: z.number() }).nullable(),
  pValue: share,
  test: z.enum(['exact McNemar', 'sign-flip permutation']),
  fixed: z.array(z.string()),
  broken: z.array(z.string()),
  bothRight: z.int().nonnegative(),
  bothWrong: z.int().nonnegative(),
})

const pairedResultSchema = z.object({
  strict: pairedDifferenceSchema,
  lenient: pairedDifferenceSchema,
  passAtK: z.array(z.object({ k: z.int().positive(), difference: estimateSchema })),
  meanTokens: estimateSchema,
  completions: z.int().positive(),
  identicalCompletions: z.int().nonnegative(),
})

const comparisonSchema = z.object({
  baseline: z.string(),
  policy: z.string(),
  greedy: pairedResultSchema.nullable(),
  sampled: pairedResultSchema.nullable(),
})

/** What eval.json has to be, with names in camelCase. */
export const evaluationSchema: z.ZodType<Evaluation> = z.object({
  version: z.literal(EVALUATION_VERSION),
  createdAt: z.string(),
  task: z.string(),
  settings: settingsSchema,
  problems: z.array(problemSchema).min(1),
  policies: z.array(policyResultSchema).min(1),
  comparisons: z.array(comparisonSchema),
})

/** Writes an evaluation as JSON, with names in snake_case as in the other files of a run. Throws a GrpoError. */
export function writeEvaluation(file: string, evaluation: Evaluation): void {
  atomicWriteFile(file, formatEvaluationFile(evaluation))
}

/** The content of eval.json. */
export function formatEvaluationFile(evaluation: Evaluation): string {
  return `${JSON.stringify(renameKeys(evaluationSchema.parse(evaluation), snakeCase), null, 2)}\n`
}

/** Reads what {@link writeEvaluation} wrote. Throws a FileFormatError for a file that is missing or not of this form. */
export function readEvaluation(file: string): Evaluation {
  const json = readJson(file, 'make it with grpo-ts eval')
  let value: unknown
  try {
    value = renameKeys(json, camelCase)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new FileFormatError(file, 'is nested too deeply for an evaluation; make it again with grpo-ts eval', {
      cause,
    })
  }
  const version = isJsonObject(value) ? value.version : undefined
  if (typeof version === 'number' && version !== EVALUATION_VERSION) {
    throw new FileFormatError(
      file,
      `is an evaluation of version ${version}, expected ${EVALUATION_VERSION}; make it again with grpo-ts eval`,
    )
  }
  return parseJsonFields(evaluationSchema, value, file)
}

/** The same JSON value with other names of its fields, at every depth. */
function renameKeys(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renameKeys(item, rename))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [rename(name), renameKeys(item, rename)]))
}
