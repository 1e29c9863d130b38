import assert from 'node:assert/strict'
import { selectEngine } from '../../../src/engine/registry.js'
import { generate } from '../../../src/policy/generate.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { asServed, serveForTest } from './served.js'
import type { Served } from './served.js'

const texts = ['Tom has 3 apples.', 'Ann buys 12 pens and gives 5 to Ben.', 'How many cards does Mia have?']

/** An answer. */
interface Answered {
  readonly id: string
  readonly created: number
  readonly choices: readonly Choice[]
}

/** A choice of it. */
interface Choice {
  readonly index: number
  readonly prompt_token_ids: readonly number[] | null
  readonly logprobs: {
    readonly tokens: readonly string[]
    readonly token_logprobs: readonly number[]
    readonly top_logprobs: readonly Record<string, number>[]
    readonly text_offset: readonly number[]
  } | null
  readonly text: string
  readonly token_ids: readonly number[] | null
  readonly finish_reason: string
  readonly stop_reason: string | number | null
}

describe('server/completions', () => {
  let model: CausalLM
  let served: Served
  let prompts: number[][]

  before(async () => {
    await selectEngine('cpu', { threads: 2 })
    model = await loadModel('word-problems-2m')
    prompts = texts.map((text) => model.tokenizer!.encodeChat([{ role: 'user', content: text }]))
    served = await serveForTest(model)
  })

  after(async () => {
    await served.service.stop(0)
    model.dispose()
    await selectEngine('reference')
  })

  const choicesOf = async (request: Record<string, unknown>): Promise<readonly Choice[]> => {
    const { status, body } = await served.post('/v1/completions', { model: 'base', return_token_ids: true, ...request })
    assert.equal(status, 200, JSON.stringify(body))
    return (body as Answered).choices
  }

  it('gives the completions of generate, bit for bit', async () => {
    const request = { prompt: prompts, n: 3, max_tokens: 40, seed: 7, temperature: 0.9 }
    const options = { numGenerations: 3, maxCompletionLength: 40, seed: 7, temperature: 0.9 }
    const local = asServed(await generate(model, prompts, options))
    assert.deepEqual(await served.complete(request), local)
    assert.notDeepEqual(await served.complete({ ...request, seed: 8 }), local)
  })

  it('has the sampling options of generate', async () => {
    const pairs = [
      [{ temperature: 0 }, { temperature: 0 }],
      [{ top_k: 3 }, { topK: 3 }],
      [{ top_k: -1 }, { topK: 0 }],
      [{ top_p: 0.5 }, { topP: 0.5 }],
      [{ min_p: 0.3 }, { minP: 0.3 }],
      [{ repetition_penalty: 1.5 }, { repetitionPenalty: 1.5 }],
      [{ stop: '.' }, { stopStrings: ['.'] }],
      [{ stop_token_ids: [52] as number[] }, { eosTokenIds: [...model.eosTokenIds, 52] }],
      [{ ignore_eos: true }, { eosTokenIds: [] }],
    ] as const
    const plain = asServed(await generate(model, prompts, { maxCompletionLength: 30, seed: 1, numGenerations: 2 }))
    for (const [request, options] of pairs) {
      const sampling = { maxCompletionLength: 30, seed: 1, numGenerations: 2, ...options }
      const local = asServed(await generate(model, prompts, sampling))
      const answer = await served.complete({ prompt: prompts, n: 2, max_tokens: 30, seed: 1, ...request })
      // What ended a completion is in its ids, not in its text.
      const withoutText = (completions: typeof local): unknown => completions.map((each) => ({ ...each, text: '' }))
      assert.deepEqual(withoutText(answer), withoutText(local), JSON.stringify(request))
      if (!('top_k' in request && request.top_k < 0)) assert.notDeepEqual(withoutText(answer), withoutText(plain))
    }
  })

  it('gives each of many requests at the same time what it gets alone, also of the same prompt', async () => {
    const asked = Array.from({ length: 24 }, (_, i) => ({
      prompt: [prompts[i % 3]!],
      n: 1 + (i % 2),
      seed: i % 4 === 0 ? 1 : 2,
    }))
    const answers = await Promise.all(asked.map((request) => served.complete({ ...request, max_tokens: 30 })))
    for (const [i, { prompt, n, seed }] of asked.entries()) {
      const local = await generate(model, prompt, { numGenerations: n, seed, maxCompletionLength: 30 })
      assert.deepEqual(answers[i], asServed(local))
    }
  })

  it('draws anew each time without a seed, also for the same prompt at the same time', async () => {
    const request = { prompt: prompts[0]!, n: 2, max_tokens: 40, temperature: 3, ignore_eos: true }
    const answers = await Promise.all([served.complete(request), served.complete(request), served.complete(request)])
    const drawn = answers.flat().map(({ ids }) => ids.join())
    assert.equal(new Set(drawn).size, 6)
    assert.notDeepEqual(await served.complete(request), answers[0])
  })

  it('takes texts, encoded as by the tokenizer, and several forms of prompts', async () => {
    const [first, second] = texts.map((text) => model.tokenizer!.encode(text, { addSpecialTokens: true }))
    const options = { max_tokens: 8, seed: 1 }
    const one = await served.complete({ prompt: [first!], ...options })
    const two = await served.complete({ prompt: [first!, second!], ...options })
    assert.deepEqual(await served.complete({ prompt: texts[0], ...options }), one)
    assert.deepEqual(await served.complete({ prompt: first, ...options }), one)
    assert.deepEqual(await served.complete({ prompt: texts.slice(0, 2), ...options }), two)
    assert.deepEqual(await served.complete({ prompt: [texts[0], second], ...options }), two)
    const [special] = await served.complete({ prompt: '<|user|>Tom', ...options })
    const ids = model.tokenizer!.encodeChat([{ role: 'user', content: 'Tom' }], { addGenerationPrompt: false })
    assert.deepEqual(special, (await served.complete({ prompt: [ids], ...options }))[0])
  })

  it('answers in the form of vLLM', async () => {
    const request = {
      prompt: prompts.slice(0, 2),
      n: 2,
      max_tokens: 5,
      seed: 3,
      ignore_eos: true,
      skip_special_tokens: false,
    }
    const { body } = await served.post('/v1/completions', { ...request, logprobs: 0, return_token_ids: true })
    const { id, created, choices, ...rest } = body as Answered
    assert.match(id, /^cmpl-/)
    assert.ok(Math.abs(created - Date.now() / 1000) < 5)
    const promptTokens = prompts[0]!.length + prompts[1]!.length
    assert.deepEqual(rest, {
      object: 'text_completion',
      model: 'base',
      usage: { prompt_tokens: promptTokens, completion_tokens: 20, total_tokens: promptTokens + 20 },
    })
    assert.deepEqual(
      choices.map((choice) => [choice.index, choice.prompt_token_ids]),
      [0, 0, 1, 1].map((prompt, index) => [index, prompts[prompt]]),
    )
    for (const { text, logprobs, token_ids: ids } of choices) {
      const { tokens, token_logprobs: values, top_logprobs: top, text_offset: offsets } = logprobs!
      assert.deepEqual(
        tokens,
        ids!.map((token) => model.tokenizer!.decode([token])),
      )
      assert.equal(tokens.join(''), text)
      assert.deepEqual(
        top,
        tokens.map((token, i) => ({ [token]: values[i] })),
      )
      assert.deepEqual(
        offsets,
        tokens.map((_, i) => tokens.slice(0, i).join('').length),
      )
    }
    const plain = await served.post('/v1/completions', request)
    for (const choice of (plain.body as Answered).choices) {
      assert.deepEqual([choice.logprobs, choice.token_ids, choice.prompt_token_ids], [null, null, null])
    }
    const named = await served.post('/v1/completions', { ...request, logprobs: 0, return_tokens_as_token_ids: true })
    assert.match((named.body as Answered).choices[0]!.logprobs!.tokens[0]!, /^token_id:\d+$/)
  })

  it('says what ended a completion, and leaves it out of the text', async () => {
    const request = { prompt: prompts[0], n: 8, max_tokens: 200, seed: 1 }
    const skip = { skipSpecialTokens: true }
    const eos = model.eosTokenIds[0]
    for (const { text, token_ids: ids, finish_reason: reason, stop_reason: by } of await choicesOf(request)) {
      assert.deepEqual([reason, by, ids!.at(-1)], ['stop', null, eos])
      assert.equal(text, model.tokenizer!.decode(ids!.slice(0, -1), skip))
    }
    for (const choice of await choicesOf({ ...request, max_tokens: 2 })) {
      assert.deepEqual([choice.finish_reason, choice.stop_reason], ['length', null])
    }
    const stopped = await choicesOf({ ...request, stop: ['zzz', '.'] })
    assert.ok(stopped.some(({ stop_reason: by }) => by === '.'))
    for (const { text, token_ids: ids, stop_reason: by } of stopped) {
      assert.equal(`${text}${by ?? ''}`, model.tokenizer!.decode(ids!, skip))
      assert.ok(!text.includes('.'))
    }
    const included = await choicesOf({ ...request, stop: ['.'], include_stop_str_in_output: true })
    assert.ok(included.some(({ text }) => /^[^.]+\.$/.test(text)))
    const byToken = await choicesOf({ ...request, stop_token_ids: [52] })
    assert.deepEqual(
      byToken.map(({ text, stop_reason: by }) => [text, by === '.' ? 52 : by]),
      stopped.map(({ text, stop_reason: by }) => [text, by === '.' ? 52 : by]),
    )
    const [special] = await choicesOf({ ...request, skip_special_tokens: false, include_stop_str_in_output: true })
    assert.match(special!.text, /<\|end\|>$/)
  })

  it('tokenizes as the model does', async () => {
    const chat = [{ role: 'user', content: texts[0]! }]
    const pairs = [
      [{ prompt: texts[1] }, model.tokenizer!.encode(texts[1]!, { addSpecialTokens: true })],
      [{ prompt: 'a<|end|>' }, model.tokenizer!.encode('a<|end|>')],
      [{ messages: chat }, prompts[0]],
      [
        { messages: chat, add_generation_prompt: false },
        model.tokenizer!.encodeChat(chat, { addGenerationPrompt: false }),
      ],
    ] as const
    for (const [request, tokens] of pairs) {
      const { status, body } = await served.post('/tokenize', { model: 'base', ...request })
      assert.deepEqual(
        { status, body },
        { status: 200, body: { count: tokens!.length, max_model_len: 512, tokens, token_strs: null } },
      )
    }
  })

  it('tells its models, that it is there, its version, and what it did', async () => {
    const { body } = await served.get('/v1/models')
    const [base, ...others] = (body as { data: Record<string, unknown>[] }).data
    assert.deepEqual(others, [])
    assert.deepEqual(
      [base!.id, base!.parent, base!.owned_by, base!.max_model_len],
      ['base', null, 'grpo-ts', model.config.maxPositions],
    )
    assert.deepEqual(await served.get('/health'), { status: 200, body: { status: 'ok' } })
    assert.match(((await served.get('/version')).body as { version: string }).version, /^\d+\.\d+\.\d+$/)
    const tokens = async (): Promise<number> =>
      Number(/^vllm:generation_tokens_total (\d+)$/m.exec((await served.get('/metrics')).body as string)![1])
    const earlier = await tokens()
    await served.complete({ prompt: prompts, n: 2, max_tokens: 4, ignore_eos: true })
    assert.equal(await tokens(), earlier + 24)
  })
})
