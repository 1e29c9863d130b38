import assert from 'node:assert/strict'
import * as tf from '../../../src/bundled/tfjs.js'
import { selectEngine } from '../../../src/engine/registry.js'
import { ConfigError, ShapeError } from '../../../src/errors.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { KeyValueCache } from '../../../src/engine/cpu/keyValueCache.js'
import type { LoraAdapter } from '../../../src/model/lora.js'
import { packGroups } from '../../../src/engine/cpu/packedBatch.js'
import type { PackedBatch } from '../../../src/engine/cpu/packedBatch.js'
import { architectures, architectureSizes } from '../../fixtures/architectures.js'
import { BACKENDS, randomIds, randomPolicy, sequenceBatch, sequenceLogits } from '../../fixtures/policies.js'
import { ReferenceDecoder, referenceLora, referenceTokenScore } from '../../fixtures/referenceDecoder.js'
import type { ReferenceLora } from '../../fixtures/referenceDecoder.js'
import { decoderOf } from '../../fixtures/tensors.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { assertClose, randomValues, values } from '../../ops/suite.js'

const VOCABULARY = 37

const SIZES = {
  vocab_size: VOCABULARY,
  ...architectureSizes,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  rope_theta: 100,
}
const TOKEN_IDS = randomIds(13, VOCABULARY, 5)

const folders = new Map(
  Object.entries(architectures).map(([name, changes]) => [
    name,
    temporaryTinyModel({ ...SIZES, ...changes }, { tokenizer: false }),
  ]),
)

async function withModel(name: string, body: (model: CausalLM) => void | Promise<void>): Promise<void> {
  const model = await loadModel(folders.get(name)!)
  try {
    await body(model)
  } finally {
    model.dispose()
  }
}

/** Hidden states of a batch, row by row. */
function hiddenRows(model: CausalLM, batch: PackedBatch, cache?: KeyValueCache): Float32Array[] {
  const hidden = tf.tidy(() => values(decoderOf(model).forward(batch, cache ? { cache } : {})))
  const width = model.config.hiddenSize
  return Array.from({ length: hidden.length / width }, (_, i) => hidden.slice(i * width, (i + 1) * width))
}

/** The cpu backend gives the same bits, tfjs's plain one sums in another order. */
function assertSameRows(backend: string, actual: Float32Array[], expected: Float32Array[], what: string): void {
  assert.equal(actual.length, expected.length)
  for (const [i, row] of actual.entries()) {
    if (backend === 'cpu') assert.deepEqual(row, expected[i], `${what}, row ${i}`)
    else assertClose(row, expected[i]!, 1e-5, `${what}, row ${i}`)
  }
}

/** A loss that weighs the log-probability and the entropy of every position differently. */
const LOSS_WEIGHTS = randomValues(2 * TOKEN_IDS.length, 9)
const TEMPERATURE = 0.8

/** The loss of the f64 reference. */
function referenceLoss(reference: ReferenceDecoder, lora: ReferenceLora): number {
  const logits = reference.logits(TOKEN_IDS.slice(0, -1), lora)
  return logits.reduce((sum, row, t) => {
    const { logProb, entropy } = referenceTokenScore(row, TOKEN_IDS[t + 1]!, TEMPERATURE)
    return sum + LOSS_WEIGHTS[2 * t]! * logProb + LOSS_WEIGHTS[2 * t + 1]! * entropy
  }, 0)
}

/** Some entries of the gradients of A and B of every module by central finite differences of the f64 reference. */
interface FiniteDifference {
  readonly what: string
  /** Number of the adapter's parameter, and of the entry in it. */
  readonly parameter: number
  readonly at: number
  readonly value: number
}

const differences = new Map<string, FiniteDifference[]>()

/** Computed once for a model, whose adapter is the same on every backend. */
function finiteDifferences(name: string, adapter: LoraAdapter): FiniteDifference[] {
  const known = differences.get(name)
  if (known) return known
  const reference = new ReferenceDecoder(folders.get(name)!)
  const lora = referenceLora(adapter)
  const matrices = [...lora.values()].flatMap(({ a, b }) => [a, b])
  const made = adapter.parameters().flatMap(({ name: what, shape, values: own }, parameter) => {
    const columns = shape[1]
    return [1, own.length - 2].map((at): FiniteDifference => {
      const row = matrices[parameter]![Math.floor(at / columns)]!
      const value = row[at % columns]!
      const lossAt = (moved: number): number => {
        row[at % columns] = moved
        return referenceLoss(reference, lora)
      }
      const difference = (lossAt(value + 1e-4) - lossAt(value - 1e-4)) / 2e-4
      row[at % columns] = value
      return { what, parameter, at, value: difference }
    })
  })
  differences.set(name, made)
  return made
}

