import assert from 'node:assert/strict'
import * as tf from '../../../src/bundled/tfjs.js'
import { CpuBackend } from '../../../src/backend/cpu/backend.js'
import type { CacheLayout } from '../../../src/engine/cpu/cacheSlots.js'
import { DecodingPlan } from '../../../src/engine/cpu/decodingPlan.js'
import { KeptProjections } from '../../../src/engine/cpu/keptProjections.js'
import { TensorSteps } from '../../../src/engine/cpu/samplingSteps.js'
import type { SamplingSteps } from '../../../src/engine/cpu/samplingSteps.js'
import { Scheduler } from '../../../src/engine/cpu/scheduler.js'
import { startSequences } from '../../../src/engine/sequence.js'
import { selectEngine } from '../../../src/engine/registry.js'
import { EngineError, GrpoError, ShapeError } from '../../../src/errors.js'
import { projections } from '../../../src/model/modelTensors.js'
import type { SamplingParameters } from '../../../src/ops/sampleTokens.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { architectures, architectureSizes } from '../../fixtures/architectures.js'
import { memoryInUse, randomIds, randomPolicy } from '../../fixtures/policies.js'
import { decoderOf } from '../../fixtures/tensors.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'

const VOCABULARY = 53

const SIZES = {
  vocab_size: VOCABULARY,
  ...architectureSizes,
  max_position_embeddings: 64,
}

/** What is trained of a model. */
const POLICIES: Record<string, (model: CausalLM) => CausalLM> = {
  'without an adapter': (model) => model,
  'every A in a panel with others': (model) => randomPolicy(model, { r: 3 }),
  'ranks that fill panels, and one that does not': (model) =>
    randomPolicy(model, { r: 16, rankPattern: { q_proj: 17, down_proj: 1 }, alphaPattern: { up_proj: 3 } }),
  'some projections only': (model) => randomPolicy(model, { targetModules: ['k_proj', 'up_proj', 'o_proj'] }),
  'weights that are trained': (model) => model.trainable(),
}

const PLAIN: SamplingParameters = { temperature: 0.9, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 }

/** Prompts of which some begin alike, some are the same, and one is a single token. */
const PROMPTS = [
  randomIds(9, VOCABULARY, 1),
  [...randomIds(7, VOCABULARY, 1), ...randomIds(5, VOCABULARY, 2)],
  [4],
  randomIds(9, VOCABULARY, 1),
  randomIds(17, VOCABULARY, 3),
]

/** Few rows, so that sequences wait for those that end, and prompts are computed while others are decoded. */
const LAYOUT: CacheLayout = { promptSlots: 64, rows: 5, rowSlots: 16 }

interface Sampled {
  readonly tokens: readonly { ids: number[]; logProbs: number[]; entropies: number[]; statistics: number[] }[]
  /** What was kept of each prompt and completion, by projection. */
  readonly kept: readonly Float32Array[]
}

/** Samples all prompts with what `start` starts. */
async function sampleAll(
  model: CausalLM,
  start: (slots: number, kept: KeptProjections | null) => SamplingSteps,
  parameters: SamplingParameters,
  keptTokens: number,
): Promise<Sampled> {
  decoderOf(model).trained?.refresh()
  const options = { maxCompletionLength: 11, numGenerations: 3, seed: 5, eosTokenIds: [1, 2, 3, 5, 8] }
  const groups = startSequences(model, PROMPTS, options)
  const kept = keptTokens > 0 ? new KeptProjections(model.config, keptTokens) : null
  const scheduler = new Scheduler(groups, LAYOUT, kept)
  const steps = start(LAYOUT.promptSlots + LAYOUT.rows * LAYOUT.rowSlots, kept)
  const statistics = new Map(groups.flat().map((sequence) => [sequence, [] as number[]]))
  for (let step = scheduler.next(); step; step = scheduler.next()) {
    const { sequences } = step
    const sampled = await steps.sample(step, {
      parameters,
      uniforms: sequences.map((sequence) => sequence.random()),
      histories: parameters.repetitionPenalty === 1 ? null : sequences.map((sequence) => sequence.history()),
    })
    for (const [i, sequence] of sequences.entries()) {
      sequence.append(sampled.ids[i]!, sampled.logProbs[i]!, sampled.entropies[i]!)
      statistics.get(sequence)!.push(...sampled.statistics!.subarray(2 * i, 2 * i + 2))
    }
  }
  steps.dispose()
  const tokens = groups.flat().map((sequence) => {
    const { ids, logProbs, entropies } = sequence
    return { ids, logProbs, entropies, statistics: statistics.get(sequence)! }
  })
  const keptIds = [...PROMPTS, ...tokens.map(({ ids }) => ids)]
  const values = keptIds.flatMap((ids) => {
    const rows = kept?.rows(ids, 1) && kept.rows(ids, ids.length - 1)
    if (!kept || !rows) return []
    const layers = Array.from({ length: model.config.numLayers }, (_, layer) => layer)
    return layers.flatMap((layer) =>
      projections.map((projection) =>
        tf.tidy(() => kept.read(layer, projection, Int32Array.from(rows)).dataSync<'float32'>()),
      ),
    )
  })
  kept?.dispose()
  return { tokens, kept: values }
}

