import type { Comparison, EvaluatedProblem, EvaluatedTrace, EvaluationReport, Measured } from './reportData.js'
import { asArray, asBoolean, asNumber, asObject, asText } from './values.js'

/** Sampled completions of a problem that the page shows of each model. */
const MOST_SAMPLES = 4

type Fields = Readonly<Record<string, unknown>>

const decodings = ['greedy', 'sampled'] as const

/**
 * eval.json as the page shows it: the first policy (the base) against the last one (the trained model). Null when it holds no
 * policies.
 */
export function readEvaluation(value: unknown): EvaluationReport | null {
  const evaluation = asObject(value)
  const policies = asArray(evaluation.policies).map(asObject)
  const [base] = policies
  if (!base) return null
  const trained = policies.length > 1 ? policies.at(-1)! : null
  const name = (policy: Fields, otherwise: string): string => asText(policy.name) ?? otherwise
  const pair = asArray(evaluation.comparisons)
    .map(asObject)
    .find((comparison) => comparison.baseline === base.name && comparison.policy === trained?.name)
  return {
    createdAt: asText(evaluation.created_at) ?? '',
    description: describe(evaluation),
    baseName: name(base, 'base'),
    trainedName: trained && name(trained, 'trained'),
    comparisons: decodings.flatMap((decoding) => {
      const sides = [asObject(base[decoding]), asObject(trained?.[decoding])] as const
      return comparisonsOf(decoding, ...sides, asObject(pair?.[decoding]))
    }),
    problems: asArray(evaluation.problems).map((problem, i) => evaluatedProblem(asObject(problem), i, base, trained)),
  }
}

/** `500 held-out problems of arithmetic, completions of up to 64 tokens, temperature 1, 95 % intervals` */
function describe(evaluation: Fields): string {
  const settings = asObject(evaluation.settings)
  const confidence = asNumber(settings.confidence)
  return [
    `${asArray(evaluation.problems).length.toLocaleString('en')} problems of ${asText(evaluation.task) ?? 'the task'}`,
    `${asText(settings.samples) ?? '0'} sampled for each at temperature ${asText(settings.temperature) ?? '1'}`,
    `up to ${asText(settings.max_completion_length) ?? '?'} tokens`,
    ...(confidence === null ? [] : [`${Math.round(100 * confidence)} % intervals`]),
  ].join(', ')
}

/** A row of the table: where its value stands in the results of a model, and its difference in those of the pair. */
interface Row {
  readonly label: string
  readonly unit: Comparison['unit']
  readonly value: (result: Fields) => unknown
  readonly paired?: (pair: Fields) => { difference: unknown; pValue: unknown }
}

const rows: readonly Row[] = [
  {
    label: 'Accuracy',
    unit: 'share',
    value: ({ accuracy }) => accuracy,
    paired: ({ strict }) => ({ difference: asObject(strict).difference, pValue: asObject(strict).p_value }),
  },
  {
    label: 'Accuracy in whatever form',
    unit: 'share',
    value: ({ accuracy_lenient: accuracy }) => accuracy,
    paired: ({ lenient }) => ({ difference: asObject(lenient).difference, pValue: asObject(lenient).p_value }),
  },
  { label: 'Majority right', unit: 'share', value: ({ majority }) => asObject(majority).accuracy },
  { label: 'Completions with steps', unit: 'share', value: ({ reasoning }) => asObject(reasoning).with_steps },
  { label: 'Reasoning steps', unit: 'number', value: ({ reasoning }) => asObject(reasoning).mean_steps },
  { label: 'Equations that hold', unit: 'share', value: ({ reasoning }) => asObject(reasoning).correct_equations },
  {
    label: 'Self-correcting completions',
    unit: 'share',
    value: ({ reasoning }) => asObject(reasoning).self_correcting,
  },
  { label: 'Answer follows from the last step', unit: 'share', value: ({ reasoning }) => asObject(reasoning).coherent },
  {
    label: 'Length, tokens',
    unit: 'number',
    value: ({ mean_tokens: tokens }) => tokens,
    paired: ({ mean_tokens: tokens }) => ({ difference: tokens, pValue: null }),
  },
  { label: 'Cut off', unit: 'share', value: ({ truncated }) => truncated },
]

function comparisonsOf(decoding: string, base: Fields, trained: Fields, pair: Fields): Comparison[] {
  return rows.flatMap(({ label, unit, value, paired }) => {
    const [before, after] = [measured(value(base)), measured(value(trained))]
    if (!before && !after) return []
    const { difference, pValue } = paired?.(pair) ?? { difference: null, pValue: null }
    return [
      {
        label,
        decoding,
        unit,
        base: before,
        trained: after,
        difference: measured(difference),
        pValue: asNumber(pValue),
      },
    ]
  })
}

function measured(value: unknown): Measured | null {
  const estimate = asObject(value)
  const number = asNumber(estimate.value)
  return number === null ? null : { value: number, low: asNumber(estimate.low), high: asNumber(estimate.high) }
}

function evaluatedProblem(problem: Fields, index: number, base: Fields, trained: Fields | null): EvaluatedProblem {
  return {
    id: asText(problem.id) ?? String(index + 1),
    question: asText(problem.question ?? problem.prompt) ?? '',
    prompt: asText(problem.prompt ?? problem.question) ?? '',
    answer: asText(problem.answer) ?? '',
    base: tracesOf(base, index),
    trained: trained ? tracesOf(trained, index) : [],
  }
}

function tracesOf(policy: Fields, index: number): EvaluatedTrace[] {
  return decodings.flatMap((decoding) =>
    asArray(asArray(asObject(policy[decoding]).completions)[index])
      .slice(0, MOST_SAMPLES)
      .map((item): EvaluatedTrace => {
        const trace = asObject(item)
        const correct = asBoolean(trace.correct) ?? false
        return {
          decoding,
          correct,
          text: asText(trace.text) ?? '',
          extracted: asText(trace.extracted),
          onlyLenient: !correct && trace.correct_lenient === true,
          length: asNumber(trace.tokens) ?? 0,
          cut: trace.finish_reason === 'length',
        }
      }),
  )
}
