import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { selectEngine } from '../../../../src/engine/registry.js'
import type { SamplingOptions } from '../../../../src/engine/sampling.js'
import { rolloutServers } from '../../../../src/grpo/rollouts/servers/rolloutServers.js'
import type {
  RolloutServers,
  RolloutServersOptions,
  RolloutServersSettings,
} from '../../../../src/grpo/rollouts/servers/rolloutServers.js'
import type { CausalLM, Policy } from '../../../../src/policy/causalLM.js'
import { generate } from '../../../../src/policy/generate.js'
import { loadModel } from '../../../../src/policy/loadModel.js'
import { useTemporaryFolder } from '../../../io/temporaryFolder.js'
import { FakeServer } from './fakeServer.js'
import type { FakeOptions } from './fakeServer.js'

const waits = { first: 5, longest: 20, patience: 300 }

describe('grpo/rollouts/servers', () => {
  const place = useTemporaryFolder()
  let base: CausalLM
  let policy: Policy
  let prompts: number[][]
  let servers: FakeServer[] = []
  let engines: RolloutServers[] = []
  let warnings: string[] = []
  let checked: string[] = []
  const sampling: SamplingOptions = { maxCompletionLength: 12, numGenerations: 3, seed: 7, temperature: 1 }

  before(async () => {
    await selectEngine('cpu')
    base = await loadModel('word-problems-2m')
    const texts = ['What is 2 + 2?', 'Tom has 3 apples.', 'What is 2 + 2?', 'A', 'B']
    prompts = texts.map((text) => base.tokenizer!.encode(text))
  })
  beforeEach(() => {
    policy = base.withLora({ r: 4, seed: 1 })
    // Another than nothing: an adapter that is new changes nothing.
    policy.trained.parameters.setValues(policy.trained.parameters.values.map((_, i) => Math.sin(i) / 50))
    ;[servers, engines, warnings, checked] = [[], [], [], []]
  })
  afterEach(async () => {
    for (const engine of engines) await engine.close()
    for (const server of servers) await server.kill()
    policy.dispose()
  })
  after(async () => {
    base.dispose()
    await selectEngine('reference')
  })

  const serve = async (options: FakeOptions = {}, model = base): Promise<FakeServer> => {
    const server = await new FakeServer(model, options).start()
    servers.push(server)
    return server
  }
  const engineOf = (
    of: readonly FakeServer[],
    options: RolloutServersOptions & Partial<RolloutServersSettings> = {},
  ): RolloutServers => {
    const { engine: protocol = 'vllm', timeout, model, apiKeyEnv, adapterDir, ...rest } = options
    const engine = rolloutServers(
      { engine: protocol, baseUrl: of.map(({ url }) => url), timeout, model, apiKeyEnv, adapterDir },
      {
        outputDir: place('run'),
        waits,
        onWarning: (message) => warnings.push(message),
        onChecked: (url) => checked.push(url),
        ...rest,
      },
    )
    engines.push(engine)
    return engine
  }
  const idsOf = (groups: readonly (readonly { ids: number[] }[])[]): number[][][] =>
    groups.map((group) => group.map(({ ids }) => ids))

  it('samples what the policy itself samples, where the servers take a seed', async () => {
    const own = await generate(policy, prompts, sampling)
    const both = [await serve({ ownedBy: 'grpo-ts' }), await serve({ ownedBy: 'grpo-ts' })]
    const engine = engineOf(both)
    await engine.sync!(policy, 0)
    const progress: number[] = []
    const groups = await engine.generate(prompts, { ...sampling, onProgress: (tokens) => progress.push(tokens) })
    assert.deepEqual(
      groups.map((group) => group.map((completion) => ({ ...completion, entropies: [] }))),
      own.map((group) => group.map((completion) => ({ ...completion, entropies: [] }))),
    )
    assert.deepEqual(checked.sort(), both.map(({ url }) => url).sort())
    assert.equal(
      progress.at(-1),
      own.flat().reduce((sum, { ids }) => sum + ids.length, 0),
    )
    // The prompt that stands there twice is one request.
    const asked = both.flatMap(({ requests }) => requests).filter(({ body }) => body.max_tokens === 12 && body.n !== 2)
    assert.deepEqual(asked.map(({ body }) => body.n).sort(), [3, 3, 3, 6])
    assert.deepEqual(warnings, [])
  })

  it('says every option, and no seed to others', async () => {
    const server = await serve()
    const engine = engineOf([server], { agreement: 'recompute' })
    await engine.sync!(policy, 0)
    await engine.generate(prompts.slice(0, 1), {
      ...sampling,
      topK: 5,
      topP: 0.9,
      minP: 0.01,
      repetitionPenalty: 1.1,
      stopStrings: ['####'],
      temperature: 0.8,
    })
    const { body } = server.requests.filter((request) => request.path === '/v1/completions').at(-1)!
    assert.deepEqual(
      { ...body, model: null, prompt: null },
      {
        model: null,
        prompt: null,
        n: 3,
        max_tokens: 12,
        temperature: 0.8,
        top_p: 0.9,
        top_k: 5,
        min_p: 0.01,
        repetition_penalty: 1.1,
        stop: ['####'],
        stop_token_ids: [...policy.eosTokenIds],
        logprobs: 0,
        return_token_ids: true,
        add_special_tokens: false,
        skip_special_tokens: true,
      },
    )
    assert.match(body.model as string, /^grpo-ts-[0-9a-f]{8}-[0-9a-f]{8}-step-0$/)
  })

  it('exchanges adapters without leaving any, on servers and on the disk', async () => {
    const both = [await serve(), await serve({ tokenizes: false })]
    const engine = engineOf(both)
    const seen = new Set<string>()
    for (let step = 0; step < 50; step++) {
      await engine.sync!(policy, step)
      await engine.generate(prompts.slice(0, 2), { ...sampling, maxCompletionLength: 1, numGenerations: 1 })
      for (const { adapters } of both) for (const name of adapters.keys()) seen.add(name)
      assert.equal(fs.readdirSync(place('run', 'rollout-adapters')).length, 1)
    }
    assert.equal(seen.size, 50)
    assert.ok(both.every(({ adapters, mostAdapters }) => adapters.size === 1 && mostAdapters === 2))
    await engine.close()
    assert.deepEqual(
      both.map(({ adapters }) => adapters.size),
      [0, 0],
    )
    assert.ok(!fs.existsSync(place('run', 'rollout-adapters')))
  })

  it('removes what an earlier process of the run left behind, and nothing of others', async () => {
    const server = await serve()
    const earlier = engineOf([server])
    await earlier.sync!(policy, 3)
    await earlier.generate(prompts, sampling)
    const [left] = server.adapters.keys()
    const other = engineOf([server], { outputDir: place('other') })
    await other.sync!(policy, 3)
    await other.generate(prompts, sampling)
    assert.equal(server.adapters.size, 2)
    const engine = engineOf([server])
    await engine.sync!(policy, 3)
    await engine.generate(prompts, sampling)
    assert.equal(server.adapters.size, 2)
    assert.ok(!server.adapters.has(left!))
    assert.equal(fs.readdirSync(place('run', 'rollout-adapters')).length, 1)
    assert.equal(fs.readdirSync(place('other', 'rollout-adapters')).length, 1)
  })

  it('sends the files of an adapter to a server of grpo-ts that does not see them', async () => {
    const server = await serve({ ownedBy: 'grpo-ts', seesFolders: false })
    const engine = engineOf([server])
    await engine.sync!(policy, 0)
    assert.deepEqual(idsOf(await engine.generate(prompts, sampling)), idsOf(await generate(policy, prompts, sampling)))
    const foreign = engineOf([await serve({ seesFolders: false })])
    await foreign.sync!(policy, 0)
    await assert.rejects(
      foreign.generate(prompts, sampling),
      /load_lora_adapter answered 404: No adapter found for .*; does the server see the folder .* --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING/,
    )
  })

  describe('that are refused', () => {
    const cases: [string, FakeOptions, RegExp, { model?: string; temperature?: number }?][] = [
      ['have another model', { name: 'x', others: ['y'] }, /serves several models \(x, y\); say which one by model/],
      ['have no such name', {}, /serves no model named z; it serves base/, { model: 'z' }],
      [
        'have another tokenizer',
        { changeTokens: (ids) => [...ids.slice(0, 3), 1, ...ids.slice(4)] },
        /makes other tokens of ".*" than the policy: from place 3 on 1 .* serve the model that is trained/,
      ],
      [
        'tell other log-probabilities',
        { change: (one) => ({ ...one, logProbs: one.logProbs.map((value) => value - 0.5) }) },
        /does not sample from this policy: .* are 0\.500 nats apart .*--logprobs-mode processed_logprobs/,
      ],
      [
        'tell those at temperature 1',
        { isRaw: true },
        /tells log-probabilities at temperature 1, and the run samples at temperature 0\.6: .*--logprobs-mode/,
        { temperature: 0.6 },
      ],
      [
        'tell no log-probabilities',
        { change: (one) => ({ ...one, logProbs: [] }) },
        /answered with \d+ tokens and 0 log-probabilities/,
      ],
      [
        'make completions longer than they were asked for',
        { change: (one) => ({ ...one, ids: Array<number>(9000).fill(5), logProbs: Array<number>(9000).fill(-1) }) },
        /answered with a completion of 9000 tokens; expected 1 to 12/,
      ],
      [
        'make empty completions',
        { change: (one) => ({ ...one, ids: [], logProbs: [] }) },
        /answered with a completion of 0 tokens; expected 1 to 12/,
      ],
      ['have too little room', { maxModelLength: 14 }, /takes 14 tokens \(max_model_len\), and a prompt of \d+ with/],
    ]
    for (const [what, options, message, { model, temperature = 1 } = {}] of cases) {
      it(what, async () => {
        const engine = engineOf([await serve(), await serve(options)], model === undefined ? {} : { model })
        await engine.sync!(policy, 0)
        await assert.rejects(engine.generate(prompts, { ...sampling, temperature }), message)
      })
    }

    it('answer with other prompts, other numbers or nothing that can be read', async () => {
      const server = await serve()
      const engine = engineOf([server])
      await engine.sync!(policy, 0)
      await engine.generate(prompts, sampling)
      const choice = { index: 0, text: '', finish_reason: 'stop', token_ids: [1], logprobs: { token_logprobs: [-1] } }
      for (const [body, message] of [
        ['<html>', /answered with something else than completions/],
        [JSON.stringify({ choices: [{ ...choice, token_ids: undefined }] }), /token_ids.*needs vLLM 0\.22/],
        [JSON.stringify({ choices: [choice] }), /answered with 1 completions; expected 3/],
        [
          JSON.stringify({ choices: [choice, choice, { ...choice, prompt_token_ids: [1, 2] }] }),
          /continued another prompt than it was given: 2 tokens for/,
        ],
        [`"${'x'.repeat(3_000_000)}"`, /answers with more than \d+ bytes/],
      ] as const) {
        server.faults.push({ path: '/v1/completions', status: 200, body })
        await assert.rejects(engine.generate(prompts.slice(3, 4), sampling), message)
      }
      assert.equal((await engine.generate(prompts, sampling)).length, 5)
    })
  })

  describe('that fail', () => {
    it('are asked again after errors that may pass, and not after others', async () => {
      const server = await serve({ ownedBy: 'grpo-ts' })
      const engine = engineOf([server], { timeout: 400 })
      await engine.sync!(policy, 0)
      const own = idsOf(await generate(policy, prompts, sampling))
      for (const fault of [
        { path: '/v1/completions', status: 500 },
        { path: '/v1/completions', status: 503 },
        { path: '/v1/completions', status: 429, headers: { 'Retry-After': '0' } },
        { path: '/v1/completions', status: 200, hangs: true },
        { path: '/v1/completions', status: 404 },
        { path: '/v1/models', status: 502 },
        { path: '/v1/load_lora_adapter', status: 500 },
      ]) {
        server.faults.push(fault)
        await engine.sync!(policy, 1)
        assert.deepEqual(idsOf(await engine.generate(prompts, sampling)), own, JSON.stringify(fault))
        assert.deepEqual(server.faults, [])
      }
      assert.deepEqual(warnings, [])
      for (const status of [400, 413, 422]) {
        const before = server.count('/v1/completions')
        server.faults.push({ path: '/v1/completions', status, body: '{"error":{"message":"not so"}}' })
        await assert.rejects(engine.generate(prompts.slice(0, 1), sampling), new RegExp(`answered ${status}: not so`))
        assert.equal(server.count('/v1/completions'), before + 1)
      }
    })

    it('are loaded the adapter again when they sample from the base in its place', async () => {
      const server = await serve({ ownedBy: 'grpo-ts', fallsBack: true })
      const engine = engineOf([server])
      await engine.sync!(policy, 0)
      const own = idsOf(await generate(policy, prompts, sampling))
      await engine.generate(prompts, sampling)
      server.adapters.clear()
      assert.deepEqual(idsOf(await engine.generate(prompts, sampling)), own)
      assert.equal(server.adapters.size, 1)
    })

    it('are not heard to the end of an error that has none', async () => {
      const server = await serve()
      const engine = engineOf([server])
      await engine.sync!(policy, 0)
      await engine.generate(prompts, sampling)
      const body = `\u001b[2J\u0007${'x'.repeat(5000)}`
      server.faults.push({ path: '/v1/completions', status: 400, body, isEndless: true })
      await assert.rejects(engine.generate(prompts.slice(0, 1), sampling), /answered 400: \[2J x{200,}…$/)
    })

    it('are not asked without a pause when they ask for none', async () => {
      const server = await serve()
      const engine = engineOf([server])
      await engine.sync!(policy, 0)
      await engine.generate(prompts, sampling)
      const busy = { path: '/v1/completions', status: 429, headers: { 'Retry-After': '0' } }
      server.faults.push(...Array<typeof busy>(5000).fill(busy))
      const before = server.count('/v1/completions')
      await assert.rejects(engine.generate(prompts.slice(0, 1), sampling), /no server has sampled anything/)
      assert.ok(server.count('/v1/completions') - before <= waits.patience / waits.first + 1)
    })

    it('wait as long as a busy server says', async () => {
      const server = await serve()
      const engine = engineOf([server], { waits: { ...waits, longest: 5000, patience: 5000 } })
      await engine.sync!(policy, 0)
      await engine.generate(prompts, sampling)
      server.faults.push({ path: '/v1/completions', status: 429, headers: { 'Retry-After': '1' } })
      const before = performance.now()
      await engine.generate(prompts.slice(0, 1), sampling)
      assert.ok(performance.now() - before > 950)
    })

    it('in the middle leave their work to the others, and take part again', async () => {
      const own = idsOf(await generate(policy, prompts, sampling))
      const [first, second] = [await serve({ ownedBy: 'grpo-ts' }), await serve({ ownedBy: 'grpo-ts' })]
      const engine = engineOf([first, second])
      await engine.sync!(policy, 0)
      await engine.generate(prompts, sampling)
      first.onSample = async () => {
        await first.kill()
      }
      assert.deepEqual(idsOf(await engine.generate(prompts, sampling)), own)
      for (let step = 1; step <= 3; step++) {
        await engine.sync!(policy, step)
        assert.deepEqual(idsOf(await engine.generate(prompts, sampling)), own)
      }
      assert.equal(warnings.length, 1)
      assert.match(warnings[0]!, /ECONNREFUSED.*; the other servers take its work meanwhile, and it is asked again/)
      first.onSample = () => undefined
      // Long enough for the one that is back to be compared; with the next batch it gets its share.
      second.onSample = () => new Promise((resolve) => setTimeout(resolve, 300))
      await first.start()
      for (const step of [4, 5]) {
        await engine.sync!(policy, step)
        assert.deepEqual(idsOf(await engine.generate(prompts, sampling)), own)
      }
      const groups = first.requests.filter(({ body }) => String(body.model).endsWith('-5') && body.max_tokens === 12)
      assert.equal(groups.length, 2)
      assert.match(warnings[1]!, /answers again/)
      assert.equal(checked.filter((url) => url === first.url).length, 2)
      assert.deepEqual([first.adapters.size, second.adapters.size], [1, 1])
    })

    it('end the run when none of them comes back, and the next batch tries anew', async () => {
      const both = [await serve(), await serve()]
      const engine = engineOf(both)
      await engine.sync!(policy, 0)
      await engine.generate(prompts, sampling)
      for (const server of both) await server.kill()
      const before = performance.now()
      await assert.rejects(
        engine.generate(prompts, sampling),
        /no server has sampled anything for 0 s:\n.*ECONN.*\n.*ECONN.*\nWhen they are back, resume goes on/,
      )
      assert.ok(performance.now() - before >= waits.patience)
      for (const server of both) await server.start()
      assert.equal((await engine.generate(prompts, sampling)).length, 5)
    })

    it('from the start are waited for', async () => {
      const server = await serve()
      await server.kill()
      const engine = engineOf([server], { waits: { ...waits, patience: 5000 } })
      await engine.sync!(policy, 0)
      const [groups] = await Promise.all([
        engine.generate(prompts, sampling),
        new Promise((resolve) => setTimeout(resolve, 50)).then(() => server.start()),
      ])
      assert.equal(groups.length, 5)
    })
  })

  it('speak the protocol of SGLang', async () => {
    const [first, second] = [await serve({ ownedBy: 'sglang' }), await serve({ ownedBy: 'sglang', tokenizes: false })]
    const engine = engineOf([first, second], { engine: 'sglang' })
    assert.equal(engine.name, 'sglang servers')
    for (const step of [0, 1, 2]) {
      await engine.sync!(policy, step)
      const groups = await engine.generate(prompts, sampling)
      // The fake takes seed 0 for all.
      const own = await generate(policy, prompts, { ...sampling, seed: 0 })
      assert.deepEqual(
        groups.map((group) => group.map(({ text }) => text).sort()),
        own.map((group) => group.map(({ text }) => text).sort()),
      )
      assert.deepEqual([first.adapters.size, second.adapters.size], [1, 1])
    }
    first.adapters.clear()
    assert.equal((await engine.generate(prompts, sampling)).length, 5)
    assert.equal(first.adapters.size, 1)
    for (const server of [first, second]) server.faults.push({ path: '/generate', status: 200, body: '[]' })
    await assert.rejects(engine.generate(prompts, sampling), /answered with something else than \d completions/)
    const wrong = engineOf([await serve({ seesFolders: false })], { engine: 'sglang' })
    await wrong.sync!(policy, 0)
    await assert.rejects(
      wrong.generate(prompts, sampling),
      /load_lora_adapter answered 400: .*No adapter found.*--max-lora-rank .* --lora-target-modules all/,
    )
  })

  it('ends its requests at once when it is stopped', async () => {
    const server = await serve()
    const engine = engineOf([server])
    await engine.sync!(policy, 0)
    await engine.generate(prompts, sampling)
    const stop = new AbortController()
    server.onSample = () => {
      setTimeout(() => {
        stop.abort(new Error('stopped'))
      }, 10)
      return new Promise((resolve) => setTimeout(resolve, 300))
    }
    const before = performance.now()
    await assert.rejects(engine.generate(prompts, { ...sampling, signal: stop.signal }), /stopped/)
    assert.ok(performance.now() - before < 250)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(server.aborted, 4)
  })

  it('leaves a folder that it was given, and what others have there', async () => {
    const folder = place('shared')
    fs.mkdirSync(folder)
    const server = await serve()
    const engine = engineOf([server], { adapterDir: folder })
    await engine.sync!(policy, 0)
    await engine.generate(prompts, sampling)
    const [own] = fs.readdirSync(folder)
    for (const name of ['mine', own!.replace(/^grpo-ts-.{8}/, 'grpo-ts-01234567')])
      fs.mkdirSync(path.join(folder, name))
    await engine.sync!(policy, 1)
    await engine.close()
    const left = fs.readdirSync(folder)
    assert.deepEqual([left.length, left.includes('mine')], [2, true])
    for (const name of left) fs.rmdirSync(path.join(folder, name))
    const another = engineOf([server], { adapterDir: folder })
    await another.sync!(policy, 0)
    await another.close()
    assert.deepEqual(fs.readdirSync(folder), [])
  })

  it('tells nothing of a key that stands where a message is cut', async () => {
    process.env.TEST_ROLLOUT_KEY = 'secret-8e1f'
    try {
      const server = await serve({ key: 'secret-8e1f', name: 'secret-8e1f', others: ['\u001b[2J'] })
      const engine = engineOf([server], { apiKeyEnv: 'TEST_ROLLOUT_KEY' })
      await engine.sync!(policy, 0)
      await assert.rejects(engine.generate(prompts, sampling), /serves several models \(…, \[2J\)/)
      for (let at = 285; at <= 305; at++) {
        server.faults.push({ path: '/v1/models', status: 400, body: `${'x'.repeat(at)}secret-8e1f` })
        await assert.rejects(engine.generate(prompts, sampling), (error: Error) => {
          assert.match(error.message, /answered 400: x+…+$/)
          return true
        })
      }
    } finally {
      delete process.env.TEST_ROLLOUT_KEY
    }
  })

  it('keeps the key from files, messages and settings', async () => {
    process.env.TEST_ROLLOUT_KEY = 'secret-8e1f'
    try {
      const server = await serve({ key: 'secret-8e1f' })
      const engine = engineOf([server], { apiKeyEnv: 'TEST_ROLLOUT_KEY' })
      await engine.sync!(policy, 0)
      assert.equal((await engine.generate(prompts, sampling)).length, 5)
      assert.ok(server.requests.every(({ authorization }) => authorization === 'Bearer secret-8e1f'))
      process.env.TEST_ROLLOUT_KEY = 'secret-other'
      const wrong = engineOf([server], { apiKeyEnv: 'TEST_ROLLOUT_KEY' })
      await wrong.sync!(policy, 0)
      await assert.rejects(wrong.generate(prompts, sampling), (error: Error) => {
        assert.match(error.message, /answered 401: wrong key Bearer …; is the key in the variable that apiKeyEnv names/)
        assert.ok(!JSON.stringify([error, error.stack, String(error.cause)]).includes('secret'))
        return true
      })
    } finally {
      delete process.env.TEST_ROLLOUT_KEY
    }
    assert.throws(() => engineOf(servers, { apiKeyEnv: 'TEST_ROLLOUT_KEY' }), /TEST_ROLLOUT_KEY.* is not set/)
    for (const baseUrl of ['http://me:pass@host:1', 'http://host:1/?key=1', 'ftp://host', 'host:1']) {
      assert.throws(() => rolloutServers({ engine: 'vllm', baseUrl }), /baseUrl: expected an address/)
    }
  })

  it('refuses filters that it was not told of, and policies without an adapter', async () => {
    const engine = engineOf([await serve()])
    await engine.sync!(policy, 0)
    await assert.rejects(
      engine.generate(prompts, { ...sampling, topK: 3 }),
      /with topK servers .* agreement: 'recompute'/,
    )
    const all = base.trainable()
    await assert.rejects(engine.sync!(all, 0), /servers take adapters, and all weights of this policy are trained/)
    all.dispose()
  })
})
