/** Models whose weights stay quantised on the device, against the cpu engine on the same codes. */
import assert from 'node:assert/strict'
import type { Engine } from '../../../src/engine/engine.js'
import { selectEngine } from '../../../src/engine/registry.js'
import { xlaEngine } from '../../../src/engine/xla/xlaEngine.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { LoadProgress } from '../../../src/model/weights/forEachTensor.js'
import type { WeightDtype } from '../../../src/model/weights/weightDtype.js'
import type { QuantizedFormat } from '../../../src/quantization/weightFormat.js'
import { architectures, architectureSizes } from '../../fixtures/architectures.js'
import { randomIds, randomPolicy } from '../../fixtures/policies.js'
import { quantizedFormats, quantizingEngine } from '../../fixtures/quantizingEngine.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { assertSameCompletions, assertSameGradients, assertSameValues, printDifferences } from './compare.js'
import { both, disposePair, requireXla, requireXlaRunner, VOCABULARY } from './engines.js'
import type { Pair } from './engines.js'
import { WatchedRunner } from './watchedRunner.js'

const PROMPTS = [randomIds(9, VOCABULARY, 1), [4], randomIds(18, VOCABULARY, 3)]
const OPTIONS = { maxCompletionLength: 12, numGenerations: 4, seed: 5, temperature: 0.9, eosTokenIds: [1, 2, 3] }
/** More than one group an input, and a last group that is not full. */
const SIZES = { ...architectureSizes, hidden_size: 88, intermediate_size: 75 }

function folderOf(changes: Record<string, unknown>): string {
  const sizes = { vocab_size: VOCABULARY, max_position_embeddings: 256, rope_theta: 100, ...SIZES }
  return temporaryTinyModel({ ...sizes, ...changes })
}

/** A tiny model on both engines, its matrices in the formats that tensors are given by their names. */
async function loadPair(
  xla: Engine,
  changes: Record<string, unknown>,
  formatOf: (tensor: string) => QuantizedFormat | null,
): Promise<Pair<CausalLM>> {
  const folder = folderOf(changes)
  const load = (engine: Engine): Promise<CausalLM> => loadModel(folder, { engine: quantizingEngine(engine, formatOf) })
  return { cpu: await load((await selectEngine('cpu')).engine), xla: await load(xla) }
}

/** Values, gradients and completions with an adapter are the same. */
async function assertSame(models: Pair<CausalLM>): Promise<void> {
  const policies = await both(models, (model) => randomPolicy(model))
  await assertSameValues(policies)
  await assertSameGradients(policies)
  const first = await assertSameCompletions(policies, PROMPTS, { ...OPTIONS, temperature: 0 })
  await both(policies, ({ adapter }) => {
    adapter!.update((values) => {
      for (const [i, value] of values.entries()) values[i] = 3 * value
    })
  })
  const second = await assertSameCompletions(policies, PROMPTS, { ...OPTIONS, temperature: 0 })
  assert.notDeepEqual(first, second)
  disposePair(policies)
}

describe('engine/xla: quantised weights', () => {
  let xla: Engine
  before(async function () {
    xla = await requireXla(this)
  })
  after(printDifferences)

  for (const [name, format] of Object.entries(quantizedFormats)) {
    it(`compute what the cpu engine computes: ${name}`, async () => {
      const models = await loadPair(xla, { tie_word_embeddings: false }, () => format)
      await assertSame(models)
      await assertSameValues(models)
      await assertSameCompletions(models, PROMPTS, OPTIONS)
      disposePair(models)
    })
  }

  for (const [name, changes] of Object.entries(architectures)) {
    it(`compute what the cpu engine computes: int4 with embeddings of 8 bits, ${name}`, async () => {
      const { int4, int8 } = quantizedFormats
      const models = await loadPair(xla, changes, (tensor) => (/embed|head/.test(tensor) ? int8 : int4))
      await assertSame(models)
      disposePair(models)
    })
  }

  it('compute what the cpu engine computes where tensors of one array have several formats, or none', async () => {
    const { int4, int8, '4 bits with offsets': offsets, 'NF4, groups of 16': nf4 } = quantizedFormats
    const models = await loadPair(xla, {}, (tensor) => {
      if (tensor.includes('down_proj')) return tensor.includes('layers.0') ? int4 : nf4
      if (tensor.includes('o_proj')) return tensor.includes('layers.0') ? null : int8
      return tensor.includes('v_proj') ? int8 : offsets
    })
    await assertSame(models)
    disposePair(models)
  })

  it('take on the device what their codes take, and are never merged', async function () {
    const runner = new WatchedRunner(await requireXlaRunner(this))
    const engine = xlaEngine(runner)
    const folder = folderOf({ tie_word_embeddings: false })
    const bytes = new Map<WeightDtype, number>()
    for (const dtype of ['auto', 'int8', 'int4'] as const) {
      const told: number[] = []
      const onLoad = ({ bytes: done, totalBytes }: LoadProgress): number => told.push(done / totalBytes)
      const model = await loadModel(folder, { engine, dtype, onLoad })
      assert.ok(told.length > 2 && told.at(-1) === 1 && told.every((share, i) => i === 0 || share > told[i - 1]!))
      assert.equal(engine.memory().used, model.engineModel.weightBytes)
      bytes.set(dtype, model.engineModel.weightBytes)
      const policy = randomPolicy(model)
      await policy.engineModel.generate(PROMPTS, OPTIONS)
      const workload = { prompts: 3, promptTokens: 18, numGenerations: 4, maxCompletionLength: 12, rows: 12 }
      const { trained } = await policy.engineModel.forecast({ ...workload, maxTokens: null })
      const adapter = policy.adapter!.values.length * 4
      const { used } = engine.memory()
      // Scales of the adapter, one a layer and module, are on the device too.
      if (dtype === 'auto') assert.ok(used > model.engineModel.weightBytes + 2 * adapter)
      else assert.ok(used <= model.engineModel.weightBytes + adapter + 4 * 7 * model.config.numLayers)
      assert.equal(used, model.engineModel.weightBytes + trained)
      policy.dispose()
      model.dispose()
      assert.equal(runner.alive, 0)
    }
    assert.ok(bytes.get('int4')! < 0.8 * bytes.get('int8')! && bytes.get('int8')! < 0.32 * bytes.get('auto')!)
  })
})
