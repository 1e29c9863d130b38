import { decodings } from '../run/evaluation.js'
import type {
  Decoding,
  DecodingResult,
  EvaluatedProblem,
  Evaluation,
  Estimate,
  PairedResult,
  PolicyResult,
} from '../run/evaluation.js'
import type { ComparedProblem, ComparedQuantity, ComparedTrace, EvaluationReport } from './reportData.js'

/** Sampled completions of a problem that the page shows of each model. */
const MOST_SAMPLES = 4

/** An evaluation as the page shows it: its first policy (the base) against the last one (the trained model). */
export function evaluationReport(evaluation: Evaluation): EvaluationReport {
  const { policies, comparisons, problems, createdAt } = evaluation
  const base = policies[0]!
  const trained = policies.length > 1 ? policies.at(-1)! : null
  const pair = comparisons.find(({ baseline, policy }) => baseline === base.name && policy === trained?.name)
  return {
    createdAt,
    description: describe(evaluation),
    baseName: base.name,
    trainedName: trained?.name ?? null,
    comparisons: decodings.flatMap((decoding) =>
      rows.flatMap((row) =>
        comparedQuantity(row, decoding, base[decoding], trained?.[decoding] ?? null, pair?.[decoding] ?? null),
      ),
    ),
    problems: problems.map((problem, i) => comparedProblem(problem, i, base, trained)),
  }
}

/** `500 problems of arithmetic, 4 sampled for each at temperature 1, up to 64 tokens, 95 % intervals, frozen weights bfloat16` */
function describe({ problems, task, settings, policies }: Evaluation): string {
  const formats = [...new Set(policies.flatMap(({ weightFormat }) => weightFormat ?? []))]
  return [
    `${problems.length.toLocaleString('en')} problems of ${task}`,
    `${settings.samples} sampled for each at temperature ${settings.temperature}`,
    `up to ${settings.maxCompletionLength} tokens`,
    `${Math.round(100 * settings.confidence)} % intervals`,
    ...(formats.length === 0 ? [] : [`frozen weights ${formats.join('; ')}`]),
  ].join(', ')
}

/** A row of the table: where its value stands in the results of a model, and its difference in those of the pair. */
interface Row {
  readonly label: string
  readonly unit: ComparedQuantity['unit']
  readonly value: (result: DecodingResult) => Estimate | null
  readonly paired?: (pair: PairedResult) => { difference: Estimate; pValue: number | null }
}

const rows: readonly Row[] = [
  { label: 'Accuracy', unit: 'share', value: ({ accuracy }) => accuracy, paired: ({ strict }) => strict },
  {
    label: 'Accuracy in whatever form',
    unit: 'share',
    value: ({ accuracyLenient }) => accuracyLenient,
    paired: ({ lenient }) => lenient,
  },
  { label: 'Majority right', unit: 'share', value: ({ majority }) => majority?.accuracy ?? null },
  { label: 'Completions with steps', unit: 'share', value: ({ reasoning }) => reasoning.withSteps },
  { label: 'Reasoning steps', unit: 'number', value: ({ reasoning }) => reasoning.meanSteps },
  { label: 'Equations that hold', unit: 'share', value: ({ reasoning }) => reasoning.correctEquations },
  { label: 'Self-correcting completions', unit: 'share', value: ({ reasoning }) => reasoning.selfCorrecting },
  { label: 'Answer follows from the last step', unit: 'share', value: ({ reasoning }) => reasoning.coherent },
  {
    label: 'Length, tokens',
    unit: 'number',
    value: ({ meanTokens }) => meanTokens,
    paired: ({ meanTokens }) => ({ difference: meanTokens, pValue: null }),
  },
  { label: 'Cut off', unit: 'share', value: ({ truncated }) => truncated },
]

/** None where neither model was measured. */
function comparedQuantity(
  { label, unit, value, paired }: Row,
  decoding: Decoding,
  baseResult: DecodingResult | null,
  trainedResult: DecodingResult | null,
  pair: PairedResult | null,
): ComparedQuantity[] {
  const [base, trained] = [baseResult && value(baseResult), trainedResult && value(trainedResult)]
  if (!base && !trained) return []
  const { difference, pValue } = (pair && paired?.(pair)) ?? { difference: null, pValue: null }
  return [{ label, decoding, unit, base, trained, difference, pValue }]
}

function comparedProblem(
  { id, question, prompt, answer }: EvaluatedProblem,
  index: number,
  base: PolicyResult,
  trained: PolicyResult | null,
): ComparedProblem {
  return {
    id,
    question,
    prompt,
    answer,
    base: tracesOf(base, index),
    trained: trained ? tracesOf(trained, index) : [],
  }
}

function tracesOf(policy: PolicyResult, index: number): ComparedTrace[] {
  return decodings.flatMap((decoding) =>
    (policy[decoding]?.completions[index] ?? [])
      .slice(0, MOST_SAMPLES)
      .map(({ text, correct, correctLenient, extracted, tokens, finishReason }) => ({
        decoding,
        text,
        correct,
        onlyLenient: !correct && correctLenient,
        extracted,
        length: tokens,
        cut: finishReason === 'length',
      })),
  )
}
