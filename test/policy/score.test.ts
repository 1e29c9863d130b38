import assert from 'node:assert/strict'
import { selectEngine } from '../../src/engine/registry.js'
import { ConfigError, ShapeError } from '../../src/errors.js'
import { loadModel } from '../../src/policy/loadModel.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { scoreTokens } from '../../src/policy/score.js'
import type { SequenceToScore } from '../../src/policy/score.js'
import { BACKENDS, memoryInUse, randomIds, randomPolicy } from '../fixtures/policies.js'
import { ReferenceDecoder, referenceLora, referenceTokenScore } from '../fixtures/referenceDecoder.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'
import { assertClose } from '../ops/suite.js'

const VOCABULARY = 50

describe('scoreTokens', () => {
  after(() => selectEngine('reference'))

  for (const backend of BACKENDS) {
    describe(`on ${backend}`, () => {
      let folder = ''
      let base: CausalLM
      let policy: CausalLM

      before(async () => {
        await selectEngine(backend)
        folder = temporaryTinyModel(
          { vocab_size: VOCABULARY, head_dim: 4, rms_norm_eps: 1e-6, rope_theta: 10000 },
          { tokenizer: false },
        )
        base = await loadModel(folder)
        policy = randomPolicy(base)
      })

      after(() => {
        policy.dispose()
        base.dispose()
      })

      it('gives log-probabilities and entropies from promptLength on, at a temperature', async () => {
        const reference = new ReferenceDecoder(folder)
        const lora = referenceLora(policy.adapter!)
        const sequences = [
          { inputIds: randomIds(9, VOCABULARY, 1), promptLength: 4 },
          { inputIds: randomIds(6, VOCABULARY, 2), promptLength: 1 },
          { inputIds: randomIds(5, VOCABULARY, 3), promptLength: 5 },
        ]
        for (const temperature of [1, 0.6]) {
          const scores = await scoreTokens(policy, sequences, { temperature })
          assert.deepEqual(
            scores.map(({ logProbs }) => logProbs.length),
            [5, 5, 0],
          )
          for (const [i, { inputIds, promptLength }] of sequences.entries()) {
            const logits = reference.logits(inputIds, lora)
            const expected = inputIds
              .map((id, t) => (t === 0 ? null : referenceTokenScore(logits[t - 1]!, id, temperature)))
              .slice(promptLength)
            assertClose(
              scores[i]!.logProbs,
              expected.map((score) => score!.logProb),
              2e-5,
              'log-probability',
            )
            assertClose(
              scores[i]!.entropies,
              expected.map((score) => score!.entropy),
              2e-5,
              'entropy',
            )
          }
        }
        assert.deepEqual(await scoreTokens(policy, sequences), await scoreTokens(policy, sequences, { temperature: 1 }))
      })

      it('gives a sequence its own numbers in more tokens than are computed at once', async () => {
        const lengths = [700, 700, 700, 3, 1000, 1, 900, 200]
        const sequences = lengths.map((length, i): SequenceToScore => ({
          inputIds: randomIds(length, VOCABULARY, i),
          promptLength: Math.max(1, length - 5),
        }))
        const together = await scoreTokens(base, sequences)
        assert.equal(together.length, lengths.length)
        for (const i of [2, 3, 5, 7]) {
          const [alone] = await scoreTokens(base, [sequences[i]!])
          if (backend === 'cpu') assert.deepEqual(together[i], alone)
          else assertClose(together[i]!.logProbs, alone!.logProbs, 1e-5)
        }
      })

      it('takes nothing, and sequences of which nothing is scored', async () => {
        assert.deepEqual(await scoreTokens(base, []), [])
        assert.deepEqual(await scoreTokens(base, [{ inputIds: [1, 2], promptLength: 2 }]), [
          { logProbs: [], entropies: [] },
        ])
      })

      it('refuses prompt lengths, temperatures and tokens that make no sense, and frees everything', async () => {
        await scoreTokens(base, [{ inputIds: [1, 2, 3], promptLength: 1 }])
        const before = memoryInUse()
        for (const promptLength of [0, -1, 4, 1.5, NaN]) {
          const message = new RegExp(`sequence 1 has 3 tokens and promptLength ${promptLength}`)
          const sequences = [
            { inputIds: [1, 2], promptLength: 1 },
            { inputIds: [1, 2, 3], promptLength },
          ]
          await assert.rejects(
            scoreTokens(base, sequences),
            (error) => error instanceof ShapeError && message.test(error.message),
          )
        }
        await assert.rejects(scoreTokens(base, [{ inputIds: [], promptLength: 0 }]), ShapeError)
        await assert.rejects(scoreTokens(base, [{ inputIds: [1, VOCABULARY], promptLength: 1 }]), ShapeError)
        await assert.rejects(scoreTokens(base, [{ inputIds: [VOCABULARY, 1], promptLength: 1 }]), ShapeError)
        for (const temperature of [0, -1, NaN]) {
          await assert.rejects(scoreTokens(base, [{ inputIds: [1, 2], promptLength: 1 }], { temperature }), ConfigError)
        }
        await scoreTokens(base, [{ inputIds: [1, 2, 3], promptLength: 1 }])
        assert.deepEqual(memoryInUse(), before)
      })
    })
  }
})
