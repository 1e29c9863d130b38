import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { ConfigError, ShapeError } from '../../src/errors.js'
import { float32ToBfloat16 } from '../../src/io/dtypes.js'
import { linear } from '../../src/ops/linear.js'
import { sampleTokens } from '../../src/ops/sampleTokens.js'
import type { SampledTokens, SamplingParameters } from '../../src/ops/sampleTokens.js'
import { tokenLogProbs } from '../../src/ops/tokenLogProbs.js'
import { createWeight } from '../../src/ops/weight.js'
import { assertClose, onEveryBackend, OUR_BACKENDS, randomTensor, randomValues, useBackend, values } from './suite.js'

const PLAIN: SamplingParameters = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 }

/** Samples from the same logits once for each uniform number. */
async function sample(
  logits: Float32Array,
  parameters: Partial<SamplingParameters>,
  uniforms: readonly number[],
  history: readonly number[] | null = null,
): Promise<SampledTokens> {
  const row = tf.tensor2d(logits, [1, logits.length])
  const rows = tf.tile(row, [uniforms.length, 1])
  try {
    return await sampleTokens(rows, { ...PLAIN, ...parameters }, uniforms, history && uniforms.map(() => history))
  } finally {
    tf.dispose([row, rows])
  }
}

/**
 * The distribution that is sampled from, in double precision: a straight implementation by sorting, which the kernels avoid.
 * Returns the probability of each token, 0 where it is filtered out.
 */
function distribution(
  logits: Float32Array,
  parameters: Partial<SamplingParameters>,
  history: readonly number[] = [],
): number[] {
  const { temperature, topK, topP, minP, repetitionPenalty } = { ...PLAIN, ...parameters }
  const scores = [...logits].map((z, i) =>
    Math.fround(!history.includes(i) ? z : z > 0 ? z / repetitionPenalty : z * repetitionPenalty),
  )
  const max = Math.max(...scores)
  const sorted = [...scores.keys()].sort((i, j) => scores[j]! - scores[i]!)
  const weights = scores.map((score) => Math.exp((score - max) / temperature))
  let threshold = -Infinity
  if (topK > 0) threshold = scores[sorted[Math.min(topK, sorted.length) - 1]!]!
  const kept = sorted.filter((i) => scores[i]! >= threshold)
  const total = kept.reduce((sum, i) => sum + weights[i]!, 0)
  let sum = 0
  for (const i of kept) {
    sum += weights[i]!
    threshold = scores[i]!
    if (topP < 1 && sum >= topP * total) break
  }
  // The kernels compare scores instead of weights, so a token exactly at the limit of min-p may round either way.
  const p = weights.map((weight, i) => (scores[i]! >= threshold && weight >= minP * 0.999999 ? weight : 0))
  const mass = p.reduce((a, b) => a + b, 0)
  return p.map((weight) => weight / mass)
}

/**
 * Middle of each kept token's interval of the cumulative distribution (of some hundred tokens when there are many): sampling
 * there must give that token, which it does not when another set is kept.
 */
function middles(p: readonly number[]): { tokens: number[]; uniforms: number[] } {
  const intervals: [token: number, middle: number][] = []
  let sum = 0
  for (const [token, probability] of p.entries()) {
    if (probability > 1e-5) intervals.push([token, sum + probability / 2])
    sum += probability
  }
  const step = Math.ceil(intervals.length / 200)
  const some = intervals.filter((_, i) => i % step === 0 || i === intervals.length - 1)
  return { tokens: some.map(([token]) => token), uniforms: some.map(([, middle]) => middle) }
}

/** Logits with ties, across more than one block of the kernel. */
function logitsWithTies(size: number, seed: number, scale = 6): Float32Array {
  return randomValues(size, seed, scale).map((z) => Math.round(z * 64) / 64)
}

