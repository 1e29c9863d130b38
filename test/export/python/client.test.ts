import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { clientSource } from '../../../src/export/python/pythonNames.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { pythonWith } from '../../python.js'

const HASH = 'a'.repeat(64)
const health = { version: 1, task: 't', problems: 2, rewards: ['correctness'], config_hash: HASH }
const answer = { version: 1, rewards: { correctness: [1, null] }, total: [1, null], errors: [] }
const ask = 'print(json.dumps(score({"problem_ids": ["a", "b"], "completion_ids": [[1], [2]]})["rewards"]))'

type Handler = (request: http.IncomingMessage, response: http.ServerResponse, count: number) => void

describe('the Python client of the reward service', () => {
  const at = useTemporaryFolder()
  let server: http.Server | null = null
  let asked: string[] = []
  let connections = 0

  afterEach(() => {
    server?.closeAllConnections()
    server?.close()
    server = null
  })

  /** A service whose `/v1/rewards` does what it is told to; `count` counts these requests from 0. */
  async function serve(handler: Handler, checked: object = health): Promise<string> {
    asked = []
    connections = 0
    server = http.createServer((request, response) => {
      const count = asked.filter((url) => url === '/v1/rewards').length
      asked.push(request.url ?? '')
      if (request.url === '/health') json(response, 200, checked)
      else
        request.resume().on('end', () => {
          handler(request, response, count)
        })
    })
    server.on('connection', () => connections++)
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  function json(
    response: http.ServerResponse,
    status: number,
    value: unknown,
    headers: Record<string, string> = {},
  ): void {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
  }

  async function python(
    context: Mocha.Context,
    url: string,
    program: string,
    environment: Record<string, string> = {},
  ): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const source = clientSource().replace('{{CONFIG_HASH}}', HASH)
    fs.writeFileSync(at('client.py'), `${source}\n${program}\n`)
    const child = spawn(pythonWith(context), [at('client.py')], {
      env: { ...process.env, GRPO_TS_REWARDS_URL: url, GRPO_TS_REWARDS_TOKEN: 'secret', ...environment },
    })
    const closed = new Promise<number | null>((resolve) => child.on('close', resolve))
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    return { code: await closed, stdout, stderr }
  }

  it('asks over one connection, with its token, after it has seen that the service is the right one', async function () {
    const tokens = new Set<string | undefined>()
    const url = await serve((request, response) => {
      tokens.add(request.headers.authorization)
      json(response, 200, answer)
    })
    const { code, stdout, stderr } = await python(this, url, `${ask}\n${ask}`)
    assert.equal(code, 0, stderr)
    assert.equal(stdout, '{"correctness": [1, null]}\n'.repeat(2))
    assert.deepEqual(asked, ['/health', '/v1/rewards', '/v1/rewards'])
    assert.equal(connections, 1)
    assert.deepEqual([...tokens], ['Bearer secret'])
  })

  it('asks again where the service is busy, fails, or cuts its answer off, and takes the answer it gets then', async function () {
    const failures: Handler[] = [
      (_, response) => {
        json(response, 429, { error: 'busy' }, { 'retry-after': '0' })
      },
      (_, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{"version"')
        response.destroy()
      },
      (_, response) => {
        json(response, 503, { error: 'stopping' }, { 'retry-after': '0' })
      },
    ]
    const url = await serve((request, response, count) => {
      const fail = failures[count]
      if (fail) fail(request, response, count)
      else json(response, 200, answer)
    })
    const { code, stdout, stderr } = await python(this, url, ask)
    assert.equal(code, 0, stderr)
    assert.equal(stdout, '{"correctness": [1, null]}\n')
    assert.match(stderr, /429 .*busy.*asking again in 0 s/)
  })

  it('never asks again what is refused, and says so', async function () {
    const url = await serve((_, response) => {
      json(response, 400, { error: 'no problem b' })
    })
    const { code, stderr } = await python(this, url, ask)
    assert.equal(code, 1)
    assert.match(stderr, /RewardsError: the reward service .* refuses the request: 400 .*no problem b/)
    assert.deepEqual(asked, ['/health', '/v1/rewards'])
    assert.doesNotMatch(stderr, /secret/)
  })

  it('refuses a service of another configuration or protocol before it sends anything', async function () {
    const refuse: Handler = (_, response) => {
      json(response, 200, answer)
    }
    const other = await python(this, await serve(refuse, { ...health, config_hash: 'b'.repeat(64) }), ask)
    assert.match(other.stderr, /gives other rewards than those of this folder/)
    assert.deepEqual(asked, ['/health'])
    server!.close()
    const newer = await python(this, await serve(refuse, { ...health, version: 2 }), ask)
    assert.match(newer.stderr, /does not speak version 1/)
    assert.deepEqual(asked, ['/health'])
  })

  it('takes no answer that is not whole', async function () {
    const wrongs = [
      {},
      [],
      { ...answer, rewards: { correctness: [1] } },
      { ...answer, rewards: { correctness: ['1', 0] } },
      { ...answer, version: 3 },
      { ...answer, errors: [5] },
      { ...answer, errors: 5 },
    ]
    for (const wrong of wrongs) {
      const url = await serve((_, response) => {
        json(response, 200, wrong)
      })
      const { code, stderr } = await python(this, url, ask)
      assert.equal(code, 1)
      assert.match(stderr, /answered something else than rewards/)
      server!.close()
    }
  })

  it('says what is wrong with an address or a token, and never the token', async function () {
    const url = await serve((_, response) => {
      json(response, 200, answer)
    })
    for (const token of ['secret\nx-other: 1', 'secret two', 'secret€']) {
      const { code, stderr } = await python(this, url, ask, { GRPO_TS_REWARDS_TOKEN: token })
      assert.equal(code, 1)
      assert.match(stderr, /RewardsError: GRPO_TS_REWARDS_TOKEN holds characters/)
      assert.doesNotMatch(stderr, /secret/)
    }
    assert.equal((await python(this, url, ask, { GRPO_TS_REWARDS_TOKEN: 'secret\n' })).code, 0)
    const { stderr } = await python(this, '127.0.0.1:8765', ask)
    assert.match(stderr, /GRPO_TS_REWARDS_URL is no address of a service; expected/)
  })

  it('asks again after an answer that is no number of seconds, too many of them, or nested without end', async function () {
    const failures: Handler[] = [
      (_, response) => {
        response.writeHead(429, { 'retry-after': '\u00b2' }).end()
      },
      (_, response) => {
        response.writeHead(200).end('['.repeat(500_000))
      },
    ]
    const url = await serve((request, response, count) => {
      const fail = failures[count]
      if (fail) fail(request, response, count)
      else json(response, 503, {}, { 'retry-after': '9'.repeat(500) })
    })
    const { stderr } = await python(this, url, ask, { GRPO_TS_REWARDS_PATIENCE: '5' })
    assert.match(stderr, /429 .*asking again in 1 s/)
    assert.match(stderr, /RecursionError: .*asking again in \d s|RecursionError/)
    assert.match(stderr, /did not answer for 5 s/)
  })

  it('ends the training when the service stays away, with what to do', async function () {
    const { code, stderr } = await python(this, 'http://127.0.0.1:9', ask, { GRPO_TS_REWARDS_PATIENCE: '2' })
    assert.equal(code, 1)
    assert.match(stderr, /asking again in 1 s/)
    assert.match(stderr, /RewardsError: .* did not answer for 2 s .*grpo-ts serve-rewards/)
  })

  it('gives up waiting for an answer after its time limit', async function () {
    const url = await serve(() => undefined)
    const { code, stderr } = await python(this, url, ask, {
      GRPO_TS_REWARDS_PATIENCE: '1',
      GRPO_TS_REWARDS_TIMEOUT: '0.3',
    })
    assert.equal(code, 1)
    assert.match(stderr, /TimeoutError|timed out/)
  })

  it('says as a program whether the service is ready', async function () {
    const program = 'sys.exit(main())'
    const ready = await python(this, await serve(() => undefined), program)
    assert.deepEqual([ready.code, ready.stdout.slice(0, 40)], [0, 'rewards: correctness of 2 problems of t,'])
    const away = await python(this, 'http://127.0.0.1:9', program)
    assert.equal(away.code, 75)
    const wrong = await python(this, await serve(() => undefined, { version: 1 }), program)
    assert.equal(wrong.code, 1)
  })
})
