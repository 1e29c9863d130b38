import assert from 'node:assert/strict'
import * as tf from '../../../src/bundled/tfjs.js'
import { GrpoError } from '../../../src/errors.js'
import { sampleTokens as sampleOnCpu } from '../../../src/ops/sampleTokens.js'
import type { SamplingParameters } from '../../../src/ops/sampleTokens.js'
import { argument, constant } from '../../../src/xla/graph/operations.js'
import type { Node } from '../../../src/xla/graph/node.js'
import { sampleTokens } from '../../../src/xla/programs/sampling.js'
import type { SamplingKinds, SamplingScalars } from '../../../src/xla/programs/sampling.js'
import type { Runner } from '../../../src/xla/runtime/runner.js'
import { assertClose, randomValues } from '../../ops/suite.js'
import { compile, given } from '../compute.js'
import type { Given } from '../compute.js'
import { requireRunner } from '../plugin.js'

const PLAIN: SamplingParameters = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 }

interface Drawn {
  readonly ids: number[]
  readonly logProbs: Float32Array
  readonly entropies: Float32Array
}

/** Rows of logits, with what each has seen. */
interface Rows {
  readonly logits: Float32Array // [B, V]
  readonly rows: number
  readonly histories: readonly (readonly number[])[]
}

function kindsOf({ temperature, topK, topP, minP, repetitionPenalty }: SamplingParameters): SamplingKinds {
  const kinds = { topK: topK > 0, topP: topP < 1, minP: minP > 0, repetitionPenalty: repetitionPenalty !== 1 }
  return { greedy: temperature === 0, ...kinds }
}

/** A program for rows of some size, which can be run with other values of what is not off. */
async function samplingProgram(runner: Runner, rows: number, vocabulary: number, kinds: SamplingKinds) {
  const scalar = given([0], [])
  const types = [
    given(new Float32Array(rows * vocabulary), [rows, vocabulary]),
    given(new Float32Array(rows), [rows]),
    given(new Uint8Array(rows * vocabulary), [rows, vocabulary], 'i1'),
    scalar,
    given([0], [], 'i32'),
    scalar,
    scalar,
    scalar,
  ]
  const run = await compile(runner, types, (...nodes) => {
    const [logits, uniforms, seen, temperature, topK, topP, minP, repetitionPenalty] = nodes as [
      Node,
      Node,
      Node,
      ...Node[],
    ]
    const scalars = { temperature, topK, topP, minP, repetitionPenalty } as SamplingScalars
    const { ids, logProbs, entropies } = sampleTokens(logits, uniforms, seen, kinds, scalars)
    return [ids, logProbs, entropies]
  })
  return async (batch: Rows, parameters: SamplingParameters, uniforms: readonly number[]): Promise<Drawn> => {
    const seen = new Uint8Array(rows * vocabulary)
    for (const [row, history] of batch.histories.entries()) for (const id of history) seen[row * vocabulary + id] = 1
    const inputs: Given[] = [
      given(batch.logits, [rows, vocabulary]),
      given(uniforms, [rows]),
      given(seen, [rows, vocabulary], 'i1'),
      given([parameters.temperature], []),
      given([parameters.topK], [], 'i32'),
      given([parameters.topP], []),
      given([parameters.minP], []),
      given([parameters.repetitionPenalty], []),
    ]
    const [ids, logProbs, entropies] = (await run(inputs)) as [Int32Array, Float32Array, Float32Array]
    return { ids: [...ids], logProbs, entropies }
  }
}

/** What tfjs's plain backend draws, in double precision. */
async function drawOnCpu(batch: Rows, parameters: SamplingParameters, uniforms: readonly number[]): Promise<Drawn> {
  const logits = tf.tensor2d(batch.logits, [batch.rows, batch.logits.length / batch.rows])
  try {
    const { ids, ...values } = await sampleOnCpu(logits, parameters, uniforms, batch.histories)
    return { ids: [...ids], ...values }
  } finally {
    logits.dispose()
  }
}

/** Numbers as the uniform ones of f32. */
function uniformNumbers(count: number, seed: number): number[] {
  return [...randomValues(count, seed)].map((x) => Math.fround((x + 1) / 2))
}

/**
 * Checks that the program draws what the reference draws. Sums in single precision may move a border between two tokens by their
 * rounding: there the token is one that can be drawn between two neighbouring uniform numbers, which is rare.
 */