const FILTERS: [title: string, parameters: Partial<SamplingParameters>][] = [
  ['temperature 1', {}],
  ['temperature 0.3', { temperature: 0.3 }],
  ['temperature 2.5', { temperature: 2.5 }],
  ['top-k 1', { topK: 1 }],
  ['top-k 20', { topK: 20 }],
  ['top-k beyond the vocabulary', { topK: 100000 }],
  ['top-p 0', { topP: 0 }],
  ['top-p 0.5', { topP: 0.5 }],
  ['top-p 0.95', { topP: 0.95 }],
  ['min-p 0.1', { minP: 0.1 }],
  ['min-p 1', { minP: 1 }],
  ['all filters', { temperature: 0.9, topK: 50, topP: 0.9, minP: 0.02 }],
  ['repetition penalty', { repetitionPenalty: 1.3 }],
  ['repetition penalty and filters', { repetitionPenalty: 1.7, temperature: 0.8, topK: 30, topP: 0.97, minP: 0.01 }],
]

describe('sampleTokens', () => {
  onEveryBackend(() => {
    for (const [title, parameters] of FILTERS) {
      it(`draws each kept token over its interval: ${title}`, async () => {
        for (const [size, seed] of [
          [1, 1],
          [3, 2],
          [67, 3],
          [500, 4],
          [4101, 5],
        ] as const) {
          const logits = logitsWithTies(size, seed)
          const history = [0, size >> 1, size >> 1, size - 1]
          const { tokens, uniforms } = middles(distribution(logits, parameters, history))
          const { ids, logProbs } = await sample(logits, parameters, uniforms, history)
          assert.deepEqual([...ids], tokens, `vocabulary of ${size}`)
          const temperature = parameters.temperature ?? 1
          const whole = distribution(logits, { temperature })
          assertClose(
            logProbs,
            tokens.map((token) => Math.log(whole[token]!)),
            1e-5,
            'log-probability',
          )
        }
      })
    }

    it('lands in the interval of the token for any uniform number', async () => {
      const logits = randomValues(3000, 6, 4)
      const p = distribution(logits, {})
      const uniforms = [0, 1 - 2 ** -53, ...randomValues(200, 7).map(Math.abs)]
      const { ids } = await sample(logits, {}, uniforms)
      for (const [i, id] of ids.entries()) {
        const start = p.slice(0, id).reduce((a, b) => a + b, 0)
        assert.ok(
          start - 1e-5 <= uniforms[i]! && uniforms[i]! <= start + p[id]! + 1e-5,
          `uniform ${uniforms[i]} gave ${id}`,
        )
      }
    })

    it('draws tokens as often as they are likely', async () => {
      const logits = Float32Array.from([0, 1, 2, -1, 0.5])
      const draws = 20000
      const uniforms = [...randomValues(draws, 8)].map((x) => (x + 1) / 2)
      const { ids } = await sample(logits, {}, uniforms)
      const counts = logits.map((_, token) => ids.filter((id) => id === token).length / draws)
      // Four standard deviations of a frequency are at most 0.0142.
      for (const [token, p] of distribution(logits, {}).entries()) assert.ok(Math.abs(counts[token]! - p) < 0.0142)
    })

    it('keeps the ties of the last token that a filter keeps', async () => {
      const logits = Float32Array.from([1, 3, 2, 2, 0, 2])
      const kept = async (parameters: Partial<SamplingParameters>): Promise<number[]> => {
        const { ids } = await sample(
          logits,
          parameters,
          Array.from({ length: 200 }, (_, i) => i / 200),
        )
        return [...new Set(ids)].sort()
      }
      assert.deepEqual(await kept({ topK: 2 }), [1, 2, 3, 5])
      assert.deepEqual(await kept({ topP: 0.6 }), [1, 2, 3, 5])
      assert.deepEqual(await kept({ topP: 0.3 }), [1])
    })

    it('takes the first of the likeliest tokens when the temperature is 0, after the penalty', async () => {
      const logits = randomValues(2500, 9)
      logits[2100] = 5
      logits[2101] = 5
      logits[2499] = 7
      const plain = await sample(logits, { temperature: 0 }, [0.9])
      const penalised = await sample(logits, { temperature: 0, repetitionPenalty: 2 }, [0.9], [2499, 2499, 3])
      assert.deepEqual([plain.ids[0], penalised.ids[0]], [2499, 2100])
      const p = distribution(logits, {})
      assertClose([plain.logProbs[0]!, penalised.logProbs[0]!], [Math.log(p[2499]!), Math.log(p[2100]!)], 1e-5)
    })

    it('takes logits of −infinity and far apart', async () => {
      const logits = Float32Array.from([-Infinity, 500, -Infinity, 499, -1000])
      for (const parameters of [{}, { topK: 3 }, { topP: 0.99 }, { minP: 0.01 }]) {
        const { ids, logProbs } = await sample(logits, parameters, [0, 0.5, 0.999])
        assert.deepEqual([...ids], [1, 1, 3])
        assertClose(logProbs, [-0.3132617, -0.3132617, -1.3132617], 1e-6)
      }
    })

    it('refuses logits that are NaN', async () => {
      for (const parameters of [PLAIN, { ...PLAIN, temperature: 0 }, { ...PLAIN, topK: 2, topP: 0.5 }]) {
        const logits = tf.tensor2d([
          [1, 2, 3],
          [1, NaN, 3],
        ])
        await assert.rejects(sampleTokens(logits, parameters, [0.5, 0.5], null), /row 1 are not numbers/)
        logits.dispose()
      }
    })

    it('samples no rows', async () => {
      const none = tf.zeros<tf.Rank.R2>([0, 5])
      const { ids, logProbs } = await sampleTokens(none, PLAIN, [], null)
      assert.deepEqual([ids.length, logProbs.length], [0, 0])
    })

    it('leaks nothing', async () => {
      const logits = randomTensor([3, 100], 10)
      const used = (): unknown[] => [
        tf.memory().numTensors,
        (tf.memory() as { numBytesInWasm?: number }).numBytesInWasm,
      ]
      const draw = (): Promise<SampledTokens> =>
        sampleTokens(logits, { ...PLAIN, topK: 5, repetitionPenalty: 2 }, [0.1, 0.2, 0.3], [[1], [], [2, 3]])
      await draw()
      const before = used()
      for (let i = 0; i < 5; i++) await draw()
      assert.deepEqual(used(), before)
      logits.dispose()
    })

    it('refuses a missing uniform number or history, tokens outside the vocabulary and a negative temperature', async () => {
      const logits = tf.zeros<tf.Rank.R2>([2, 5])
      await assert.rejects(sampleTokens(logits, PLAIN, [0.5], null), ShapeError)
      await assert.rejects(sampleTokens(logits, PLAIN, [0.5, 0.5], [[1]]), ShapeError)
      await assert.rejects(sampleTokens(logits, PLAIN, [0.5, 0.5], [[1], [5]]), ShapeError)
      await assert.rejects(sampleTokens(logits, { ...PLAIN, temperature: -1 }, [0.5, 0.5], null), ConfigError)
    })
  })

  onEveryBackend(() => {
    it('reports the very log-probabilities that training computes', async () => {
      const [rows, width, vocabulary] = [5, 24, 5003]
      const weight = createWeight([vocabulary, width], float32ToBfloat16(randomValues(vocabulary * width, 1, 2)))
      const hidden = randomTensor([rows, width], 2)
      for (const temperature of [0, 0.7, 1]) {
        const logits = linear(hidden, weight, null, null)
        const uniforms = [0.1, 0.3, 0.5, 0.7, 0.9]
        const { ids, logProbs, entropies } = await sampleTokens(logits, { ...PLAIN, temperature }, uniforms, null)
        const trained = tokenLogProbs(hidden, weight, ids, temperature || 1)
        assert.deepEqual(values(trained.logProbs), logProbs)
        assert.deepEqual(values(trained.entropies), entropies)
      }
      weight.dispose()
    })
  }, OUR_BACKENDS)

  it('gives the same bits with one thread and two, and alone', async () => {
    const [rows, vocabulary] = [9, 3001]
    const uniforms = [...randomValues(rows, 11)].map(Math.abs)
    const parameters = { ...PLAIN, temperature: 0.8, topP: 0.9 }
    const results: SampledTokens[] = []
    for (const name of ['test-1-thread', 'test-2-threads']) {
      await useBackend(name)
      const logits = randomTensor([rows, vocabulary], 12, 5)
      const all = await sampleTokens(logits, parameters, uniforms, null)
      results.push(all)
      const alone = await sampleTokens(tf.slice(logits, [4, 0], [1, vocabulary]), parameters, [uniforms[4]!], null)
      assert.deepEqual([alone.ids[0], alone.logProbs[0]], [all.ids[4], all.logProbs[4]])
    }
    assert.deepEqual(results[1], results[0])
  })
})