/** Both ways to compute the steps of a model. */
function ways(model: CausalLM): ((slots: number, kept: KeptProjections | null) => SamplingSteps)[] {
  const decoder = decoderOf(model)
  return [
    (slots, kept) => new TensorSteps(decoder, model.config, slots, kept),
    (slots, kept) => decoder.startSteps(slots, kept),
  ]
}

async function assertSameBits(model: CausalLM, parameters: SamplingParameters, keptTokens: number): Promise<Sampled> {
  const [expected, actual] = [
    await sampleAll(model, ways(model)[0]!, parameters, keptTokens),
    await sampleAll(model, ways(model)[1]!, parameters, keptTokens),
  ]
  assert.deepEqual(actual.tokens, expected.tokens)
  assert.equal(actual.kept.length, expected.kept.length)
  for (const [i, values] of actual.kept.entries()) assert.deepEqual(values, expected.kept[i], `what was kept, ${i}`)
  return actual
}

describe('engine/cpu: the decoding plan', () => {
  after(() => selectEngine('reference'))

  for (const [threads, dtype] of [
    [1, 'F32'],
    [2, 'BF16'],
  ] as const) {
    for (const [name, changes] of Object.entries(architectures)) {
      it(`gives the bits of tensors: ${name}, ${dtype}, on ${threads} thread${threads === 1 ? '' : 's'}`, async () => {
        await selectEngine('cpu', { threads })
        const base = await loadModel(temporaryTinyModel({ ...SIZES, ...changes }, { tokenizer: false, dtype }))
        for (const make of Object.values(POLICIES)) {
          const policy = make(base)
          // Room for everything: consecutive rows, where products write; and for some: rows that are given up and taken anew.
          for (const keptTokens of [0, 300, 37]) {
            const { kept } = await assertSameBits(policy, PLAIN, keptTokens)
            assert.equal(kept.length > 0, keptTokens > 0)
          }
          if (policy !== base) policy.dispose()
        }
        base.dispose()
      })
    }
  }

  it('samples with the log-probabilities of training beyond each length at which its tables grow', async () => {
    const { engine } = await selectEngine('cpu')
    const policy = randomPolicy(await loadModel(temporaryTinyModel({ max_position_embeddings: 2048 }), { engine }))
    const { engineModel } = policy
    for (const [promptTokens, maxCompletionLength] of [
      [6, 300],
      [6, 540],
      [400, 700],
    ] as const) {
      const promptIds = randomIds(promptTokens, VOCABULARY, 1)
      const options = { maxCompletionLength, seed: 5, eosTokenIds: [] }
      const [completion] = (await engineModel.generate([promptIds], options))[0]!
      const rows = [{ promptIds, completionIds: completion!.ids }]
      const { logProbs } = await engineModel.values(rows, { temperature: 1 })
      const differences = logProbs[0]!.map((value, i) => Math.abs(value - completion!.logProbs[i]!))
      assert.ok(Math.max(...differences) < 1e-4, `token ${differences.findIndex((difference) => difference >= 1e-4)}`)
    }
    policy.dispose()
  })

  it('draws by the same rules', async () => {
    await selectEngine('cpu')
    const model = await loadModel(temporaryTinyModel(SIZES, { tokenizer: false }))
    const drawn = new Set<string>()
    for (const changes of [
      { temperature: 0 },
      { temperature: 1.7 },
      { topK: 3 },
      { topP: 0.6 },
      { minP: 0.2 },
      { repetitionPenalty: 1.4 },
      { repetitionPenalty: 0.8, topK: 7, topP: 0.9 },
    ]) {
      const { tokens } = await assertSameBits(model, { ...PLAIN, ...changes }, 0)
      drawn.add(JSON.stringify(tokens.map(({ ids }) => ids)))
    }
    assert.equal(drawn.size, 7)
    model.dispose()
  })

  it('gives back all its memory, also after an error', async () => {
    await selectEngine('cpu')
    const base = await loadModel(temporaryTinyModel(SIZES, { tokenizer: false }))
    const policy = randomPolicy(base)
    const start = ways(policy)[1]!
    await sampleAll(policy, start, PLAIN, 100)
    const before = memoryInUse()
    await sampleAll(policy, start, PLAIN, 100)
    assert.deepEqual(memoryInUse(), before)

    const steps = start(20, null)
    assert.ok(steps instanceof DecodingPlan)
    const segment = { queryStart: 0, queryLength: 1, prefixStart: 0, prefixLength: 0, keyStart: 0, keyLength: 1 }
    const step = (id: number) => ({
      batch: { tokenIds: Int32Array.of(id), positions: Int32Array.of(0), slots: Int32Array.of(0), segments: [segment] },
      rows: Int32Array.of(0),
      sequences: [],
      keptRows: Int32Array.of(-1),
    })
    const draw = { parameters: PLAIN, uniforms: [0.5], histories: null }
    await assert.rejects(steps.sample(step(VOCABULARY), draw), ShapeError)
    await assert.rejects(steps.sample(step(-1), draw), ShapeError)
    await assert.rejects(steps.sample(step(1), { ...draw, uniforms: [] }), ShapeError)
    assert.equal((await steps.sample(step(1), draw)).ids.length, 1)
    steps.dispose()
    assert.deepEqual(memoryInUse(), before)
    policy.dispose()
    base.dispose()
  })

  it('goes on with the values that it began with when others are set, and says when its model or memory is gone', async () => {
    await selectEngine('cpu')
    const base = await loadModel(temporaryTinyModel(SIZES, { tokenizer: false }))
    const policy = randomPolicy(base)
    const decoder = decoderOf(policy)
    const kept = new KeptProjections(policy.config, 20)
    const segment = { queryStart: 0, queryLength: 1, prefixStart: 0, prefixLength: 0, keyStart: 0, keyLength: 1 }
    const step = {
      batch: { tokenIds: Int32Array.of(3), positions: Int32Array.of(0), slots: Int32Array.of(0), segments: [segment] },
      rows: Int32Array.of(0),
      sequences: [],
      keptRows: Int32Array.of(0),
    }
    const draw = { parameters: PLAIN, uniforms: [0.5], histories: null }
    const steps = decoder.startSteps(20, kept)
    const first = await steps.sample(step, draw)
    policy.adapter!.setValues(policy.adapter!.values.map((value) => value * 2))
    decoder.trained!.refresh()
    assert.deepEqual(await steps.sample(step, draw), first)
    const fresh = decoder.startSteps(20, null)
    assert.notDeepEqual((await fresh.sample(step, draw)).logProbs, first.logProbs)
    kept.dispose()
    await assert.rejects(steps.sample(step, draw), EngineError)
    policy.adapter!.setValues(policy.adapter!.values.map(() => NaN))
    decoder.trained!.refresh()
    const damaged = decoder.startSteps(20, null)
    await assert.rejects(damaged.sample(step, draw), GrpoError)
    policy.dispose()
    await assert.rejects(fresh.sample(step, draw), EngineError)
    for (const one of [steps, fresh, damaged]) one.dispose()
    assert.ok(tf.backend() instanceof CpuBackend)
    base.dispose()
  })
})
