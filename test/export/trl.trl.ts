/**
 * `npm run test:trl`: TRL 1.16 itself on an exported run, two processes on the CPU, with the reward service killed in the middle.
 * GRPO_TS_TRL_PYTHON is a Python with the packages of requirements.txt; without it they are installed into .trl-venv/ once.
 * GRPO_TS is another dist/cli/main.js than that of this folder. About two minutes once the packages are there.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseTrainConfig } from '../../src/grpo/config/trainConfig.js'
import type { TrainConfig } from '../../src/grpo/config/trainConfig.js'
import { formatConfig } from '../../src/run/configFile.js'
import { run } from '../cli/run.js'
import { readRewardsLog, rewardsOfLibrary } from './rewardsLog.js'
import type { LoggedBatch } from './rewardsLog.js'

const root = path.resolve(import.meta.dirname, '../..')
const STEPS = 8
const BATCH = 64
const PROCESSES = 2
const main = process.env.GRPO_TS ?? path.join(root, 'dist/cli/main.js')

/** A reward of one's own that imports another file, in a folder with a name that a shell would take apart. */
const ownReward = {
  "my rewards/it's short.mjs": `import { limit } from './lib/limit.mjs'
export default ({ ids }) => (ids.length < limit ? 1 : ids.length % 7 === 0 ? null : 0)
`,
  'my rewards/lib/limit.mjs': 'export const limit = 12\n',
}

