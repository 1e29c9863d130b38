import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { DataError, FileFormatError } from '../../src/errors.js'
import { importRun } from '../../src/import/importRun.js'
import { readMetrics } from '../../src/run/metricsFile.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { completionsOf, copyFixture } from './fixture.js'

describe('importRun, of verl', () => {
  const inFolder = useTemporaryFolder()
  const importVerl = (options = {}): ReturnType<typeof importRun> =>
    importRun({ folder: inFolder('verl'), output: inFolder('run'), ...options })
  const remove = (...names: string[]): void => {
    for (const name of names) fs.rmSync(inFolder('verl', name), { recursive: true })
  }

  beforeEach(() => {
    copyFixture('verl', inFolder('verl'))
  })

  it('names what means the same by our names, and leaves the others theirs', async () => {
    const run = await importVerl()
    assert.deepEqual([run.engine, run.steps, run.completions, run.hasAdapter], ['verl', 4, 48, true])
    const text = fs.readFileSync(inFolder('verl/output/grpo-ts/run.jsonl'), 'utf8')
    const logged = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { data: Record<string, number | null> }).data)
    const metrics = await readMetrics(run.folder)
    for (const [i, line] of metrics.entries()) {
      const data = logged[i]!
      assert.equal(line.reward, data['critic/score/mean'])
      assert.equal(line.grad_norm, data['actor/grad_norm'])
      assert.equal(line['completions/mean_length'], data['response_length/mean'])
      assert.equal(line['critic/score/max'], data['critic/score/max'])
      assert.equal(line['training/global_step'], undefined)
      // verl's own clip_ratio counts the longest of the batch.
      assert.ok([0, 1 / 12, 3 / 12].some((share) => Math.abs(share - line['completions/clipped_ratio']!) < 1e-9))
    }
    assert.equal(metrics[2]!.grad_norm, null)
    assert.deepEqual(
      run.findings.map(({ name, step }) => [name, step]),
      [['not_finite', 3]],
    )
  })

  it('puts the logs of a resumed training together, in the order of their times', async () => {
    const log = inFolder('verl/output/grpo-ts/run.jsonl')
    const lines = fs.readFileSync(log, 'utf8').trim().split('\n')
    const whole = await importVerl()
    const put = (name: string, some: readonly string[], age: number): void => {
      fs.writeFileSync(name, some.map((line) => `${line}\n`).join(''))
      fs.utimesSync(name, 1_000_000 + age, 1_000_000 + age)
    }
    const wrong = lines[1]!.replace(/"critic\/score\/mean": ?[\d.e-]+/, '"critic/score/mean":7')
    // The copy has other times of the files; steps 2 and 3 were made again.
    put(log, lines.slice(3), 1)
    put(`${log}.20260102T000000Z`, lines.slice(1, 3), 3)
    put(`${log}.20260101T000000Z`, [lines[0]!, wrong, lines[2]!], 2)
    const run = await importVerl({ overwrite: true })
    assert.equal(run.steps, 4)
    assert.deepEqual(await readMetrics(run.folder), await readMetrics(whole.folder))
    assert.match(run.notes.join('\n'), /2 steps were made again after a resume/)
  })

  it('finds the problems of prompts without special tokens, and the rewards behind the sum', async () => {
    const run = await importVerl()
    const lines = await completionsOf(run.folder)
    for (const { problem, rewards, reward, correct } of lines) {
      assert.match(problem, /^word-problems\//)
      assert.deepEqual(Object.keys(rewards), ['correctness', 'brevity'])
      assert.ok(Math.abs(rewards.correctness! + 0.5 * rewards.brevity! - reward!) < 1e-5)
      assert.equal(correct, rewards.correctness === 1)
    }
    assert.match(
      run.notes.join('\n'),
      /of 48 completions the functions were asked again here, and their sums are those/,
    )
    assert.match(run.notes.join('\n'), /no advantage of all completions/)
  })

  it('leaves a sum that ours is not as one reward', async () => {
    const file = inFolder('verl/output/rollouts/1.jsonl')
    fs.writeFileSync(
      file,
      fs
        .readFileSync(file, 'utf8')
        .replace(/"score": [\d.]+/, '"score": 9')
        .replace(/"score": 1\.\d+/, '"score": NaN'),
    )
    const run = await importVerl()
    const lines = await completionsOf(run.folder)
    assert.deepEqual(
      lines
        .filter(({ rewards }) => 'score' in rewards)
        .map(({ rewards, reward, correct }) => [rewards, reward, correct]),
      [
        [{ score: 9 }, 9, null],
        [{ score: null }, null, null],
      ],
    )
    assert.match(run.notes.join('\n'), /2 have another sum than the engine had/)
  })

  it('takes rewards that verl kept by their names', async () => {
    const file = inFolder('verl/output/rollouts/1.jsonl')
    fs.writeFileSync(
      file,
      fs.readFileSync(file, 'utf8').replaceAll('"uid"', '"correctness": 0.25, "brevity": null, "uid"'),
    )
    const [line] = await completionsOf((await importVerl()).folder)
    assert.deepEqual(line!.rewards, { correctness: 0.25, brevity: null })
  })

  for (const [logger, others] of [
    ['console', ['output/grpo-ts', 'tensorboard']],
    ['tensorboard', ['output/grpo-ts', 'console.log']],
  ] as const) {
    it(`reads the logger ${logger}`, async () => {
      const whole = await readMetrics((await importVerl({ output: inFolder('whole') })).folder)
      remove(...others)
      const metrics = await readMetrics((await importVerl()).folder)
      assert.equal(metrics.length, 4)
      for (const [i, line] of metrics.entries()) {
        assert.deepEqual(Object.keys(line).toSorted(), Object.keys(whole[i]!).toSorted())
        for (const [name, value] of Object.entries(whole[i]!)) {
          if (value === null) assert.equal(line[name], null)
          else assert.ok(Math.abs(line[name]! - value) <= 1e-6 * Math.max(1, Math.abs(value)), `${name}: ${line[name]}`)
        }
      }
    })
  }

  it('lets steps that a resumed training printed again take the place of the first ones', async () => {
    remove('output/grpo-ts', 'tensorboard')
    const log = inFolder('verl/console.log')
    const lines = fs.readFileSync(log, 'utf8').trim().split('\n')
    const again = lines
      .filter((line) => /step:[23] /.test(line))
      .map((line) => line.replace('actor/loss:', 'actor/loss:1'))
    fs.writeFileSync(log, [...lines, 'Traceback: step:no - nothing', ...again].join('\r\n'))
    const run = await importVerl()
    assert.deepEqual(
      (await readMetrics(run.folder)).map(({ loss }) => loss),
      [0.011, 10.022, 10.033, undefined],
    )
    assert.match(run.notes.join('\n'), /3 steps were made again after a resume/)
  })

  it('leaves a step out whose completions are cut, and says so', async () => {
    fs.truncateSync(inFolder('verl/output/rollouts/4.jsonl'), 2000)
    const run = await importVerl()
    assert.equal(run.completions, 36)
    assert.match(run.notes.join('\n'), /left out with its step: \S*4\.jsonl:\d+: is not valid JSON/)
  })

  it('takes validation for none of the training, and says how an adapter is made', async () => {
    fs.cpSync(inFolder('verl/output/rollouts'), inFolder('verl/output/validation'), { recursive: true })
    remove('output/global_step_4/merged')
    const run = await importVerl()
    assert.deepEqual([run.completions, run.hasAdapter], [48, false])
    assert.match(
      run.notes.join('\n'),
      /python -m verl\.model_merger merge --backend fsdp --local_dir \S*global_step_4.actor/,
    )
  })

  it('refuses what several trainings left, and files of which none can be read', async () => {
    fs.cpSync(inFolder('verl/output/rollouts'), inFolder('verl/other'), { recursive: true })
    await assert.rejects(importVerl(), DataError)
    remove('other')
    for (const name of fs.readdirSync(inFolder('verl/output/rollouts'))) {
      fs.writeFileSync(inFolder('verl/output/rollouts', name), '{"input": 1, "output": 2, "score": 3}\n')
    }
    await assert.rejects(importVerl(), (error) => {
      assert.ok(error instanceof FileFormatError)
      assert.match(error.message, /1\.jsonl:1: is .*; expected input, output and score/)
      return true
    })
    assert.deepEqual(fs.readdirSync(inFolder()), ['verl'])
    assert.equal(fs.existsSync(path.join(inFolder('run'))), false)
  })
})
