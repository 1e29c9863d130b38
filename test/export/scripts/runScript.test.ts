import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { clientSource } from '../../../src/export/python/pythonNames.js'
import { runScript } from '../../../src/export/scripts/runScript.js'
import { trlTarget } from '../../../src/export/trl/trlTarget.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { pythonWith } from '../../python.js'

const HASH = 'a'.repeat(64)

/** A reward service that is ready, or, told by its configuration, dies at once or is another one. */
const service = `
import fs from 'node:fs'
import http from 'node:http'
const [verb, file, ...flags] = process.argv.slice(2)
if (verb !== 'serve-rewards' || flags[0] !== '--host' || flags[2] !== '--port') throw new Error(process.argv.join())
const config = fs.readFileSync(file, 'utf8')
if (config === 'dies') process.exit(9)
http.createServer((request, response) => {
  const isKnown = request.headers.authorization === 'Bearer ' + process.env.GRPO_TS_REWARDS_TOKEN
  const health = { version: 1, task: 't', problems: 1, rewards: ['r'], config_hash: config === 'other' ? 'b' : '${HASH}' }
  response.writeHead(isKnown ? 200 : 401).end(JSON.stringify(health))
}).listen(Number(flags[3]), flags[1])
process.on('SIGTERM', () => { console.log('told to end'); process.exit(0) })
`

describe('run.sh', () => {
  const at = useTemporaryFolder()

  /** Starts run.sh with an engine that is a script of bash. */
  function start(
    context: Mocha.Context,
    engine: string,
    { config = 'fine', args = [] as string[], env = {} } = {},
  ): ChildProcess {
    const folder = at('it is $HOME')
    fs.mkdirSync(folder)
    const files = {
      'run.sh': runScript(trlTarget, 1, 'set -- "$@" last\nexec bash engine.sh "$@"'),
      'grpo_ts_rewards.py': `${clientSource().replace('{{CONFIG_HASH}}', HASH)}\nsys.exit(main())\n`,
      'check_prompts.py': 'print("prompts are fine")',
      'config.yaml': config,
      'engine.sh': engine,
      'service.mjs': service,
    }
    for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), content)
    return spawn('bash', [path.join(folder, 'run.sh'), ...args], {
      cwd: '/',
      env: { ...process.env, PYTHON: pythonWith(context), GRPO_TS: path.join(folder, 'service.mjs'), ...env },
    })
  }

  async function ended(child: ChildProcess): Promise<{ code: number | null; output: string; log: string }> {
    const closed = new Promise<number | null>((resolve) => child.on('close', resolve))
    const [out, error] = await Promise.all([text(child.stdout!), text(child.stderr!)])
    const logs = path.join(at('it is $HOME'), 'logs')
    const names = fs.readdirSync(logs)
    assert.deepEqual(
      names.filter((name) => !name.endsWith('.log')),
      [],
    )
    return { code: await closed, output: out + error, log: fs.readFileSync(path.join(logs, names[0]!), 'utf8') }
  }

  function isAlive(pid: string): boolean {
    try {
      return process.kill(Number(pid), 0)
    } catch {
      return false
    }
  }

  it('ends as the engine does, and ends the service', async function () {
    const engine = 'cat logs/*.pid >pid; echo "got $*, $PROCESSES of $NNODES at $MASTER_ADDR"; exit 3'
    const { code, output, log } = await ended(start(this, engine, { args: ['--max_steps', '5 5'] }))
    assert.equal(code, 3, output)
    assert.match(output, /rewards: r of 1 problems of t, at http:\/\/127\.0\.0\.1:\d+\nprompts are fine\n/)
    assert.match(output, /got --max_steps 5 5 last, 1 of 1 at 127\.0\.0\.1/)
    assert.equal(log, 'told to end\n')
    assert.ok(!isAlive(fs.readFileSync(path.join(at('it is $HOME'), 'pid'), 'utf8')))
    assert.doesNotMatch(output, /token/i)
  })

  it('says at once what of its environment cannot be', async function () {
    const wrongs: readonly (readonly [NodeJS.ProcessEnv, RegExp])[] = [
      [{ NNODES: '0' }, /NNODES is 0 and NODE_RANK 0; expected/],
      [{ NODE_RANK: '08' }, /NODE_RANK 08; expected/],
      [{ NNODES: '2' }, /1 processes do not divide by 2 machines/],
      [{ REWARDS_WAIT: 'long' }, /REWARDS_WAIT is long; expected whole seconds/],
      // Paths are from where run.sh was called.
      [{ PYTHON: 'venv/bin/python' }, /there is no Python \/+venv\/bin\/python; run setup\.sh/],
      [{ GRPO_TS: 'main.js' }, /there is no file \/+main\.js; expected dist/],
    ]
    for (const [env, expected] of wrongs) {
      const child = start(this, 'echo trains', { env })
      const closed = new Promise<number | null>((resolve) => child.on('close', resolve))
      assert.match(await text(child.stderr!), expected)
      assert.equal(await closed, 2)
      fs.rmSync(at('it is $HOME'), { recursive: true })
    }
  })

  it('starts the service again when it is killed, at the same address', async function () {
    const engine = 'kill -KILL "$(cat logs/*.pid)"; until "$PYTHON" grpo_ts_rewards.py 2>/dev/null; do sleep 0.2; done'
    const { code, output } = await ended(start(this, engine))
    assert.equal(code, 0, output)
    assert.match(output, /the reward service ended with 137; starting it again/)
    assert.equal(new Set(output.match(/http:\S+/g)).size, 1)
  })

  it('does not start the engine where the service dies, or is another one', async function () {
    const dying = await ended(start(this, 'echo trains', { config: 'dies' }))
    assert.equal(dying.code, 1)
    assert.match(dying.output, /ended five times at once, the last time with 9/)
    fs.rmSync(at('it is $HOME'), { recursive: true })
    const other = await ended(start(this, 'echo trains', { config: 'other' }))
    assert.equal(other.code, 1)
    assert.match(other.output, /gives other rewards than those of this folder/)
    assert.doesNotMatch(dying.output + other.output, /trains/)
  })

  it('hands SIGTERM on to the engine and ends the service', async function () {
    const child = start(this, 'trap "echo engine ends; exit 0" TERM; echo $$ >pid; while :; do sleep 0.1; done')
    const pidFile = path.join(at('it is $HOME'), 'pid')
    while (!fs.existsSync(pidFile) || fs.readFileSync(pidFile, 'utf8') === '') await sleep(50)
    child.kill('SIGTERM')
    const started = performance.now()
    const { code, output, log } = await ended(child)
    assert.equal(code, 143, output)
    assert.match(output, /engine ends/)
    assert.equal(log, 'told to end\n')
    assert.ok(!isAlive(fs.readFileSync(pidFile, 'utf8')))
    assert.ok(performance.now() - started < 15_000)
  })
})