describe('TRL 1.16 on an exported run', () => {
  let place = ''
  let folder = ''
  let config: TrainConfig
  let batches: LoggedBatch[] = []
  let outcome = { code: -1, output: '' }
  const killed: number[] = []

  before(async () => {
    place = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-trl-'))
    folder = path.join(place, 'an export')
    for (const [name, text] of Object.entries(ownReward)) {
      fs.mkdirSync(path.dirname(path.join(place, name)), { recursive: true })
      fs.writeFileSync(path.join(place, name), text)
    }
    config = parseTrainConfig({
      model: 'word-problems-2m',
      task: 'word-problems',
      limit: 200,
      rewards: ['correctness', 'format:0.2', { name: path.join(place, "my rewards/it's short.mjs"), weight: 0.1 }],
      maxSteps: STEPS,
      perDeviceTrainBatchSize: BATCH,
      maxCompletionLength: 48,
      learningRate: 1e-3,
      saveSteps: 5,
    })
    const file = path.join(place, 'run.yaml')
    fs.writeFileSync(file, formatConfig(config.run))
    const exported = await run(['export', file, '--to', 'trl', '--output', folder, '--processes', String(PROCESSES)])
    assert.equal(exported.code, 0, exported.stderr)
    outcome = await train(folder, killed)
    batches = readRewardsLog(path.join(place, 'rewards.log'), PROCESSES)
  })

  after(() => {
    fs.rmSync(place, { recursive: true, force: true })
  })

  async function train(exportFolder: string, kills: number[]): Promise<typeof outcome> {
    const child = spawn('bash', [path.join(exportFolder, 'run.sh')], {
      cwd: '/',
      env: {
        ...process.env,
        PYTHON: pythonOf(exportFolder),
        GRPO_TS: main,
        GRPO_TS_REWARDS_LOG: path.join(place, 'rewards.log'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output: string[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => output.push(data.toString()))
    const closed = new Promise<number>((resolve) =>
      child.on('close', (code) => {
        resolve(code ?? -1)
      }),
    )
    // As soon as both processes have the rewards of two steps.
    const killing = (async () => {
      while (child.exitCode === null) {
        if (readRewardsLog(path.join(place, 'rewards.log'), PROCESSES).length >= 2 * PROCESSES) {
          const [name] = fs.readdirSync(path.join(exportFolder, 'logs')).filter((file) => file.endsWith('.pid'))
          const pid = Number(fs.readFileSync(path.join(exportFolder, 'logs', name!), 'utf8'))
          process.kill(pid, 'SIGKILL')
          kills.push(pid)
          return
        }
        await sleep(100)
      }
    })()
    const code = await closed
    await killing
    return { code, output: output.join('') }
  }

  it('trains to its end although the reward service is killed', () => {
    assert.equal(outcome.code, 0, outcome.output)
    assert.equal(killed.length, 1, 'the training was over before the service could be killed')
    assert.match(outcome.output, /prompts: 200 of 200 have the tokens that grpo-ts gives the model/)
    assert.match(outcome.output, /the reward service ended with 137; starting it again/)
    assert.ok(
      !fs.readdirSync(path.join(folder, 'logs')).some((name) => name.endsWith('.pid')),
      'the service is left behind',
    )
    assert.throws(() => process.kill(killed[0]!, 0))
  })

  it('loses no batch', () => {
    assert.equal(batches.length, STEPS * PROCESSES)
    for (const { problem_ids: ids } of batches) assert.equal(ids.length, BATCH / PROCESSES)
  })

  it('trains on the rewards of the library', async () => {
    const expected = await rewardsOfLibrary(config, batches)
    const count = batches.reduce(
      (sum, { problem_ids: ids, rewards }) => sum + ids.length * Object.keys(rewards).length,
      0,
    )
    assert.equal(count, STEPS * BATCH * 3)
    for (const [i, { rewards, completions }] of batches.entries()) {
      assert.deepEqual(rewards, expected[i]!.rewards)
      assert.deepEqual(completions, expected[i]!.completions)
    }
    console.log(`      ${count} rewards of ${STEPS * BATCH} completions, 0 differ`)
  })

  it('logs their means as its metrics', () => {
    const file = path.join(folder, 'output', `checkpoint-${STEPS}`, 'trainer_state.json')
    const { log_history: log } = JSON.parse(fs.readFileSync(file, 'utf8')) as { log_history: Record<string, number>[] }
    for (const name of ['correctness', 'format', "it's short"]) {
      for (let step = 0; step < STEPS; step++) {
        const values = batches.filter((batch) => batch.step === step).flatMap(({ rewards }) => rewards[name]!)
        const judged = values.filter((value) => value !== null)
        const mean = judged.reduce((sum, value) => sum + value, 0) / judged.length
        assert.ok(Math.abs(log[step]![`rewards/${name}/mean`]! - mean) < 1e-6, `${name} at step ${step + 1}`)
      }
    }
  })

  it('leaves an adapter that grpo-ts eval judges', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [main, 'eval', '.', '--adapter', 'output', '--limit', '40', '--samples', '1'],
      { cwd: folder, encoding: 'utf8' },
    )
    assert.equal(status, 0, stderr)
    assert.match(stdout, /40 problems/)
  })

  it('becomes a run by grpo-ts import', () => {
    const imported = path.join(place, 'imported')
    const { status, stderr } = spawnSync(process.execPath, [main, 'import', folder, '--output', imported], {
      cwd: folder,
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    const metrics = fs.readFileSync(path.join(imported, 'metrics.jsonl'), 'utf8').trim().split('\n')
    const completions = fs.readFileSync(path.join(imported, 'completions.jsonl'), 'utf8').trim().split('\n')
    assert.equal(metrics.length, STEPS)
    assert.equal(completions.length, STEPS * BATCH)
  })
})

/** GRPO_TS_TRL_PYTHON, or that of an environment with what the export asks for. */
function pythonOf(folder: string): string {
  const { GRPO_TS_TRL_PYTHON: chosen } = process.env
  if (chosen !== undefined && chosen !== '') return chosen
  const venv = path.join(root, '.trl-venv')
  const python = path.join(venv, 'bin/python')
  const commands = [
    ...(fs.existsSync(python) ? [] : [['python3', '-m', 'venv', venv]]),
    [python, '-m', 'pip', 'install', '--quiet', '-r', path.join(folder, 'requirements.txt')],
  ]
  for (const [command = '', ...args] of commands) {
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  }
  return python
}
