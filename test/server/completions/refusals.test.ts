import assert from 'node:assert/strict'
import { selectEngine } from '../../../src/engine/registry.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { serveForTest } from './served.js'
import type { Served } from './served.js'

describe('server/completions refusals', () => {
  let model: CausalLM
  let served: Served

  before(async () => {
    await selectEngine('cpu', { threads: 1 })
    model = await loadModel('word-problems-2m')
    served = await serveForTest(model)
  })

  after(async () => {
    await served.service.stop(0)
    model.dispose()
    await selectEngine('reference')
  })

  const refused = async (path: string, body: unknown, status = 400, from = served): Promise<string> => {
    const answer = await from.post(path, body)
    assert.equal(
      answer.status,
      status,
      `${JSON.stringify(body).slice(0, 200)}: ${JSON.stringify(answer.body).slice(0, 300)}`,
    )
    const { error } = answer.body as { error: { message: string; type: string; code: number } }
    assert.equal(error.code, status)
    assert.match(error.type, /Error$/)
    return error.message
  }

  it('names each option that is unknown, wrong or not supported', async () => {
    const cases: [Record<string, unknown>, RegExp][] = [
      [{ temperature: -1 }, /temperature: expected a number of at least 0, got -1/],
      [{ temperature: 'hot' }, /temperature: expected a number, got 'hot'/],
      [{ top_p: 0 }, /top_p/],
      [{ top_p: 1.1 }, /top_p/],
      [{ top_k: -2 }, /top_k/],
      [{ min_p: 2 }, /min_p/],
      [{ repetition_penalty: 0 }, /repetition_penalty/],
      [{ n: 0 }, /n: expected/],
      [{ n: 1.5 }, /n: expected a whole number/],
      [{ max_tokens: 0 }, /max_tokens/],
      [{ seed: -1 }, /seed/],
      [{ seed: 2 ** 60 }, /seed/],
      [{ stop: '' }, /stop/],
      [{ stop: Array.from({ length: 17 }, String) }, /stop/],
      [{ stop: 'x'.repeat(257) }, /stop/],
      [{ stop_token_ids: ['x'] }, /stop_token_ids/],
      [{ logprobs: 5 }, /logprobs: expected 0, got 5. Of alternatives/],
      [{ stream: true }, /stream: expected false, got true. Answers are sent when they are whole/],
      [{ echo: true }, /echo: expected false, got true. It is not supported here/],
      [{ best_of: 2 }, /best_of/],
      [{ logit_bias: { 5: 1 } }, /logit_bias/],
      [{ presence_penalty: 1, frequency_penalty: 2 }, /presence_penalty.*frequency_penalty/],
      [{ max_completion_length: 5 }, /there is no option 'max_completion_length'/],
      [{ toString: 1, constructor: 2 }, /there is no option 'toString'.*'constructor'/],
      [{ model: 7 }, /model: expected a text/],
    ]
    for (const [options, message] of cases) {
      assert.match(await refused('/v1/completions', { model: 'base', prompt: 'Tom', ...options }), message)
    }
    for (const body of [[], 'x', 7, null]) {
      assert.match(await refused('/v1/completions', JSON.stringify(body)), /expected a JSON object/)
    }
  })

  it('takes what changes nothing', async () => {
    const options = { echo: false, best_of: 1, presence_penalty: 0, logit_bias: {}, user: 'me', stop: null, seed: null }
    const body = { prompt: 'Tom', max_tokens: 2, temperature: null, stream: false, suffix: null, ...options }
    assert.equal((await served.post('/v1/completions', body)).status, 200)
  })

  it('refuses prompts that the model cannot take', async () => {
    const vocabulary = model.config.vocabularySize
    const cases: [unknown, RegExp][] = [
      [undefined, /prompt is missing/],
      [null, /prompt is missing/],
      [7, /prompt: expected a text, token ids, or a list of either, got 7/],
      [{}, /prompt: expected a text/],
      [[], /prompt: expected a text/],
      [[[]], /prompt: it has no token/],
      ['', /prompt: it has no token/],
      [[[1], []], /prompt\.1: it has no token/],
      [[[1], 'a', null], /prompt\.2: expected a text or token ids, got null/],
      [[1, 'a'], /prompt: token 1 is 'a'; expected whole numbers/],
      [[[1, -1]], /token 1 is -1/],
      [[[vocabulary]], new RegExp(`token 0 is ${vocabulary}; expected whole numbers from 0 to ${vocabulary - 1}`)],
      [[[1.5]], /token 0 is 1.5/],
      [
        [Array(509).fill(1)],
        /509 tokens and max_tokens 5 are more than the 512 positions.*set max_tokens to 4 or less/,
      ],
      [[Array(513).fill(1)], /shorten it$/],
      ['word '.repeat(2000), /positions of the model/],
      [['x'.repeat(2000), null], /prompt\.0: 2000 tokens/],
      ['x'.repeat(10_241), /a text of 10241 characters is longer than the 512 positions/],
      [Array(4097).fill('x'), /4097 prompts, at most 4096/],
    ]
    for (const [prompt, message] of cases) {
      assert.match(await refused('/v1/completions', { prompt, max_tokens: 5 }), message)
    }
    assert.equal((await served.complete({ prompt: [Array<number>(508).fill(5)], max_tokens: 5 })).length, 1)
  })

  it('refuses more than one request may ask for', async () => {
    const prompt = Array<string>(200).fill('x')
    assert.match(await refused('/v1/completions', { prompt, n: 100 }), /200 prompts x n 100/)
    assert.match(
      await refused('/v1/completions', { prompt, n: 50, max_tokens: 400 }),
      /10000 completions x max_tokens 400/,
    )
  })

  it('refuses other requests that are wrong', async () => {
    assert.match(await refused('/tokenize', {}), /expected/)
    assert.match(await refused('/tokenize', { prompt: 'x'.repeat(100_000) }), /longer than the 512 positions/)
    assert.match(await refused('/tokenize', { messages: [{ role: 'user' }] }), /expected/)
    const messages = Array(3).fill({ role: 'user', content: ' '.repeat(5000) })
    assert.match(
      await refused('/tokenize', { messages }),
      /messages: a text of 15012 characters is longer than the 512/,
    )
    assert.match(await refused('/v1/load_lora_adapter', { lora_name: 'x' }), /lora_path: expected a text/)
    assert.match(await refused('/v1/unload_lora_adapter', {}), /lora_name: expected a text/)
    assert.match(await refused('/v1/completions', '{"prompt": '), /not JSON/)
    await refused('/v1/chat/completions', {}, 404)
  })

  it('works without a tokenizer on token ids only', async () => {
    const plain = await loadModel(temporaryTinyModel({}, { tokenizer: false }))
    const other = await serveForTest(plain)
    try {
      const [completion] = await other.complete({ prompt: [5, 6], max_tokens: 3, seed: 1 })
      assert.deepEqual([completion!.text, completion!.ids.length > 0], ['', true])
      for (const request of [{ prompt: 'x' }, { prompt: [5], stop: 'x' }]) {
        assert.match(await refused('/v1/completions', request, 400, other), /no tokenizer\.json/)
      }
      assert.match(await refused('/tokenize', { prompt: 'x' }, 400, other), /no tokenizer\.json/)
    } finally {
      await other.service.stop(0)
      plain.dispose()
    }
  })

  it('says nothing of contents in its log', async () => {
    served.lines.length = 0
    await refused('/v1/completions', { prompt: 'the secret question', secret_name: 1, temperature: 'secret' })
    await refused('/v1/completions', { model: 'secret', prompt: 'x' }, 404)
    await served.post('/v1/load_lora_adapter', { lora_name: 'x', lora_path: '/secret' })
    await served.post('/secret', {})
    assert.deepEqual(
      served.lines.map(({ path, status }) => [path, status]),
      [
        ['/v1/completions', 400],
        ['/v1/completions', 404],
        ['/v1/load_lora_adapter', 404],
        ['other', 404],
      ],
    )
    assert.ok(!JSON.stringify(served.lines).includes('secret'))
  })

  it('works on when a client goes away', async () => {
    const leaving = new AbortController()
    const long = { prompt: Array<string>(32).fill('Tom'), n: 8, max_tokens: 400, ignore_eos: true, seed: 1 }
    const gone = served.post('/v1/completions', long, leaving.signal)
    while (!/running 1$/m.test((await served.get('/metrics')).body as string)) await new Promise(setImmediate)
    leaving.abort()
    await assert.rejects(gone, /abort/i)
    const started = performance.now()
    await served.complete({ prompt: 'Tom', max_tokens: 2 })
    // 102,400 tokens would take minutes.
    assert.ok(performance.now() - started < 5000)
    assert.deepEqual(served.lines.find(({ path, status }) => path === '/v1/completions' && status === 499)?.status, 499)
  })

  it('demands its token', async () => {
    const other = await serveForTest(model, { token: 'a-long-token' })
    try {
      assert.equal((await other.get('/health')).status, 200)
      for (const path of ['/v1/models', '/version', '/metrics']) assert.equal((await other.get(path)).status, 401)
      assert.equal((await other.post('/v1/completions', { prompt: 'Tom' })).status, 200)
    } finally {
      await other.service.stop(0)
    }
    await assert.rejects(serveForTest(model, { host: '0.0.0.0' }), /there is no token/)
  })
})
