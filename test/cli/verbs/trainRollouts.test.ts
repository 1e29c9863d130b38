import assert from 'node:assert/strict'
import fs from 'node:fs'
import { selectEngine } from '../../../src/engine/registry.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { FakeServer } from '../../grpo/rollouts/servers/fakeServer.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { run } from '../run.js'

describe('cli/verbs/train with rollout', () => {
  const place = useTemporaryFolder()
  let model: CausalLM
  const servers: FakeServer[] = []

  before(async () => {
    await selectEngine('cpu')
    model = await loadModel('word-problems-2m')
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.kill()
  })
  after(async () => {
    model.dispose()
    await selectEngine('reference')
  })

  const serve = async (): Promise<FakeServer> => {
    const server = await new FakeServer(model, { ownedBy: 'grpo-ts', key: 'secret-77af' }).start()
    servers.push(server)
    return server
  }
  const options =
    '--model word-problems-2m --task word-problems --max-steps 3 --num-generations 4 --per-device-train-batch-size 8 --seed 3 ' +
    '--max-completion-length 24 --learning-rate 1e-3 --save-steps 1 --save-total-limit 9'
  const trainIn = (folder: string, ...more: string[]): ReturnType<typeof run> =>
    run(['train', ...options.split(' '), '--no-preflight', '--output-dir', place(folder), ...more])
  const rolloutOf = (of: readonly FakeServer[]): string[] => [
    '--rollout',
    `{ engine: vllm, base_url: [${of.map(({ url }) => url).join(', ')}], api_key_env: TEST_TRAIN_KEY }`,
  ]
  const adapterOf = (folder: string): Buffer => fs.readFileSync(place(folder, 'adapter', 'adapter_model.safetensors'))
  const textsOf = (folder: string): string[] =>
    fs
      .readFileSync(place(folder, 'completions.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { completion: string }).completion)

  it('trains as by itself, says what it samples by, and keeps the key to itself', async () => {
    process.env.TEST_TRAIN_KEY = 'secret-77af'
    try {
      const own = await trainIn('own')
      assert.equal(own.code, 0, own.stderr)
      const both = [await serve(), await serve()]
      const { code, stdout, stderr } = await trainIn('served', ...rolloutOf(both))
      assert.equal(code, 0, stderr)
      assert.ok(stdout.includes(`sampling by vllm servers ${both.map(({ url }) => url).join(', ')}\n`))
      for (const { url } of both) {
        assert.match(
          stdout,
          new RegExp(
            `server   ${url}: log-probabilities of \\d+ tokens are [\\d.e-]+ nats from the policy's on average`,
          ),
        )
      }
      assert.deepEqual(textsOf('served'), textsOf('own'))
      assert.deepEqual(adapterOf('served'), adapterOf('own'))
      const metrics = fs.readFileSync(place('served', 'metrics.jsonl'), 'utf8').trimEnd().split('\n')
      assert.equal(metrics.length, 3)
      for (const line of metrics) {
        const step = JSON.parse(line) as Record<string, number>
        assert.ok(step['sampling/sampling_logp_difference/max']! < 1e-5)
        assert.equal(step['sampling/importance_sampling_ratio/mean'], 1)
      }
      const config = fs.readFileSync(place('served', 'config.yaml'), 'utf8')
      assert.match(
        config,
        /\nrollout:\n {2}engine: vllm\n {2}base_url:\n {4}- http:\S+\n {4}- http:\S+\n {2}api_key_env: TEST_TRAIN_KEY\n/,
      )
      assert.match(fs.readFileSync(place('served', 'report.html'), 'utf8'), /sampling_logp_difference/)
      for (const name of fs.readdirSync(place('served'), { recursive: true, encoding: 'utf8' })) {
        const file = place('served', name)
        if (fs.statSync(file).isFile()) assert.ok(!fs.readFileSync(file).includes('secret-77af'), name)
      }
      assert.ok(!`${stdout}${stderr}`.includes('secret-77af'))
      assert.ok(!fs.existsSync(place('served', 'rollout-adapters')))
      assert.deepEqual(
        both.map(({ adapters }) => adapters.size),
        [0, 0],
      )

      // Other servers may go on with it, and the policy's own engine may not.
      const other = await serve()
      fs.rmSync(place('served', 'checkpoints', 'step-3'), { recursive: true })
      fs.writeFileSync(place('again.yaml'), config)
      const resumed = await run(['train', place('again.yaml'), ...rolloutOf([other]), '--resume', '--no-preflight'])
      assert.equal(resumed.code, 0, resumed.stderr)
      assert.match(resumed.stdout, /resume {3}after step 2 of 3/)
      assert.deepEqual(adapterOf('served'), adapterOf('own'))
      const without = await run(['train', place('again.yaml'), '--rollout', 'null', '--resume', '--no-preflight'])
      assert.equal(without.code, 2)
      assert.match(without.stderr, /rolloutEngine was "vllm servers \(tolerance\)" and is now not there/)
    } finally {
      delete process.env.TEST_TRAIN_KEY
    }
  })

  it('says with filters that nothing is corrected', async () => {
    process.env.TEST_TRAIN_KEY = 'secret-77af'
    try {
      const server = await serve()
      const { code, stdout, stderr } = await trainIn('filtered', ...rolloutOf([server]), '--top-k', '20')
      assert.equal(code, 0, stderr)
      assert.match(stdout, /warning {2}with topK servers tell log-probabilities of the filtered distribution/)
      const [line] = fs.readFileSync(place('filtered', 'metrics.jsonl'), 'utf8').split('\n')
      assert.ok(!line!.includes('sampling/'))
    } finally {
      delete process.env.TEST_TRAIN_KEY
    }
  })

  it('is looked at before by the servers themselves', async () => {
    process.env.TEST_TRAIN_KEY = 'secret-77af'
    try {
      const server = await serve()
      const folder = place('looked')
      const args = [...options.split(' '), ...rolloutOf([server]), '--output-dir', folder, '--max-seconds', '3']
      const { stdout } = await run(['preflight', ...args])
      assert.match(stdout, /sampling by vllm server http/)
      assert.ok(server.count('/v1/completions') > 4)
      assert.equal(server.adapters.size, 0)
      assert.ok(!fs.existsSync(place('looked', 'rollout-adapters')))
    } finally {
      delete process.env.TEST_TRAIN_KEY
    }
  })

  it('refuses what no servers can do', async () => {
    for (const [args, message] of [
      [['--rollout', '{ engine: vllm }'], /--rollout: baseUrl: expected/],
      [['--rollout', '{ engine: trl, base_url: http://a:1 }'], /engine: expected one of vllm, sglang/],
      [['--rollout', '{ engine: vllm, base_url: http://a:1, port: 3 }'], /there is no port in it/],
      [['--rollout', '{ engine: vllm, base_url: http://a:1, api_key_env: sk-123 }'], /not the key itself/],
      [['--rollout', 'http://a:1'], /--rollout: expected values by their names/],
      [
        ['--rollout', '{ engine: vllm, base_url: http://a:1 }', '--no-use-peft'],
        /rollout names servers, which take adapters only/,
      ],
    ] as const) {
      const { code, stderr } = await trainIn('refused', ...args)
      assert.equal(code, 2)
      assert.match(stderr, message)
    }
    assert.ok(!fs.existsSync(place('refused')))
  })
})