async function assertAgrees(
  draw: Awaited<ReturnType<typeof samplingProgram>>,
  batch: Rows,
  parameters: SamplingParameters,
  uniforms: readonly number[],
  what: string,
): Promise<void> {
  const drawn = await draw(batch, parameters, uniforms)
  const expected = await drawOnCpu(batch, parameters, uniforms)
  const border = 1e-6
  const shifted = (shift: number): Promise<Drawn> =>
    drawOnCpu(
      batch,
      parameters,
      uniforms.map((uniform) => uniform + shift),
    )
  const [before, behind] = [await shifted(-border), await shifted(border)]
  const same: number[] = []
  for (const [row, id] of drawn.ids.entries()) {
    if (id === expected.ids[row]) same.push(row)
    else {
      const isNear = before.ids[row]! <= id && id <= behind.ids[row]! && drawn.logProbs[row]! > -Infinity
      assert.ok(isNear, `${what}, row ${row}: ${id}, not ${expected.ids[row]}`)
    }
  }
  assert.ok(same.length >= 0.97 * batch.rows, `${what}: ${same.length} of ${batch.rows} tokens are the same`)
  const of = (values: Float32Array): number[] => same.map((row) => values[row]!)
  assertClose(of(drawn.logProbs), of(expected.logProbs), 2e-6, `${what}: log-probability`)
  assertClose(drawn.entropies, expected.entropies, 2e-6, `${what}: entropy`)
}

/** Sizes of the vocabulary around those of blocks, which few filters are enough for. */
const VOCABULARIES: ReadonlyMap<string, readonly number[]> = new Map(
  ['temperature 1', 'greedy', 'all filters'].map((title) => [title, [1, 2, 255, 256, 257, 1000]]),
)

const FILTERS: [title: string, parameters: Partial<SamplingParameters>][] = [
  ['temperature 1', {}],
  ['temperature 0.3', { temperature: 0.3 }],
  ['temperature 2.5', { temperature: 2.5 }],
  ['greedy', { temperature: 0 }],
  ['greedy with a repetition penalty', { temperature: 0, repetitionPenalty: 1.5 }],
  ['top-k 1', { topK: 1 }],
  ['top-k 20', { topK: 20 }],
  ['top-k beyond the vocabulary', { topK: 100000 }],
  ['top-p 0', { topP: 0 }],
  ['top-p 0.5', { topP: 0.5 }],
  ['top-p 0.95', { topP: 0.95 }],
  ['min-p 0.1', { minP: 0.1 }],
  ['min-p 1', { minP: 1 }],
  ['top-k and top-p', { topK: 12, topP: 0.8, temperature: 1.5 }],
  ['top-k and min-p', { topK: 30, minP: 0.03 }],
  ['top-p and min-p', { topP: 0.9, minP: 0.05, temperature: 0.7 }],
  ['all filters', { temperature: 0.9, topK: 50, topP: 0.9, minP: 0.02 }],
  ['repetition penalty', { repetitionPenalty: 1.25 }],
  ['repetition penalty and filters', { repetitionPenalty: 1.5, temperature: 0.8, topK: 30, topP: 0.97, minP: 0.01 }],
]

