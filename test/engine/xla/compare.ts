import assert from 'node:assert/strict'
import type { EngineRow, RecordOptions, ValuesOptions } from '../../../src/engine/engine.js'
import type { Completion, SamplingOptions } from '../../../src/engine/sampling.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { randomIds, sequenceLogits } from '../../fixtures/policies.js'
import { randomValues } from '../../ops/suite.js'
import { assertOnBorder, uniformOf } from './borders.js'
import { both, VOCABULARY } from './engines.js'
import type { Pair } from './engines.js'

/** Largest difference of log-probabilities and entropies in float32, in nats. */
export const VALUE_TOLERANCE = 1e-4
/** Largest difference of the gradient of a parameter in float32, as a share of the gradient's norm. */
export const GRADIENT_TOLERANCE = 1e-4

/** Groups of different sizes, a prompt and completions of one token, and sizes on both sides of a bucket's. */
export const ROWS: readonly EngineRow[] = [
  ...rowsBehind(7, [3, 1, 9]),
  ...rowsBehind(1, [4]),
  ...rowsBehind(18, [17, 2]),
]

/** Completions of these lengths behind a prompt of so many tokens. */
export function rowsBehind(promptTokens: number, lengths: readonly number[], vocabulary = VOCABULARY): EngineRow[] {
  const promptIds = randomIds(promptTokens, vocabulary, promptTokens)
  return lengths.map((length, i) => ({ promptIds, completionIds: randomIds(length, vocabulary, 10 * length + i) }))
}

/** Tokens of all completions. */
export function completionTokens(rows: readonly EngineRow[]): number {
  return rows.reduce((sum, { completionIds }) => sum + completionIds.length, 0)
}

/** The largest difference of values of the same tokens; what is not a number is infinitely far away. */
export function largestDifference(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  assert.deepEqual(
    a.map(({ length }) => length),
    b.map(({ length }) => length),
  )
  const differences = a.flatMap((row, i) => row.map((value, t) => Math.abs(value - b[i]![t]!)))
  return Math.max(...differences.map((difference) => (Number.isNaN(difference) ? Infinity : difference)))
}

/** Log-probabilities and entropies of rows are the same on both engines. */
export async function assertSameValues(
  policies: Pair<CausalLM>,
  rows: readonly EngineRow[] = ROWS,
  options: Partial<ValuesOptions> = {},
): Promise<void> {
  const { cpu, xla } = await both(policies, ({ engineModel }) =>
    engineModel.values(rows, { temperature: 0.9, ...options }),
  )
  for (const key of ['logProbs', 'entropies'] as const) {
    const difference = largestDifference(cpu[key], xla[key])
    note(key, difference)
    assert.ok(difference <= VALUE_TOLERANCE, `${key} differ by ${difference}`)
  }
}

/**
 * The gradient of a random combination of log-probabilities and entropies is the same on both engines: in each parameter by the norm
 * of the difference.
 */
export async function assertSameGradients(
  policies: Pair<CausalLM>,
  rows: readonly EngineRow[] = ROWS,
  options: Partial<RecordOptions> = {},
  tolerance = GRADIENT_TOLERANCE,
): Promise<void> {
  const { cpu, xla } = await both(policies, (policy) => gradientOf(policy, rows, options))
  let at = 0
  for (const { name, values } of policies.cpu.trained!.parameters.parameters()) {
    const [expected, actual] = [cpu, xla].map((all) => all.subarray(at, at + values.length)) as [
      Float32Array,
      Float32Array,
    ]
    at += values.length
    const norm = Math.hypot(...expected)
    const difference = Math.hypot(...expected.map((value, i) => value - actual[i]!))
    assert.ok(difference <= tolerance * norm, `the gradient of ${name} of norm ${norm} differs by ${difference}`)
    if (norm > 0) note('gradients, as a share of their norm', difference / norm)
  }
  assert.ok(at === cpu.length && cpu.some((value) => value !== 0))
}

/** Of Σ weight · log π + weight · entropy, with respect to all that is trained. */
export async function gradientOf(
  { engineModel, trained }: CausalLM,
  rows: readonly EngineRow[],
  options: Partial<RecordOptions> = {},
): Promise<Float32Array> {
  const tokens = completionTokens(rows)
  const sum = new Float32Array(trained!.parameters.values.length)
  const recording = await engineModel.record(rows, { temperature: 0.9, ...options })
  const computed = await recording.gradient(randomValues(tokens, 1), randomValues(tokens, 2), sum)
  assert.ok(largestDifference(computed, recording.logProbs) <= VALUE_TOLERANCE)
  return sum
}

/**
 * Both engines sample the same completions, with the same log-probabilities and entropies. Where they do not, the first token that
 * differs was drawn on a border; a line says so.
 * @returns the completions of the cpu engine
 */
export async function assertSameCompletions(
  policies: Pair<CausalLM>,
  prompts: readonly (readonly number[])[],
  options: SamplingOptions,
): Promise<Completion[][]> {
  const { cpu, xla } = await both(policies, ({ engineModel }) => engineModel.generate(prompts, options))
  assert.deepEqual(
    xla.map(({ length }) => length),
    cpu.map(({ length }) => length),
  )
  const earlier = new Map<string, number>()
  for (const [i, promptIds] of prompts.entries()) {
    const first = earlier.get(promptIds.join()) ?? 0
    earlier.set(promptIds.join(), first + cpu[i]!.length)
    for (const [generation, expected] of cpu[i]!.entries()) {
      const actual = xla[i]![generation]!
      const place = expected.ids.findIndex((id, t) => id !== actual.ids[t])
      if (place < 0) {
        assert.deepEqual(
          [actual.ids, actual.finishReason, actual.text],
          [expected.ids, expected.finishReason, expected.text],
        )
        for (const key of ['logProbs', 'entropies'] as const) {
          const difference = largestDifference([actual[key]], [expected[key]])
          assert.ok(difference <= VALUE_TOLERANCE, `${key} differ by ${difference}`)
          note(`${key} of sampling`, difference)
        }
        continue
      }
      const history = [...promptIds, ...expected.ids.slice(0, place)]
      const logits = sequenceLogits(policies.cpu, history).slice(-policies.cpu.config.vocabularySize)
      const uniform = uniformOf(promptIds, options, first + generation, place)
      assertOnBorder({ logits, history, uniform, ids: [expected.ids[place]!, actual.ids[place]!] }, options)
      console.log(
        `      completion ${generation} of prompt ${i} differs from token ${place} on, which was drawn on a border`,
      )
    }
  }
  return cpu
}

/** The largest differences that were seen. */
const differences = new Map<string, number>()

export function note(what: string, difference: number): void {
  differences.set(what, Math.max(differences.get(what) ?? 0, difference))
}

/** Prints the largest differences that were seen since the last time. */
export function printDifferences(): void {
  for (const [what, difference] of differences)
    console.log(`      largest difference of ${what}: ${difference.toExponential(1)}`)
  differences.clear()
}
