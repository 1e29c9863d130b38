import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { readTrainConfig } from '../../src/grpo/config/readTrainConfig.js'
import { packageVersion } from '../../src/packageVersion.js'
import { rewardsHash } from '../../src/server/rewards/configHash.js'
import { readParquet } from '../../src/tasks/rows/parquet.js'
import { loadTask } from '../../src/tasks/loadTask.js'
import { run } from '../cli/run.js'
import type { Outcome } from '../cli/run.js'
import { loadRewards } from '../../src/rewards/loadReward.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('grpo-ts export', () => {
  const at = useTemporaryFolder()

  function write(name: string, text: string): string {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true })
    fs.writeFileSync(at(name), text)
    return at(name)
  }

  /** Options as JSON, which is YAML. */
  async function exportRun(options: Readonly<Record<string, unknown>>, ...flags: string[]): Promise<Outcome> {
    const common = { model: 'word-problems-2m', task: 'word-problems', limit: 5 }
    const file = write('run.yaml', JSON.stringify({ ...common, ...options }))
    return run(['export', file, '--to', 'trl', '--output', at('out'), ...flags])
  }

  function read(name: string): string {
    return fs.readFileSync(at('out', name), 'utf8')
  }

  /** Everything in the export, in its folder: as the reward service finds it. */
  async function inFolder<T>(body: () => Promise<T>): Promise<T> {
    const before = process.cwd()
    process.chdir(at('out'))
    try {
      return await body()
    } finally {
      process.chdir(before)
    }
  }

  it('writes a folder that has all that a run needs', async () => {
    const { code, stdout, stderr } = await exportRun({})
    assert.equal(code, 0, stderr)
    assert.equal(stdout, `${at('out')}\n`)
    assert.deepEqual(fs.readdirSync(at('out')).sort(), [
      'README.md',
      'check_prompts.py',
      'config.yaml',
      'data',
      'grpo_ts_rewards.py',
      'model',
      'package.json',
      'prompt_ids.jsonl',
      'requirements.txt',
      'run.sh',
      'setup.sh',
      'train.py',
      'trl.yaml',
    ])
    assert.deepEqual(fs.readdirSync(at()).sort(), ['out', 'run.yaml'])
    assert.deepEqual((JSON.parse(read('package.json')) as { dependencies: unknown }).dependencies, {
      'grpo-ts': packageVersion(),
    })
    assert.equal([...readParquet(at('out/data/train.parquet'))].length, 5)
    assert.equal(read('prompt_ids.jsonl').trim().split('\n').length, 5)
    assert.ok(fs.existsSync(at('out/model/model.safetensors')))
    assert.ok((fs.statSync(at('out/run.sh')).mode & 0o111) !== 0)
    for (const name of ['run.sh', 'grpo_ts_rewards.py', 'README.md']) assert.doesNotMatch(read(name), /\{\{/)
  })

  it('holds the configuration of the reward service, whose hash the Python module knows', async () => {
    await exportRun({ rewards: ['correctness', 'format:0.2'] })
    const hash = await inFolder(async () => {
      const config = readTrainConfig('config.yaml')
      assert.equal(config.run.model, './model')
      return rewardsHash(config, await loadTask(config.run.task, config.task))
    })
    assert.match(read('grpo_ts_rewards.py'), new RegExp(`^CONFIG_HASH = "${hash}"$`, 'm'))
  })

  it("takes tasks and rewards of one's own along, with what they import and the data, whatever they are called", async () => {
    write(
      "my 'tasks'/a task $(x).mjs",
      "import { problems } from './lib/more.mjs'\nexport default () => ({ name: 'it\\'s `mine` | $(x)', problems })",
    )
    write("my 'tasks'/lib/more.mjs", "export const problems = [{ id: 'a\"b', question: 'q', answer: '1' }]")
    write('re wards/length #1.mjs', 'export default ({ ids }) => ids.length')
    const { code, stderr } = await exportRun({
      task: at("my 'tasks'/a task $(x).mjs"),
      limit: null,
      rewards: [
        'correctness',
        `${at('re wards/length #1.mjs')}:0.5`,
        { name: 'format', when: at('re wards/length #1.mjs') },
      ],
    })
    assert.equal(code, 0, stderr)
    assert.ok(fs.existsSync(at("out/modules/my 'tasks'/lib/more.mjs")))
    // Nothing of the place where it was made is needed.
    for (const name of ["my 'tasks'", 're wards']) fs.rmSync(at(name), { recursive: true })
    await inFolder(async () => {
      const config = readTrainConfig('config.yaml')
      assert.equal(config.run.task, "./modules/my 'tasks'/a task $(x).mjs")
      assert.deepEqual(config.run.rewards[1], './modules/re wards/length #1.mjs:0.5')
      const task = await loadTask(config.run.task, config.task)
      assert.equal(task.problems.length, 1)
      assert.match(read('grpo_ts_rewards.py'), new RegExp(rewardsHash(config, task)))
    })
    // From another folder it is the same.
    const elsewhere = readTrainConfig(at('out'))
    const sameTask = await loadTask(elsewhere.run.task, elsewhere.task)
    assert.match(read('grpo_ts_rewards.py'), new RegExp(rewardsHash(elsewhere, sameTask)))
    assert.equal((await loadRewards(elsewhere.run.rewards, elsewhere.run))[1]!.name, 'length #1')
    assert.match(read('grpo_ts_rewards.py'), /^reward_2 = _reward\("length #1"\)$/m)
    assert.match(read('trl.yaml'), /"grpo_ts_rewards\.reward_2"/)
    assert.match(
      read('README.md'),
      /^# ``it's `mine` \\\| \$\(x\)`` with TRL|^# `` it's `mine` \\\| \$\(x\) `` with TRL/m,
    )
  })

  it('copies the data of a task that is a file', async () => {
    write('rows here.jsonl', '{"question": "1 + 1?", "answer": "2"}\n')
    const { code, stderr } = await exportRun({ task: 'file', data: at('rows here.jsonl'), limit: null })
    assert.equal(code, 0, stderr)
    fs.rmSync(at('rows here.jsonl'))
    await inFolder(async () => {
      const config = readTrainConfig('config.yaml')
      assert.equal((await loadTask(config.run.task, config.task)).problems.length, 1)
    })
  })

  it('copies of a folder of data what tasks read, and nothing else', async () => {
    const row = '{"question": "1 + 1?", "answer": "2"}\n'
    const wanted = ['train.jsonl', 'main/test.jsonl', 'main/train/0.jsonl']
    for (const [i, name] of wanted.entries()) write(`rows/${name}`, row.replace('1 +', `${i} +`))
    for (const name of ['.env', 'key.json', '.git/train.jsonl', 'node_modules/train.jsonl', 'a/b/c/train.jsonl'])
      write(`rows/${name}`, row)
    fs.symlinkSync('.', at('rows/loop'))
    fs.symlinkSync('nowhere', at('rows/gone_train.jsonl'))
    const { code, stderr } = await exportRun({ task: 'file', data: at('rows'), limit: null })
    assert.equal(code, 0, stderr)
    const copied = fs.readdirSync(at('out/task/rows'), { recursive: true, withFileTypes: true })
    assert.deepEqual(
      copied
        .filter((entry) => !entry.isDirectory())
        .map((entry) => path.relative(at('out/task/rows'), path.join(entry.parentPath, entry.name)))
        .sort(),
      wanted.toSorted(),
    )
    fs.symlinkSync(at('rows'), at('link'))
    fs.rmSync(at('out'), { recursive: true })
    const inside = await run(['export', at('run.yaml'), '--to', 'trl', '--output', at('link/out')])
    assert.match(inside.stderr, /lies in the data that is copied into it/)
  })

  it('reads the folder of a run too', async () => {
    write('a run/config.yaml', JSON.stringify({ model: 'word-problems-2m', task: 'word-problems', limit: 2 }))
    const { code, stderr } = await run(['export', at('a run'), '--to', 'trl', '--output', at('out')])
    assert.equal(code, 0, stderr)
  })

  it('leaves nothing behind where it refuses or fails', async () => {
    for (const [options, message] of [
      [{ dynamicSampling: true }, /cannot be exported to TRL, nothing was written:\n {2}dynamic_sampling: /],
      [{ rewards: ['./gone.mjs'] }, /gone\.mjs/],
      [{ model: 'somewhere/model.gguf' }, /is quantised \(a GGUF file\)/],
    ] as const) {
      const { code, stderr } = await exportRun(options)
      assert.notEqual(code, 0)
      assert.match(stderr, message)
      assert.deepEqual(fs.readdirSync(at()), ['run.yaml'])
    }
    write('bad.mjs', "import 'a-package-that-nobody-has'\nexport default () => 1")
    const { code } = await exportRun({ rewards: [at('bad.mjs')] })
    assert.notEqual(code, 0)
    assert.deepEqual(fs.readdirSync(at()).sort(), ['bad.mjs', 'run.yaml'])
  })

  it('overwrites nothing', async () => {
    write('out/precious.txt', 'mine')
    const { code, stderr } = await exportRun({})
    assert.equal(code, 2)
    assert.match(stderr, /is not empty/)
    assert.deepEqual(fs.readdirSync(at('out')), ['precious.txt'])
  })

  it('names what it was called wrongly with', async () => {
    assert.match((await exportRun({}, '--processes', '0')).stderr, /Expected a whole number from 1/)
    assert.match((await exportRun({}, '--launcher', 'magic')).stderr, /local, sky, slurm, hf-jobs/)
    const { stderr } = await exportRun({ perDeviceTrainBatchSize: 96 }, '--processes', '12', '--launcher', 'slurm')
    assert.match(stderr, /does not fill machines of 8 GPUs/)
  })
})