/** Loss and gradients of A and B of every module, in the order of the adapter's parameters. */
function lossAndGradients(policy: CausalLM): { loss: number; gradients: Float32Array[] } {
  const decoder = decoderOf(policy)
  decoder.lora!.refresh()
  const { variables } = decoder.lora!
  return tf.tidy(() => {
    const { value, grads } = tf.variableGrads(() => {
      const hidden = decoder.forward(sequenceBatch(TOKEN_IDS.slice(0, -1)))
      const { logProbs, entropies } = decoder.tokenLogProbs(hidden, Int32Array.from(TOKEN_IDS.slice(1)), TEMPERATURE)
      const weights = (offset: number): tf.Tensor1D =>
        tf.tensor1d(Array.from({ length: logProbs.size }, (_, t) => LOSS_WEIGHTS[2 * t + offset]!))
      return tf.add(tf.sum(tf.mul(logProbs, weights(0))), tf.sum(tf.mul(entropies, weights(1))))
    }, [...variables])
    return { loss: values(value)[0]!, gradients: variables.map(({ name }) => values(grads[name]!)) }
  })
}

describe('decoder', () => {
  after(() => selectEngine('reference'))

  for (const backend of BACKENDS) {
    describe(`on ${backend}`, () => {
      before(() => selectEngine(backend))

      for (const name of Object.keys(architectures)) {
        describe(name, () => {
          it('gives the logits of the plain reference, with and without an adapter', () =>
            withModel(name, (model) => {
              const reference = new ReferenceDecoder(folders.get(name)!)
              assertClose(sequenceLogits(model, TOKEN_IDS), reference.logits(TOKEN_IDS).flat(), 2e-5, 'logit')
              const policy = randomPolicy(model)
              const expected = reference.logits(TOKEN_IDS, referenceLora(policy.adapter!)).flat()
              assertClose(sequenceLogits(policy, TOKEN_IDS), expected, 2e-5, 'logit with adapter')
              policy.dispose()
            }))

          it('has the LoRA gradients of finite differences of the reference', () =>
            withModel(name, (model) => {
              const policy = randomPolicy(model)
              const adapter = policy.adapter!
              const { loss, gradients } = lossAndGradients(policy)
              const expected = referenceLoss(new ReferenceDecoder(folders.get(name)!), referenceLora(adapter))
              assertClose([loss], [expected], 2e-5, 'loss')
              for (const { what, parameter, at, value } of finiteDifferences(name, adapter)) {
                assertClose([gradients[parameter]![at]!], [value], 1e-4, `gradient of ${what} at ${at}`)
              }
              policy.dispose()
            }))
        })
      }

      it('computes packed groups that share their prompts as each sequence alone', () =>
        withModel('Qwen3, norms of queries and keys', (model) => {
          const groups = [
            {
              promptIds: randomIds(7, VOCABULARY, 1),
              completions: [3, 1, 9, 2].map((length) => randomIds(length, VOCABULARY, length)),
            },
            { promptIds: randomIds(1, VOCABULARY, 2), completions: [randomIds(4, VOCABULARY, 3)] },
            { promptIds: randomIds(40, VOCABULARY, 4), completions: [] },
            {
              promptIds: randomIds(5, VOCABULARY, 6),
              completions: [randomIds(33, VOCABULARY, 7), randomIds(2, VOCABULARY, 8)],
            },
            // Prompts that begin as others do: the first as one that itself begins so, the last to its end.
            {
              promptIds: [...randomIds(40, VOCABULARY, 4).slice(0, 21), 1, 2],
              completions: [randomIds(3, VOCABULARY, 9)],
            },
            {
              promptIds: [...randomIds(40, VOCABULARY, 4).slice(0, 21), 1, 3],
              completions: [randomIds(2, VOCABULARY, 5)],
            },
            { promptIds: randomIds(5, VOCABULARY, 6), completions: [randomIds(4, VOCABULARY, 3), [1]] },
          ]
          const policy = randomPolicy(model)
          const { batch, rows, targets, sharedLengths } = packGroups(groups, { sharePrefixes: true })
          const apart = 7 + 2 + 0 + 8 + 1 + (1 + 3) + 40 + (5 + 32 + 1)
          assert.deepEqual(sharedLengths, [0, 0, 0, 0, 21, 22, 4])
          assert.equal(batch.tokenIds.length, apart + (2 + 2) + (1 + 1) + (1 + 3))
          assert.equal(packGroups(groups).batch.keyRows, undefined)
          const packed = hiddenRows(policy, batch)
          let at = 0
          for (const { promptIds, completions } of groups) {
            for (const completion of completions) {
              const alone = hiddenRows(policy, sequenceBatch([...promptIds, ...completion]))
              const expected = alone.slice(promptIds.length - 1, -1)
              const own = [...rows.subarray(at, at + completion.length)].map((row) => packed[row]!)
              assertSameRows(backend, own, expected, `completion at ${at}`)
              assert.deepEqual([...targets.subarray(at, at + completion.length)], completion)
              at += completion.length
            }
          }
          assert.equal(at, rows.length)
          policy.dispose()
        }))

      it('computes a sequence in pieces with a cache as at once without', () =>
        withModel('SmolLM3, a layer without rope', (model) => {
          const policy = randomPolicy(model)
          const promptIds = randomIds(9, VOCABULARY, 1)
          const ownIds = randomIds(40, VOCABULARY, 2)
          const expected = hiddenRows(policy, sequenceBatch([...promptIds, ...ownIds]))
          // The prompt lies behind its continuation, which starts in the middle of the cache.
          const cache = new KeyValueCache(policy.config, 70)
          const [ownStart, promptStart] = [10, 55]
          const range = (start: number, length: number): Int32Array => Int32Array.from({ length }, (_, i) => start + i)
          const actual: Float32Array[] = []
          for (const [start, end] of [
            [0, 4],
            [4, 9],
          ] as const) {
            const segment = { queryStart: 0, queryLength: end - start, prefixStart: 0, prefixLength: 0 }
            const batch = {
              tokenIds: Int32Array.from(promptIds.slice(start, end)),
              positions: range(start, end - start),
              slots: range(promptStart + start, end - start),
              segments: [{ ...segment, keyStart: promptStart, keyLength: end }],
            }
            actual.push(...hiddenRows(policy, batch, cache))
          }
          for (const [start, end] of [
            [0, 1],
            [1, 2],
            [2, 38],
            [38, 40],
          ] as const) {
            const segment = { queryStart: 0, queryLength: end - start, prefixStart: promptStart, prefixLength: 9 }
            const batch = {
              tokenIds: Int32Array.from(ownIds.slice(start, end)),
              positions: range(9 + start, end - start),
              slots: range(ownStart + start, end - start),
              segments: [{ ...segment, keyStart: ownStart, keyLength: end }],
            }
            actual.push(...hiddenRows(policy, batch, cache))
          }
          assertSameRows(backend, actual, expected, 'with cache')
          cache.dispose()
          policy.dispose()
        }))

      it('changes no bit with an adapter whose B is zero', () =>
        withModel('Qwen2, biases of q, k and v', (model) => {
          const policy = model.withLora({ r: 4 })
          assert.deepEqual(sequenceLogits(policy, TOKEN_IDS), sequenceLogits(model, TOKEN_IDS))
          policy.dispose()
        }))

      it('refuses what does not fit', () =>
        withModel('Llama, untied', (model) => {
          const { maxPositions } = model.config
          const decoder = decoderOf(model)
          const batch = sequenceBatch(TOKEN_IDS)
          assert.equal(hiddenRows(model, sequenceBatch(randomIds(maxPositions, VOCABULARY, 1))).length, maxPositions)
          assert.throws(
            () => decoder.forward(sequenceBatch(randomIds(maxPositions + 1, VOCABULARY, 1))),
            (error) =>
              error instanceof ConfigError && error.message.includes('257 tokens is longer than the 256 positions'),
          )
          assert.throws(() => decoder.forward(sequenceBatch([0, VOCABULARY])), ShapeError)
          assert.throws(() => decoder.forward(sequenceBatch([-1])), ShapeError)
          assert.throws(() => decoder.forward({ ...batch, positions: batch.positions.slice(1) }), ShapeError)
          const cache = new KeyValueCache(model.config, 13)
          assert.throws(() => decoder.forward(batch, { cache }), ShapeError)
          assert.throws(() => decoder.forward({ ...batch, slots: batch.positions.slice(1) }, { cache }), ShapeError)
          cache.dispose()
        }))
    })
  }

  it('has the same LoRA gradients on both backends', async () => {
    const results: ReturnType<typeof lossAndGradients>[] = []
    for (const backend of BACKENDS) {
      await selectEngine(backend)
      await withModel('Qwen3, norms of queries and keys', (model) => {
        const policy = randomPolicy(model)
        results.push(lossAndGradients(policy))
        policy.dispose()
      })
    }
    const [ours, reference] = results
    assertClose([ours!.loss], [reference!.loss], 1e-5, 'loss')
    for (const [i, gradient] of ours!.gradients.entries()) {
      assertClose(gradient, reference!.gradients[i]!, 3e-5, `gradient of parameter ${i}`)
    }
  })
})
