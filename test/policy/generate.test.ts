import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { selectEngine } from '../../src/engine/registry.js'
import { ConfigError, ShapeError } from '../../src/errors.js'
import { loadModel } from '../../src/policy/loadModel.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { generate } from '../../src/policy/generate.js'
import type { Completion, SamplingOptions } from '../../src/engine/sampling.js'
import { scoreTokens } from '../../src/policy/score.js'
import { BACKENDS, memoryInUse, randomIds, randomPolicy, sequenceLogits } from '../fixtures/policies.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'
import { assertClose } from '../ops/suite.js'

const VOCABULARY = 352
const PROMPTS = [randomIds(5, VOCABULARY, 1), randomIds(1, VOCABULARY, 2), randomIds(23, VOCABULARY, 3)]
/** Completions that never end by themselves. */
const ENDLESS = { eosTokenIds: [] }

/** Logits of the token after a sequence. */
function nextLogits(model: CausalLM, tokenIds: readonly number[]): Float32Array {
  return sequenceLogits(model, tokenIds).slice(-VOCABULARY)
}

/** Greedy decoding by a whole forward pass for each token. */
function greedyByForward(model: CausalLM, prompt: readonly number[], length: number, repetitionPenalty = 1): number[] {
  const ids = [...prompt]
  while (ids.length < prompt.length + length) {
    const logits = nextLogits(model, ids)
    for (const id of new Set(ids)) {
      logits[id] = logits[id]! > 0 ? logits[id]! / repetitionPenalty : logits[id]! * repetitionPenalty
    }
    ids.push(logits.indexOf(Math.max(...logits)))
  }
  return ids.slice(prompt.length)
}

function idsOf(groups: readonly (readonly Completion[])[]): number[][][] {
  return groups.map((group) => group.map(({ ids }) => ids))
}

