import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, FileFormatError } from '../../src/errors.js'
import { readTrainConfig } from '../../src/grpo/config/readTrainConfig.js'
import { importRun } from '../../src/import/importRun.js'
import { loadRewards } from '../../src/rewards/loadReward.js'
import { readImportFile } from '../../src/run/importFile.js'
import { readMetrics } from '../../src/run/metricsFile.js'
import { RunReader } from '../../src/report/runReader.js'
import { loadTask } from '../../src/tasks/loadTask.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { changeState, completionsOf, copyFixture } from './fixture.js'

describe('importRun, of TRL', () => {
  const inFolder = useTemporaryFolder()
  const importTrl = (options = {}): ReturnType<typeof importRun> =>
    importRun({ folder: inFolder('trl'), output: inFolder('run'), ...options })

  beforeEach(() => {
    copyFixture('trl', inFolder('trl'))
  })

  it('makes a run whose metrics are those that TRL logged, with what its completions tell beside them', async () => {
    const run = await importTrl()
    assert.equal(run.engine, 'TRL 1.16.0')
    assert.deepEqual([run.steps, run.lastStep, run.completions, run.hasAdapter], [4, 4, 48, true])
    const metrics = await readMetrics(run.folder)
    changeState(inFolder('trl'), 4, ({ log_history: history }) => {
      const logged = history.filter((entry) => !('train_runtime' in entry))
      assert.equal(logged.length, 4)
      for (const [i, entry] of logged.entries()) {
        const { accuracy, ...line } = metrics[i]!
        for (const [name, value] of Object.entries(entry)) assert.equal(line[name], value, name)
        assert.ok(Math.abs(accuracy! - line['rewards/correctness/mean']!) < 1e-6)
        assert.equal(typeof line['groups/all_wrong'], 'number')
      }
      return undefined
    })
  })

  it('gives completions their problems, groups, rewards and lengths', async () => {
    const { folder, notes } = await importTrl()
    const config = readTrainConfig(inFolder('trl/config.yaml'))
    const { problems } = await loadTask(config.run.task, config.task)
    const byId = new Map(problems.map((problem) => [problem.id, problem]))
    const rewards = await loadRewards(config.run.rewards, config.run)
    const metrics = await readMetrics(folder)
    const lines = await completionsOf(folder)
    for (const line of lines) {
      const problem = byId.get(line.problem)!
      assert.ok(line.prompt.includes(problem.question))
      assert.equal(line.answer, problem.answer)
      assert.equal(line.correct, line.rewards.correctness === 1)
      const sample = { ...line, ids: [], answer: problem.answer, meta: { problem, finishReason: 'stop' as const } }
      for (const reward of rewards) {
        const value = await reward.score(sample)
        assert.ok(Math.abs(line.rewards[reward.name]! - value!) < 1e-6, `${reward.name} of ${line.completion}`)
      }
      const sum = line.rewards.correctness! + 0.5 * line.rewards.brevity!
      assert.ok(Math.abs(line.reward! - sum) < 1e-6)
    }
    for (const { step, ...logged } of metrics) {
      const ofStep = lines.filter((line) => line.step === step)
      assert.deepEqual(
        ofStep.map(({ group }) => group),
        [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2],
      )
      const lengths = ofStep.map(({ length }) => length!)
      assert.ok(
        Math.abs(lengths.reduce((sum, value) => sum + value, 0) / 12 - logged['completions/mean_length']!) < 1e-5,
      )
      assert.equal(Math.max(...lengths), logged['completions/max_length'])
      const cut = ofStep.filter(({ finish_reason: finish }) => finish === 'length').length
      assert.ok(Math.abs(cut / 12 - logged['completions/clipped_ratio']!) < 1e-6)
      for (const group of [0, 1, 2]) {
        const advantages = ofStep.filter((line) => line.group === group).map(({ advantage }) => advantage!)
        assert.ok(Math.abs(advantages.reduce((sum, value) => sum + value, 0)) < 1e-4)
      }
    }
    assert.equal(notes.length, 1)
    assert.match(notes[0]!, /^lengths and finish reasons of all completions are worked out/)
  })

  it('leaves a folder that the report reads without a complaint, and that says where it comes from', async () => {
    const { folder, report } = await importTrl()
    const contents = new RunReader(folder).read({ final: true })
    assert.deepEqual(contents.problems, [])
    assert.equal(contents.imported?.engine, 'TRL 1.16.0')
    assert.equal(contents.groups.length, 12)
    assert.equal(contents.config?.task, 'word-problems')
    assert.equal(readTrainConfig(folder).run.outputDir, folder)
    assert.equal(readImportFile(folder).source, inFolder('trl'))
    assert.match(fs.readFileSync(path.join(folder, 'config.yaml'), 'utf8'), /^# Trained by TRL 1\.16\.0; imported by/)
    assert.match(fs.readFileSync(report, 'utf8'), /<title>run\b/)
    assert.deepEqual(fs.readdirSync(inFolder()).toSorted(), ['run', 'trl'])
    assert.deepEqual(fs.readdirSync(path.join(folder, 'adapter')), ['adapter_config.json', 'adapter_model.safetensors'])
  })

  it('reads chats, and a batch that two steps train on once', async () => {
    copyFixture('trl-chat', inFolder('chat'))
    const run = await importTrl({ folder: inFolder('chat') })
    const lines = await completionsOf(run.folder)
    assert.deepEqual([...new Set(lines.map(({ step }) => step))], [1, 3])
    assert.equal(lines.length, 24)
    assert.ok(
      lines.every(({ prompt, problem }) => prompt.startsWith('<|user|>') && problem.startsWith('word-problems/')),
    )
    assert.deepEqual([run.steps, run.hasAdapter], [4, false])
    assert.match(run.notes.join(), /holds no adapter_model\.safetensors/)
  })

  it('takes NaN and infinities as Python writes them, and diagnoses them', async () => {
    changeState(inFolder('trl'), 4, (state) => {
      state.log_history[2]!.loss = 'NOT FINITE'
      state.log_history[1]!.kl = 'NEGATIVE'
      state.log_history[0]!.comment = 'NaN and "Infinity\\'
      return JSON.stringify(state).replace('"NOT FINITE"', 'NaN').replace('"NEGATIVE"', '-Infinity')
    })
    const run = await importTrl()
    const metrics = await readMetrics(run.folder)
    assert.deepEqual([metrics[2]!.loss, metrics[1]!.kl, metrics[0]!.comment], [null, null, undefined])
    assert.deepEqual(
      run.findings.map(({ name, step }) => [name, step]),
      [['not_finite', 2]],
    )
  })

  it('goes by the checkpoint before where the newest state is cut, and by completions from there on', async () => {
    changeState(inFolder('trl'), 4, (state) => JSON.stringify(state).slice(0, 900))
    const run = await importTrl()
    const metrics = await readMetrics(run.folder)
    assert.deepEqual(
      metrics.map(({ step, loss, reward }) => [step, loss === undefined, typeof reward]),
      [
        [1, false, 'number'],
        [2, false, 'number'],
        [3, true, 'number'],
        [4, true, 'number'],
      ],
    )
    assert.match(run.notes[0]!, /^left out: .*checkpoint-4.trainer_state\.json: is not valid JSON/)
  })

  it('lets steps that a resumed training made again take the place of the first ones', async () => {
    changeState(inFolder('trl'), 4, (state) => {
      const [first, second, third, fourth] = state.log_history
      state.log_history = [first!, second!, third!, { ...second, loss: 7 }, third!, fourth!, { loss: 1 }, { step: -1 }]
      return undefined
    })
    const run = await importTrl()
    assert.deepEqual(
      (await readMetrics(run.folder)).map(({ step, loss }) => [step, loss === 7]),
      [
        [1, false],
        [2, true],
        [3, false],
        [4, false],
      ],
    )
    assert.match(run.notes.join('\n'), /2 steps were made again after a resume/)
    assert.match(run.notes.join('\n'), /2 entries of log_history name no step/)
  })

  it('leaves out completions that an evaluation has overwritten', async () => {
    changeState(inFolder('trl'), 4, (state) => {
      state.log_history.push({ step: 2, eval_reward: 0.5 }, { step: 3 })
      state.log_history.sort((a, b) => Number(a.step) - Number(b.step))
      return undefined
    })
    const run = await importTrl()
    const lines = await completionsOf(run.folder)
    assert.deepEqual([...new Set(lines.map(({ step }) => step))], [1, 3, 4])
    assert.equal((await readMetrics(run.folder))[1]!.eval_reward, 0.5)
    assert.match(run.notes.join('\n'), /the completions of 1 steps \(2\) are missing: an evaluation/)
  })

  it('says where the weights of the configuration are not those of the training', async () => {
    const config = inFolder('trl/config.yaml')
    fs.writeFileSync(config, fs.readFileSync(config, 'utf8').replace('weight: 0.5', 'weight: 2'))
    const { notes } = await importTrl()
    assert.match(
      notes.join('\n'),
      /in 4 of 4 steps the mean reward that the engine logged is not that of the completions/,
    )
  })

  it('does what it can without a configuration', async () => {
    fs.rmSync(inFolder('trl/config.yaml'))
    const run = await importTrl()
    const [line] = await completionsOf(run.folder)
    assert.match(line!.problem, /^prompt-[0-9a-f]{12}$/)
    assert.deepEqual([line!.answer, line!.correct, line!.finish_reason, line!.length], ['19', false, null, null])
    assert.deepEqual([run.task, run.model, run.findings.length], [null, 'test/fixtures/import/word-problems-1m', 0])
    for (const note of [/made-up names/, /max_completion_length is not known/, /there is no diagnosis/]) {
      assert.match(run.notes.join('\n'), note)
    }
    assert.deepEqual(new RunReader(run.folder).read({ final: true }).problems, [])
  })

  it('finds the output of the engine in the folder of an export, and its configuration around it', async () => {
    const export_ = inFolder('export')
    fs.mkdirSync(path.join(export_, 'trl'), { recursive: true })
    fs.renameSync(inFolder('trl/config.yaml'), path.join(export_, 'config.yaml'))
    fs.renameSync(inFolder('trl'), path.join(export_, 'trl', 'output'))
    // Neither a link to itself nor one to another training is followed.
    fs.symlinkSync(export_, path.join(export_, 'trl', 'around'))
    const run = await importTrl({ folder: export_ })
    assert.deepEqual([run.completions, run.task], [48, 'word-problems'])
  })

  it('says which adapter it is where the training has not ended', async () => {
    for (const name of ['adapter_model.safetensors', 'adapter_config.json']) fs.rmSync(inFolder('trl', name))
    const { hasAdapter, notes } = await importTrl()
    assert.ok(hasAdapter)
    assert.match(notes.join('\n'), /the adapter is that of checkpoint-4/)
  })

  describe('refuses, and leaves nothing behind:', () => {
    const refuses = (
      name: string,
      change: () => Record<string, unknown> | undefined,
      error: typeof ConfigError | typeof FileFormatError,
      message: RegExp,
    ): void => {
      it(name, async () => {
        const options = change()
        const before = fs.readdirSync(inFolder()).toSorted()
        await assert.rejects(importTrl(options), (thrown) => {
          assert.ok(thrown instanceof error, String(thrown))
          assert.match(thrown.message, message)
          return true
        })
        assert.deepEqual(fs.readdirSync(inFolder()).toSorted(), before)
      })
    }
    const files = ['1', '2', '3', '4'].map((step) => `trl/completions/completions_0000${step}.parquet`)

    refuses(
      'an adapter that does not fit the model',
      () => {
        const file = inFolder('trl/adapter_config.json')
        fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('"r": 2', '"r": 3'))
        return undefined
      },
      FileFormatError,
      /trl.adapter_model\.safetensors: /,
    )
    refuses(
      'an adapter that is cut',
      () => {
        fs.truncateSync(inFolder('trl/adapter_model.safetensors'), 9000)
        return undefined
      },
      FileFormatError,
      /trl.adapter_model\.safetensors: /,
    )
    refuses(
      'states of which all are damaged',
      () => {
        for (const step of [2, 4]) changeState(inFolder('trl'), step, () => '{"global_step": 4, "log_history": 5}')
        return undefined
      },
      FileFormatError,
      /trainer_state\.json: log_history must be of type array/,
    )
    refuses(
      'completions of which all are damaged',
      () => {
        for (const file of files) fs.truncateSync(inFolder(file), 2000)
        return undefined
      },
      FileFormatError,
      /completions_00001\.parquet: cannot be read as parquet/,
    )
    refuses(
      'completions without their columns',
      () => {
        const other = path.resolve(import.meta.dirname, '../fixtures/parquet/types.parquet')
        for (const file of files) fs.copyFileSync(other, inFolder(file))
        return undefined
      },
      FileFormatError,
      /row 1: has the columns .*expected step, prompt, completion/,
    )
    refuses('a folder that is not there', () => ({ folder: inFolder('none') }), ConfigError, /is not there; expected/)
    refuses(
      'a folder of something else',
      () => ({ folder: path.resolve(import.meta.dirname, '../fixtures/schedules') }),
      FileFormatError,
      /holds nothing that TRL, verl or OpenRLHF leaves/,
    )
    refuses(
      'an output that holds a run',
      () => {
        fs.mkdirSync(inFolder('run'))
        fs.writeFileSync(inFolder('run/metrics.jsonl'), '')
        return undefined
      },
      ConfigError,
      /already holds a run \(metrics\.jsonl\); replace that run with --overwrite/,
    )
    refuses('an output around what is imported', () => ({ output: inFolder() }), ConfigError, /holds what is to be/)
    refuses(
      'an output that is what is imported',
      () => ({ output: inFolder('trl') }),
      ConfigError,
      /holds what is to be/,
    )
    refuses(
      'to go on when it is stopped',
      () => ({ signal: AbortSignal.abort(new ConfigError('stopped')) }),
      ConfigError,
      /^stopped$/,
    )
  })

  it('passes over a file of completions that is cut, and says so', async () => {
    fs.truncateSync(inFolder('trl/completions/completions_00004.parquet'), 3000)
    const run = await importTrl()
    assert.equal(run.completions, 36)
    assert.match(run.notes.join('\n'), /left out: \S*completions_00004\.parquet: cannot be read as parquet/)
  })

  it('replaces a run with overwrite, and keeps what is no part of one', async () => {
    await importTrl()
    fs.writeFileSync(inFolder('run/eval.json'), '{}')
    fs.writeFileSync(inFolder('run/notes.txt'), 'mine')
    await importTrl({ overwrite: true })
    assert.deepEqual(fs.readdirSync(inFolder('run')).toSorted(), [
      'adapter',
      'completions.jsonl',
      'config.yaml',
      'diagnosis.jsonl',
      'import.json',
      'metrics.jsonl',
      'notes.txt',
      'report.html',
    ])
    assert.deepEqual(fs.readdirSync(inFolder()).toSorted(), ['run', 'trl'])
  })

  it('puts no run among what the engine left, and one into a new folder beside it', async () => {
    const output = inFolder('trl/completions')
    const before = fs.readdirSync(output)
    await assert.rejects(importTrl({ output }), /is part of what is to be imported .* does not exist yet/)
    assert.deepEqual(fs.readdirSync(output), before)
    const run = await importTrl({ output: inFolder('trl/imported') })
    assert.equal((await importTrl({ output: inFolder('trl/imported'), overwrite: true })).steps, run.steps)
  })
})
