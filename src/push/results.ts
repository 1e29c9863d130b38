import { decodings } from '../run/evaluation.js'
import type { Decoding, DecodingResult, Estimate, Evaluation, PairedResult, PolicyResult } from '../run/evaluation.js'

/** The policies of an evaluation that a card speaks of. */
export interface CardPolicies {
  readonly trained: PolicyResult
  readonly base: PolicyResult | null
  readonly placebo: PolicyResult | null
}

/** Which of an evaluation's policies is which; null when none of them is the adapter's. */
export function cardPolicies({ policies }: Evaluation): CardPolicies | null {
  const named = (name: string): PolicyResult | null => policies.find((policy) => policy.name === name) ?? null
  const withAdapter = policies.filter(({ adapter, name }) => adapter !== null && name !== 'placebo')
  const trained = named('trained') ?? (withAdapter.length === 1 ? withAdapter[0]! : null)
  if (trained === null) return null
  const base = named('base') ?? policies.find((policy) => policy.adapter === null && policy !== trained) ?? null
  return { trained, base, placebo: named('placebo') }
}

/** The paired comparison of two policies, the later one minus the earlier one. */
export function pairedResult(
  { comparisons }: Evaluation,
  baseline: PolicyResult,
  policy: PolicyResult,
  decoding: Decoding,
): PairedResult | null {
  const found = comparisons.find((one) => one.baseline === baseline.name && one.policy === policy.name)
  return found?.[decoding] ?? null
}

/** `greedy decoding`, or `4 completions a problem at temperature 1`. */
export function describeDecoding({ settings }: Evaluation, decoding: Decoding): string {
  if (decoding === 'greedy') return 'greedy decoding'
  return `${settings.samples} completions a problem at temperature ${settings.temperature}`
}

/** Train or test when the ids of all problems say so (`gsm8k/test/17`). */
export function evaluatedSplit({ problems }: Evaluation): 'train' | 'test' | null {
  const split = (['train', 'test'] as const).find((name) => problems.every(({ id }) => id.split('/').includes(name)))
  return split ?? null
}

/** A metric of one policy as the Hub's metadata has it; shares from 0 to 1. */
export interface NamedMetric {
  readonly type: string
  readonly name: string
  readonly estimate: Estimate
}

export function namedMetrics(evaluation: Evaluation, policy: PolicyResult): NamedMetric[] {
  return decodings.flatMap((decoding) => {
    const result = policy[decoding]
    return result ? metricsOf(result, decoding === 'greedy' ? 'greedy' : describeDecoding(evaluation, 'sampled')) : []
  })
}

function metricsOf({ accuracy, accuracyLenient, passAtK }: DecodingResult, how: string): NamedMetric[] {
  return [
    { type: 'accuracy', name: `accuracy (strict, ${how})`, estimate: accuracy },
    { type: 'accuracy', name: `accuracy (lenient, ${how})`, estimate: accuracyLenient },
    ...passAtK
      .filter(({ k }) => k > 1)
      .map(({ k, strict }) => ({ type: `pass@${k}`, name: `pass@${k} (strict, ${how})`, estimate: strict })),
  ]
}
