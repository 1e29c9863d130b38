import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { writeTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { runFolderContents, runToEnd, shortRun } from './killedRun.js'
import { start } from './run.js'
import type { Outcome } from './run.js'

const root = path.resolve(import.meta.dirname, '../..')

/** Score that differs between completions, so that there is something to learn. */
const SCORE = 'completion.length / 100'

describe("errors that escape the user's own code", () => {
  const inFolder = useTemporaryFolder()
  beforeEach(() => writeTinyModel(inFolder('model')))

  /** A module whose reward goes wrong at the first call after `calls`. */
  function writeReward(name: string, wrong: string, calls = 30): string {
    const file = inFolder(name)
    const body = `if (++calls === ${calls} + 1 && !process.env.MENDED) { ${wrong} }\n  return ${SCORE}`
    fs.writeFileSync(file, `let calls = 0\nexport default async ({ completion }) => {\n  ${body}\n}\n`)
    return file
  }

  async function outcomeOf(child: ReturnType<typeof start>): Promise<Outcome> {
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number]>,
    ])
    return { code, stdout, stderr }
  }

  const train = (reward: string, folder: string): string[] => [
    ...shortRun(inFolder('model'), inFolder(folder)),
    '--rewards',
    reward,
    '--save-steps',
    '100',
    '--no-preflight',
  ]

  const cases: [string, string, RegExp][] = [
    [
      'a promise that nothing waits for',
      "Promise.reject(new RangeError('forgotten'))",
      /a promise that the reward function 'wrong' made was rejected, and nothing waits for it: RangeError: forgotten \(file:.*wrong\.mjs:3:\d+\)\. Await it/,
    ],
    [
      'a promise that is rejected with no error',
      "(async () => { await null; throw 'words' })()",
      /a promise that the reward function 'wrong' made was rejected, .*: 'words'\. Await it/,
    ],
    [
      'a timer that throws',
      "setTimeout(() => { throw new Error('late') }, 1); await new Promise((resolve) => setTimeout(resolve, 30))",
      /a timer or an event that the reward function 'wrong' started threw an error that nothing catches: Error: late \(file:.*wrong\.mjs/,
    ],
    [
      'a promise that is never settled',
      'await new Promise(() => undefined)',
      /the reward function 'wrong' returned a promise that can never be settled/,
    ],
  ]
  for (const [what, wrong, message] of cases) {
    it(`end a run by name, with its state saved: ${what}`, async () => {
      const reward = writeReward('wrong.mjs', wrong)
      const { code, stderr } = await outcomeOf(start(train(reward, 'run')))
      assert.equal(code, 1, stderr)
      assert.match(stderr, message)
      const [, step] = /stopped behind step (\d+); adapter and checkpoint are saved in .*--resume/.exec(stderr) ?? []
      assert.ok(Number(step) > 0, stderr)
      assert.doesNotMatch(stderr, /\n +at |triggerUncaughtException/)
      assert.deepEqual(fs.readdirSync(inFolder('run', 'checkpoints')), [`step-${step}`])

      process.env.MENDED = '1'
      try {
        await runToEnd([...train(reward, 'run'), '--resume'])
        await runToEnd(train(reward, 'whole'))
      } finally {
        delete process.env.MENDED
      }
      assert.deepEqual(runFolderContents(inFolder('run')), runFolderContents(inFolder('whole')))
    })
  }

  it('process.exit by a reward is named, and does not look like success', async () => {
    const reward = writeReward('wrong.mjs', 'process.exit(0)')
    const { code, stderr } = await outcomeOf(start(train(reward, 'run')))
    assert.equal(code, 1)
    assert.match(stderr, /the reward function 'wrong' ended the process \(exit code 0\) before grpo-ts was done/)
  })

  it('in a module of a task are named before a run begins', async () => {
    fs.writeFileSync(
      inFolder('task.mjs'),
      "export default () => { Promise.reject(new Error('no data')); return new Promise((resolve) => setTimeout(resolve, 1000)) }",
    )
    const args = [
      'train',
      '--model',
      inFolder('model'),
      '--task',
      inFolder('task.mjs'),
      '--output-dir',
      inFolder('run'),
    ]
    const { code, stderr } = await outcomeOf(start(args))
    assert.equal(code, 1)
    assert.match(stderr, /^error: a promise that the task of .*task\.mjs made was rejected, .*Error: no data/)
  })

  /** Runs a program that uses the library. */
  async function runProgram(source: string): Promise<Outcome> {
    const program = `
      import { GRPOTrainer, loadModel, selectEngine, tasks } from './src/index.ts'
      await selectEngine('cpu', { threads: 1 })
      const base = await loadModel(${JSON.stringify(inFolder('model'))})
      const policy = base.withLora({ r: 2 })
      const task = await tasks.loadTask('arithmetic', {})
      const config = { numGenerations: 2, perDeviceTrainBatchSize: 2, maxCompletionLength: 4, maxSteps: 6 }
      const names = ['unhandledRejection', 'uncaughtException', 'beforeExit']
      const listeners = () => names.map((name) => process.listenerCount(name)).join()
      const before = listeners()
      const trainerOf = (score) => new GRPOTrainer({
        policy, task, config, rewards: [{ name: 'mine', weight: 1, score }], outputDir: ${JSON.stringify(inFolder('run'))},
      })
      ${source}`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return outcomeOf(child)
  }

  it('reject the loop of the library, which leaves the process as it was', async () => {
    const { code, stdout, stderr } = await runProgram(`
      let calls = 0
      const trainer = trainerOf(() => { if (++calls === 5) Promise.reject(new Error('forgotten')); return calls % 2 })
      try { await trainer.train() } catch (error) { console.log(error.name, error.message) }
      console.log(before === listeners() ? 'as before' : listeners())
      console.log((await trainer.train()).length)
      Promise.reject(new Error('of the program'))`)
    assert.match(
      stdout,
      /^GrpoError a promise that the reward function 'mine' made was rejected, .*saved in .*\nas before\n[34]\n$/,
    )
    // And outside of a run errors end the program as they always did.
    assert.equal(code, 1)
    assert.match(stderr, /Error: of the program/)
  })

  it('are left to a program that listens for them itself', async () => {
    const { code, stdout, stderr } = await runProgram(`
      process.on('unhandledRejection', (reason) => console.log('mine:', reason.message))
      let calls = 0
      const trainer = trainerOf(() => { if (++calls === 5) Promise.reject(new Error('forgotten')); return calls % 2 })
      console.log((await trainer.train()).length)`)
    assert.equal(code, 0, stderr)
    assert.equal(stdout, 'mine: forgotten\n6\n')
  })

  it('are not swallowed when the loop is left before it is told', async () => {
    const { code, stderr } = await runProgram(`
      for await (const { step } of trainerOf(() => Math.random())) {
        Promise.reject(new Error('in the body'))
        await new Promise((resolve) => setTimeout(resolve, 10))
        break
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
      console.log('not reached')`)
    assert.notEqual(code, 0)
    assert.match(stderr, /in the body/)
    assert.ok(fs.existsSync(inFolder('run', 'checkpoints', 'step-1')))
  })
})