describe('generate', () => {
  after(() => selectEngine('reference'))

  for (const backend of BACKENDS) {
    describe(`on ${backend}`, () => {
      let base: CausalLM
      let model: CausalLM

      before(async () => {
        await selectEngine(backend)
        base = await loadModel(temporaryTinyModel({}, { dtype: 'BF16' }))
        model = randomPolicy(base)
      })

      after(() => {
        model.dispose()
        base.dispose()
      })

      it('takes at temperature 0 the likeliest token of a whole forward pass', async () => {
        const completions = await generate(model, PROMPTS, { maxCompletionLength: 6, temperature: 0, ...ENDLESS })
        assert.deepEqual(
          idsOf(completions).flat(),
          PROMPTS.map((prompt) => greedyByForward(model, prompt, 6)),
        )
      })

      it('makes tokens that occurred less likely by the repetition penalty', async () => {
        const options = { maxCompletionLength: 8, temperature: 0, repetitionPenalty: 1.7, ...ENDLESS }
        const completions = idsOf(await generate(model, PROMPTS, options)).flat()
        assert.deepEqual(
          completions,
          PROMPTS.map((prompt) => greedyByForward(model, prompt, 8, 1.7)),
        )
        assert.notDeepEqual(
          completions,
          PROMPTS.map((prompt) => greedyByForward(model, prompt, 8)),
        )
      })

      it('records the log-probabilities that scoring gives the same tokens', async () => {
        for (const options of [{ temperature: 1 }, { temperature: 0.7, topK: 20, topP: 0.9, repetitionPenalty: 1.2 }]) {
          const completions = await generate(model, PROMPTS, {
            maxCompletionLength: 12,
            numGenerations: 3,
            ...ENDLESS,
            ...options,
          })
          const flat = completions.flatMap((group, i) =>
            group.map((completion) => ({ ...completion, prompt: PROMPTS[i]! })),
          )
          const scores = await scoreTokens(
            model,
            flat.map(({ prompt, ids }) => ({ inputIds: [...prompt, ...ids], promptLength: prompt.length })),
            { temperature: options.temperature },
          )
          for (const [i, { logProbs }] of flat.entries()) {
            if (backend === 'cpu') assert.deepEqual(logProbs, scores[i]!.logProbs)
            else assertClose(logProbs, scores[i]!.logProbs, 1e-5)
          }
        }
        const greedy = (await generate(model, PROMPTS, { maxCompletionLength: 4, temperature: 0, ...ENDLESS }))[2]![0]!
        const [score] = await scoreTokens(model, [{ inputIds: [...PROMPTS[2]!, ...greedy.ids], promptLength: 23 }])
        assertClose(greedy.logProbs, score!.logProbs, backend === 'cpu' ? 0 : 1e-5)
      })

      it('samples the likeliest token alone with topK 1, minP 1 or a tiny topP', async () => {
        const greedy = idsOf(await generate(model, PROMPTS, { maxCompletionLength: 5, temperature: 0, ...ENDLESS }))
        for (const filter of [{ topK: 1 }, { minP: 1 }, { topP: 1e-6 }]) {
          const options = { maxCompletionLength: 5, temperature: 1.5, ...ENDLESS, ...filter }
          assert.deepEqual(idsOf(await generate(model, PROMPTS, options)), greedy)
        }
      })

      it('frees everything, also when it is stopped', async () => {
        const options = { maxCompletionLength: 5, numGenerations: 2, stopStrings: ['no such text'] }
        const run = async (): Promise<void> => {
          await generate(model, PROMPTS, options)
          const controller = new AbortController()
          const onProgress = (): void => {
            controller.abort()
          }
          await assert.rejects(generate(model, PROMPTS, { ...options, signal: controller.signal, onProgress }))
          await assert.rejects(model.engineModel.generate([[VOCABULARY]], { eosTokenIds: [], ...options }), ShapeError)
          await assert.rejects(generate(model, [[VOCABULARY]], options), ConfigError)
        }
        await run()
        const before = memoryInUse()
        await run()
        assert.deepEqual(memoryInUse(), before)
      })
    })
  }

  describe('whatever the backend', () => {
    let model: CausalLM

    before(async () => {
      await selectEngine('cpu')
      model = await loadModel(temporaryTinyModel())
    })

    after(() => {
      model.dispose()
    })

    const sample = (
      prompts: readonly (readonly number[])[],
      options: Partial<SamplingOptions> = {},
    ): Promise<Completion[][]> => generate(model, prompts, { maxCompletionLength: 7, ...ENDLESS, ...options })

    it('gives a completion the same bits whatever else is in the batch', async () => {
      const [first, second, third] = PROMPTS as [number[], number[], number[]]
      const together = await sample(PROMPTS, { numGenerations: 3 })
      for (const [i, prompt] of PROMPTS.entries()) {
        assert.deepEqual(await sample([prompt], { numGenerations: 3 }), [together[i]])
        assert.deepEqual(await sample([prompt]), [together[i]!.slice(0, 1)])
      }
      assert.deepEqual(await sample([third, first, second], { numGenerations: 3 }), [
        together[2],
        together[0],
        together[1],
      ])
      // More sequences than are decoded together, in one group and in many.
      const more = await sample([second], { numGenerations: 70 })
      assert.deepEqual(more[0]!.slice(0, 3), together[1])
      const others = Array.from({ length: 90 }, (_, i) => randomIds(1 + (i % 4), VOCABULARY, 100 + i))
      const many = await sample([...others.slice(0, 40), third, ...others.slice(40), first])
      assert.deepEqual([many[40], many.at(-1)], [together[2]!.slice(0, 1), together[0]!.slice(0, 1)])
    })

    it('gives a completion the same bits when others end before it', async () => {
      const [alone] = await sample([PROMPTS[0]!], { maxCompletionLength: 20, numGenerations: 8 })
      // Every token that one of them begins with ends it.
      const eosTokenIds = alone!.slice(1).map(({ ids }) => ids[0]!)
      const [ended] = await sample([PROMPTS[0]!], { maxCompletionLength: 20, numGenerations: 8, eosTokenIds })
      const own = alone![0]!
      const end = own.ids.findIndex((id) => eosTokenIds.includes(id))
      assert.ok(end < 0 || end > 2, 'a test of nothing')
      assert.deepEqual(
        ended!.slice(1).map(({ ids }) => ids.length),
        new Array(7).fill(1),
      )
      const length = end < 0 ? 20 : end + 1
      assert.deepEqual(ended![0]!.ids, own.ids.slice(0, length))
      assert.deepEqual(ended![0]!.logProbs, own.logProbs.slice(0, length))
    })

    it('numbers the generations of a prompt on where it comes again', async () => {
      const prompt = PROMPTS[0]!
      const [four] = await sample([prompt], { numGenerations: 4 })
      assert.deepEqual(
        await sample([prompt, PROMPTS[1]!, prompt], { numGenerations: 2 }).then(([a, , c]) => [...a!, ...c!]),
        four,
      )
      assert.equal(new Set(four!.map(({ ids }) => ids.join())).size, 4)
    })

    it('repeats itself with the same seed only', async () => {
      const once = await sample(PROMPTS, { seed: 5 })
      assert.deepEqual(await sample(PROMPTS, { seed: 5 }), once)
      for (const seed of [0, 6, 5 + 2 ** 32]) {
        for (const [i, [completion]] of (await sample(PROMPTS, { seed })).entries()) {
          assert.notDeepEqual(completion!.ids, once[i]![0]!.ids)
        }
      }
    })

    it('draws tokens as often as they are likely', async () => {
      const prompt = PROMPTS[2]!
      const count = 3000
      const temperature = 0.5
      const topK = 5
      const [drawn] = await sample([prompt], { maxCompletionLength: 1, numGenerations: count, temperature, topK })
      const logits = nextLogits(model, prompt)
      const likeliest = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, topK)
      const weights = likeliest.map((id) => Math.exp(logits[id]! / temperature))
      const sum = weights.reduce((a, b) => a + b)
      let seen = 0
      for (const [i, id] of likeliest.entries()) {
        const p = weights[i]! / sum
        const frequency = drawn!.filter(({ ids }) => ids[0] === id).length
        seen += frequency
        const deviation = Math.sqrt(count * p * (1 - p))
        assert.ok(
          Math.abs(frequency - count * p) < 4 * deviation,
          `token ${id}: ${frequency} of ${count}, expected ${count * p}`,
        )
      }
      assert.equal(seen, count)
    })

    it('ends a completion with any of the EOS tokens, and keeps it', async () => {
      const [free] = await sample([PROMPTS[0]!], { maxCompletionLength: 10, numGenerations: 6 })
      assert.ok(free!.every(({ ids, finishReason }) => ids.length === 10 && finishReason === 'length'))
      const eosTokenIds = [free![0]!.ids[4]!, free![1]!.ids[6]!]
      const [ended] = await sample([PROMPTS[0]!], { maxCompletionLength: 10, numGenerations: 6, eosTokenIds })
      for (const [i, { ids, logProbs, finishReason }] of ended!.entries()) {
        const end = free![i]!.ids.findIndex((id) => eosTokenIds.includes(id))
        assert.equal(finishReason, end < 0 ? 'length' : 'stop')
        assert.deepEqual(ids, free![i]!.ids.slice(0, end < 0 ? 10 : end + 1))
        assert.equal(logProbs.length, ids.length)
      }
      assert.ok(ended![0]!.ids.length <= 5 && ended![1]!.ids.length <= 7)
      // An EOS token as the last one that fits is a stop, not a cut.
      const [exact] = await sample([PROMPTS[0]!], { maxCompletionLength: 5, eosTokenIds: eosTokenIds.slice(0, 1) })
      assert.equal(exact![0]!.finishReason, 'stop')
    })

    it("ends a completion with the model's EOS tokens unless told otherwise", async () => {
      assert.deepEqual(model.eosTokenIds, [341, 343])
      const options = { maxCompletionLength: 60, numGenerations: 64, temperature: 1.5 }
      const [completions] = await generate(model, [PROMPTS[0]!], options)
      const ended = completions!.filter(({ finishReason }) => finishReason === 'stop')
      assert.ok(ended.length > 0 && ended.length < 64, `${ended.length} of 64 ended`)
      for (const { ids, finishReason } of completions!) {
        assert.equal(
          ids.findIndex((id) => [341, 343].includes(id)),
          finishReason === 'stop' ? ids.length - 1 : -1,
        )
        if (finishReason === 'length') assert.equal(ids.length, 60)
      }
    })

    it('decodes the text without special tokens and without ids that the tokenizer does not know', async () => {
      const tokenizer = model.tokenizer!
      const [completions] = await sample([PROMPTS[0]!], {
        maxCompletionLength: 40,
        numGenerations: 20,
        temperature: 1.5,
      })
      for (const { ids, text } of completions!) {
        assert.equal(
          text,
          tokenizer.decode(
            ids.filter((id) => id < 346),
            { skipSpecialTokens: true },
          ),
        )
      }
      const all = completions!.flatMap(({ ids }) => ids)
      assert.ok(all.some((id) => id >= 346) && all.some((id) => id === 341 || id === 343), 'a test of nothing')
    })

    it('ends a completion with a stop string inside a token or across tokens', async () => {
      const tokenizer = model.tokenizer!
      const textOf = (ids: readonly number[]): string => tokenizer.decode(ids.filter((id) => id < 346))
      const [free] = await sample([PROMPTS[0]!], { maxCompletionLength: 12, numGenerations: 40 })
      const isWord = (text: string): boolean => /^[ a-zA-Z0-9]{2,}$/.test(text)
      let inside = 0
      let across = 0
      for (const [generation, { ids }] of free!.entries()) {
        for (let i = 2; i < ids.length; i++) {
          const [before, here] = [textOf([ids[i - 1]!]), textOf([ids[i]!])]
          if (!isWord(before) || !isWord(here)) continue
          for (const stop of [here, before.slice(-1) + here.slice(0, 1)]) {
            // Where the text so far holds the string for the first time, the completion has to end.
            const end = ids.findIndex((_, n) => textOf(ids.slice(0, n + 1)).includes(stop))
            const [group] = await sample([PROMPTS[0]!], {
              maxCompletionLength: 12,
              numGenerations: generation + 1,
              stopStrings: ['\u0000never', stop],
            })
            const { ids: stopped, finishReason, text } = group![generation]!
            assert.deepEqual(stopped, ids.slice(0, end + 1), `'${stop}'`)
            assert.equal(finishReason, 'stop')
            assert.ok(text.includes(stop))
            if (stop === here) inside++
            else if (end === i) across++
          }
        }
      }
      assert.ok(inside > 0 && across > 0, `a test of nothing: ${inside} inside, ${across} across`)
    })

    it('reports how many tokens there are so far, and how many completions have ended', async () => {
      const progress: number[] = []
      let ended = 0
      const eosTokenIds = [0, 1, 2, 3].map((i) => i * 80)
      const groups = await generate(model, [...PROMPTS, ...Array.from({ length: 80 }, (_, i) => [i])], {
        maxCompletionLength: 4,
        eosTokenIds,
        onProgress(tokens, completions) {
          progress.push(tokens)
          assert.ok(completions >= ended)
          ended = completions
        },
      })
      assert.equal(progress[0], 83)
      assert.equal(ended, 83)
      assert.deepEqual(
        progress,
        progress.toSorted((a, b) => a - b),
      )
      assert.equal(
        progress.at(-1),
        groups.flat().reduce((sum, { ids }) => sum + ids.length, 0),
      )
    })

    it('stops with the reason of its signal: before it starts, by progress, by a timer, in a later batch', async () => {
      const reason = new Error('enough')
      await assert.rejects(sample(PROMPTS, { signal: AbortSignal.abort(reason) }), reason)

      const byProgress = new AbortController()
      let tokens = 0
      const stopped = sample(PROMPTS, {
        maxCompletionLength: 200,
        signal: byProgress.signal,
        onProgress: (done) => {
          tokens = done
          if (done >= 30) byProgress.abort(reason)
        },
      })
      await assert.rejects(stopped, reason)
      assert.equal(tokens, 30)

      const byTimer = new AbortController()
      const running = sample(PROMPTS, { maxCompletionLength: 1000, signal: byTimer.signal })
      const timer = setTimeout(5).then(() => {
        byTimer.abort(reason)
      })
      await assert.rejects(running, reason)
      await timer

      const inLaterBatch = new AbortController()
      let calls = 0
      const oneToken = sample(
        Array.from({ length: 300 }, (_, i) => [i]),
        {
          maxCompletionLength: 1,
          signal: inLaterBatch.signal,
          onProgress: () => {
            if (++calls === 2) inLaterBatch.abort(reason)
          },
        },
      )
      await assert.rejects(oneToken, reason)
      assert.equal(calls, 2)
    })

    it('takes no prompts, and prompts that just fit', async () => {
      assert.deepEqual(await sample([]), [])
      const { maxPositions } = model.config
      const [[completion]] = (await sample([randomIds(maxPositions - 1, VOCABULARY, 1)], {
        maxCompletionLength: 2,
      })) as [[Completion]]
      assert.equal(completion.ids.length, 2)
    })

    it('has no text and takes no stop strings without a tokenizer', async () => {
      const plain = await loadModel(temporaryTinyModel({}, { tokenizer: false }))
      const [[completion]] = (await generate(plain, [[1]], { maxCompletionLength: 3 })) as [[Completion]]
      assert.equal(completion.text, '')
      await assert.rejects(
        generate(plain, [[1]], { maxCompletionLength: 3, stopStrings: ['a'] }),
        /stopStrings need a model with a tokenizer/,
      )
      plain.dispose()
    })

    it('says all that is wrong with its options', async () => {
      const wrong: [Partial<SamplingOptions>, RegExp][] = [
        [{ maxCompletionLength: 0 }, /maxCompletionLength: expected a number above 0, got 0/],
        [{ maxCompletionLength: 1.5 }, /maxCompletionLength: expected a .*, got 1.5/],
        [{ numGenerations: 0 }, /numGenerations: expected a .*, got 0/],
        [{ seed: -1 }, /seed: expected a .*, got -1/],
        [{ seed: 0.5 }, /seed: expected a .*, got 0.5/],
        [{ temperature: -0.1 }, /temperature: expected a number of at least 0, got -0.1/],
        [{ temperature: NaN }, /temperature: expected a .*, got NaN/],
        [{ temperature: Infinity }, /temperature: expected a .*, got Infinity/],
        [{ topK: -1 }, /topK: expected a .*, got -1/],
        [{ topK: 2.5 }, /topK: expected a .*, got 2.5/],
        [{ topP: 0 }, /topP: expected a number above 0, got 0/],
        [{ topP: 1.1 }, /topP: expected a .*, got 1.1/],
        [{ minP: -0.1 }, /minP: expected a .*, got -0.1/],
        [{ minP: 1.1 }, /minP: expected a .*, got 1.1/],
        [{ repetitionPenalty: 0 }, /repetitionPenalty: expected a .*, got 0/],
        [{ stopStrings: ['a', ''] }, /stopStrings.1: expected a text that is not empty/],
        [
          { maxCompletionLength: 1021 },
          /prompt 2 of 23 tokens and maxCompletionLength 1021 are more than the model's 1024 positions \(so it is with 2 of the 3 prompts\); set maxCompletionLength to 1002 or less$/,
        ],
      ]
      for (const [options, message] of wrong) {
        await assert.rejects(
          sample(PROMPTS, options),
          (error) => error instanceof ConfigError && message.test(error.message),
        )
      }
      await assert.rejects(
        sample([[1], []], { topK: -1, topP: 2 }),
        /topK: .* got -1.*topP: .* got 2.*prompt 1 is empty/s,
      )
      for (const id of [1.5, NaN, -1, 2 ** 40]) {
        await assert.rejects(
          sample([[1], [2, id]], {}),
          new RegExp(`prompt 1 holds token ${id}; expected whole numbers`),
        )
      }
      const strings = ['What is 2 + 3?'] as object as number[][]
      await assert.rejects(sample(strings, {}), /prompt 0 is string; expected an array of token ids/)
    })
  })
})