describe('xla/programs: sampleTokens', () => {
  for (const [title, some] of FILTERS) {
    it(`draws what the reference draws: ${title}`, async function () {
      const runner = await requireRunner(this)
      const parameters = { ...PLAIN, ...some }
      const rows = 48
      for (const vocabulary of VOCABULARIES.get(title) ?? [257, 1000]) {
        const draw = await samplingProgram(runner, rows, vocabulary, kindsOf(parameters))
        for (const seed of [1, 2, 3]) {
          // Rounded to steps of 1/16, so that there are ties; some tokens cannot be drawn at all.
          const logits = randomValues(rows * vocabulary, seed, 6).map((z) => Math.round(z * 16) / 16)
          if (vocabulary > 3) for (let i = seed; i < logits.length; i += 7) logits[i] = -Infinity
          const histories = Array.from({ length: rows }, (_, row) => [
            row % vocabulary,
            vocabulary >> 1,
            vocabulary - 1,
          ])
          const uniforms = uniformNumbers(rows, seed + 10)
          await assertAgrees(draw, { logits, rows, histories }, parameters, uniforms, `vocabulary of ${vocabulary}`)
        }
      }
    })
  }

  it('keeps all tokens where a filter that is in the program is given the value that turns it off', async function () {
    const runner = await requireRunner(this)
    const [rows, vocabulary] = [40, 300]
    const kinds = { greedy: false, topK: true, topP: true, minP: true, repetitionPenalty: true }
    const draw = await samplingProgram(runner, rows, vocabulary, kinds)
    const histories = Array.from({ length: rows }, () => [5])
    const batch = { logits: randomValues(rows * vocabulary, 4, 12), rows, histories }
    await assertAgrees(draw, batch, PLAIN, uniformNumbers(rows, 5), 'nothing left out')
  })

  it('keeps the ties of the last token that a filter keeps', async function () {
    const runner = await requireRunner(this)
    const rows = 200
    const one = [1, 3, 2, 2, 0, 2]
    const logits = Float32Array.from({ length: rows * one.length }, (_, i) => one[i % one.length]!)
    const uniforms = Array.from({ length: rows }, (_, i) => i / rows)
    const kept = async (some: Partial<SamplingParameters>): Promise<number[]> => {
      const parameters = { ...PLAIN, ...some }
      const draw = await samplingProgram(runner, rows, one.length, kindsOf(parameters))
      const { ids } = await draw({ logits, rows, histories: [] }, parameters, uniforms)
      return [...new Set(ids)].sort((a, b) => a - b)
    }
    assert.deepEqual(await kept({ topK: 2 }), [1, 2, 3, 5])
    assert.deepEqual(await kept({ topP: 0.6 }), [1, 2, 3, 5])
    assert.deepEqual(await kept({ topP: 0.3 }), [1])
  })

  it('draws the first token and the last one at the ends of the distribution', async function () {
    const runner = await requireRunner(this)
    const [rows, vocabulary] = [2, 700]
    const draw = await samplingProgram(runner, rows, vocabulary, kindsOf(PLAIN))
    const logits = new Float32Array(rows * vocabulary).fill(-Infinity)
    for (const row of [0, 1]) for (let i = 300; i < 600; i++) logits[row * vocabulary + i] = (i % 17) / 4
    // 1 is outside of [0, 1), and what rounding makes of the largest numbers in there.
    const { ids } = await draw({ logits, rows, histories: [] }, PLAIN, [0, 1])
    assert.deepEqual(ids, [300, 599])
  })

  it('draws from logits that are far apart', async function () {
    const runner = await requireRunner(this)
    const one = [-Infinity, 500, -Infinity, 499, -1e30]
    const logits = Float32Array.from({ length: 3 * one.length }, (_, i) => one[i % one.length]!)
    for (const some of [{}, { topK: 3 }, { topP: 0.99 }, { minP: 0.01 }]) {
      const parameters = { ...PLAIN, ...some }
      const draw = await samplingProgram(runner, 3, one.length, kindsOf(parameters))
      const { ids, logProbs } = await draw({ logits, rows: 3, histories: [] }, parameters, [0, 0.5, 0.999])
      assert.deepEqual(ids, [1, 1, 3])
      assertClose(logProbs, [-0.3132617, -0.3132617, -1.3132617], 1e-6)
    }
  })

  it('draws from a vocabulary of 151,936 tokens', async function () {
    const runner = await requireRunner(this)
    const [rows, vocabulary] = [4, 151936]
    const logits = randomValues(rows * vocabulary, 6, 4)
    const histories = Array.from({ length: rows }, () => [])
    const filters: [title: string, parameters: Partial<SamplingParameters>][] = [
      ['all tokens', {}],
      ['all filters', { topK: 1000, topP: 0.9, minP: 0.001 }],
    ]
    for (const [title, some] of filters) {
      const parameters = { ...PLAIN, ...some }
      const draw = await samplingProgram(runner, rows, vocabulary, kindsOf(parameters))
      await assertAgrees(draw, { logits, rows, histories }, parameters, [0.1, 0.4, 0.6, 0.9], title)
    }
  })

  it('reports NaN for a row whose logits are NaN, and nothing else for its neighbours', async function () {
    const runner = await requireRunner(this)
    const logits = Float32Array.from([1, 2, 3, 1, NaN, 3, 3, 2, 1])
    for (const some of [{}, { temperature: 0 }, { topK: 2, topP: 0.5, minP: 0.1 }, { repetitionPenalty: 2 }]) {
      const parameters = { ...PLAIN, ...some }
      const draw = await samplingProgram(runner, 3, 3, kindsOf(parameters))
      const batch = { logits, rows: 3, histories: [[0], [0], [0]] }
      const { ids, logProbs } = await draw(batch, parameters, [0.5, 0.5, 0.5])
      assert.deepEqual([...logProbs].map(Number.isNaN), [false, true, false])
      assert.ok(ids.every((id) => 0 <= id && id < 3))
    }
  })

  it('says what it needs for a repetition penalty', () => {
    const scalar = argument('f32', [])
    const scalars = {
      temperature: scalar,
      topP: scalar,
      minP: scalar,
      repetitionPenalty: scalar,
      topK: constant(0, 'i32'),
    }
    const kinds = { greedy: false, topK: false, topP: false, minP: false, repetitionPenalty: true }
    assert.throws(
      () => sampleTokens(argument('f32', [2, 5]), argument('f32', [2]), null, kinds, scalars),
      (error) => error instanceof GrpoError && error.message.includes('needs the tokens that each row has seen'),
    )
  })
})
