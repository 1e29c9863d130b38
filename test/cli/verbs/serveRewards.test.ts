import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import { text } from 'node:stream/consumers'
import { ask } from '../../server/http/client.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { run, start } from '../run.js'

describe('cli/verbs/serveRewards', () => {
  const inFolder = useTemporaryFolder()
  const CONFIG = 'model: word-problems-2m\ntask: word-problems\nlimit: 5\nrewards: [correctness]\n'
  beforeEach(() => {
    fs.writeFileSync(inFolder('run.yaml'), CONFIG)
  })

  it('serves a run until a signal ends it, logs requests without contents, and shows the token nowhere', async () => {
    fs.mkdirSync(inFolder('run'))
    fs.writeFileSync(inFolder('run', 'config.yaml'), CONFIG)
    fs.writeFileSync(inFolder('token'), 'my-secret-token\n')
    for (const [source, signal, code] of [
      [inFolder('run.yaml'), 'SIGINT', 0],
      [inFolder('run'), 'SIGTERM', 143],
    ] as const) {
      const args = ['serve-rewards', source, '--port', '0', '--workers', '1', '--token-file', inFolder('token')]
      const child = start(args)
      const errors = text(child.stderr)
      const exit = once(child, 'exit')
      let output = ''
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        output += chunk.toString()
        const port = Number(/^serving {2}http:\/\/127\.0\.0\.1:(\d+)$/m.exec(output)?.[1])
        if (!port) continue
        const health = await ask({ port }, '/health')
        assert.equal(health.status, 200)
        const body = { problem_ids: ['secret-problem'], completions: ['secret-completion'] }
        assert.equal((await ask({ port }, '/v1/rewards', { body })).status, 401)
        const headers = { authorization: 'Bearer my-secret-token' }
        assert.equal((await ask({ port }, '/v1/rewards', { body, headers })).status, 400)
        child.kill(signal)
      }
      assert.deepEqual(await exit, [code, null])
      const log = await errors
      assert.match(output, /^task {5}word-problems, 5 problems\nrewards {2}correctness\nworkers {2}1\nserving /)
      assert.match(log, /^\S+Z GET \/health 200 \d+\.\d ms 0 bytes$/m)
      assert.match(log, /^\S+Z POST \/v1\/rewards 401 .*: the token is missing or wrong$/m)
      assert.match(log, /^\S+Z POST \/v1\/rewards 400 .*: problem_ids\[0\] is none of the 5 problems/m)
      assert.ok(!`${output}${log}`.includes('secret'))
    }
  })

  it('refuses what cannot be served', async () => {
    const refuse = async (args: readonly string[], message: RegExp): Promise<void> => {
      const { code, stdout, stderr } = await run(['serve-rewards', ...args])
      assert.deepEqual([code, stdout], [2, ''], stderr)
      assert.match(stderr, message)
    }
    const config = inFolder('run.yaml')
    await refuse([inFolder('nothing.yaml')], /is not there; expected a YAML file with options, or the folder of a run/)
    await refuse([config, '--port', '65536'], /--port/)
    await refuse([config, '--workers', '0'], /--workers/)
    await refuse([config, '--timeout', '0'], /--timeout/)
    await refuse([config, '--token', 'x'], /unknown option '--token'/)
    await refuse([config, '--token-file', inFolder('no-token')], /--token-file .* cannot be read/)
    await refuse([config, '--workers', '1', '--host', '0.0.0.0'], /is open to other machines, and there is no token/)
    fs.writeFileSync(inFolder('token'), '\n')
    await refuse([config, '--workers', '1', '--token-file', inFolder('token')], /holds no token/)
  })
})
