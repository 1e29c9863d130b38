import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { evalFlags, planEvaluation } from '../../src/cli/verbs/eval/evalOptions.js'
import { readTaskFlags } from '../../src/cli/run/taskFlags.js'
import { readEvaluation } from '../../src/run/evaluationFile.js'
import { kebabCase } from '../../src/options/names.js'
import { taskFlagSchemas } from '../../src/tasks/taskEntries.js'
import { writeTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { run, start } from './run.js'

describe('cli/eval', () => {
  const inFolder = useTemporaryFolder()
  const sampling = (): string[] => ['--limit', '5', '--samples', '2', '--max-completion-length', '6']

  beforeEach(() => {
    writeTinyModel(inFolder('model'))
  })

  /** A run of two steps whose adapter changes what the model says. */
  async function train(): Promise<void> {
    const { code, stderr } = await run([
      'train',
      '--model',
      inFolder('model'),
      '--output-dir',
      inFolder('run'),
      '--task',
      'arithmetic',
      '--lora-r',
      '2',
      '--num-generations',
      '2',
      '--per-device-train-batch-size',
      '4',
      '--max-completion-length',
      '6',
      '--max-steps',
      '2',
      '--seed',
      '3',
      '--temperature',
      '0.9',
    ])
    assert.equal(code, 0, stderr)
  }

  it('names the latest checkpoint of a run that has not ended', async () => {
    await train()
    fs.rmSync(inFolder('run', 'adapter'), { recursive: true })
    const { code, stderr } = await run(['eval', inFolder('run'), ...sampling()])
    assert.equal(code, 2)
    assert.match(stderr, /run: the run has left no adapter yet; .*--resume, or .* --adapter (.*)\n$/)
    const checkpoint = / --adapter (.*)\n$/.exec(stderr)![1]!
    const of = await run(['eval', inFolder('run'), ...sampling(), '--adapter', checkpoint])
    assert.equal(of.code, 0, of.stderr)
    fs.rmSync(inFolder('run', 'checkpoints'), { recursive: true })
    const without = await run(['eval', inFolder('run'), ...sampling()])
    assert.match(without.stderr, /^error: .*run: the run has left no adapter yet; .*--resume\n$/)
  })

  it('takes the model that an export holds for no result of its training', () => {
    fs.mkdirSync(inFolder('exported/model'), { recursive: true })
    fs.writeFileSync(inFolder('exported/config.yaml'), 'model: ./model\ntask: arithmetic\nuse_peft: false\n')
    const given = (...flags: string[]) =>
      planEvaluation(
        inFolder('exported'),
        evalFlags.parse('eval', Object.fromEntries(flags.map((f) => ['adapter', f]))),
        {},
      )
    assert.throws(() => given(), /the run has left no model yet/)
    const { model, weights } = given('output')
    assert.deepEqual([model, weights], [inFolder('exported/model'), 'output'])
  })

  it('does not replace an evaluation of more problems, unless that is asked for', async () => {
    await train()
    const file = inFolder('run', 'eval.json')
    const evalRun = (...args: string[]): ReturnType<typeof run> =>
      run(['eval', inFolder('run'), ...sampling(), ...args])
    assert.equal((await evalRun()).code, 0)
    const five = fs.readFileSync(file)
    const { code, stderr } = await evalRun('--limit', '2')
    assert.equal(code, 0, stderr)
    assert.match(
      stderr,
      /eval-2\.json holds .*eval\.json keeps its evaluation of 5 problems \(--output to replace it\)/,
    )
    assert.deepEqual(fs.readFileSync(file), five)
    assert.equal(readEvaluation(inFolder('run', 'eval-2.json')).problems.length, 2)
    assert.equal((await evalRun('--limit', '2', '--output', file)).code, 0)
    assert.equal(readEvaluation(file).problems.length, 2)
    // What cannot be read, such as one of a later version, may be worth more than a quick look.
    fs.writeFileSync(file, '{"version":2}')
    assert.match(
      (await evalRun('--limit', '2')).stderr,
      /eval-2\.json holds .*; what is there is kept: .* version 2, expected 1/,
    )
    assert.equal(fs.readFileSync(file, 'utf8'), '{"version":2}')
  })

  it('compares a run with its base, as the run sampled, on its held-out problems', async () => {
    await train()
    const { code, stdout, stderr } = await run(['eval', inFolder('run'), ...sampling()])
    assert.equal(code, 0, stderr)
    assert.match(
      stdout,
      /^arithmetic: 5 problems, 95 % intervals in brackets\n\n +base +trained\ngreedy\n {2}right +0\.0 %/,
    )
    assert.match(stdout, /\n2 samples at temperature 0\.9\n {2}right/)
    assert.match(stdout, /\n {2}pass@2 .*\n {2}maj@2 .*\n {2}cut off at 6 tokens/)
    // Nobody is right, so there is no difference, but twice five problems cannot exclude one.
    assert.match(
      stdout,
      /\ntrained against base, greedy: 0\.0 points \(95 % interval -\d+\.\d to \+\d+\.\d\), p = 1 \(exact McNemar\), 0 problems better, 0 worse\./,
    )
    assert.match(stderr, /base, greedy\nbase, sampled\ntrained, greedy\ntrained, sampled\n/)
    const { task, settings, policies, problems } = readEvaluation(inFolder('run', 'eval.json'))
    assert.equal(task, 'arithmetic')
    assert.equal(settings.temperature, 0.9)
    assert.equal(problems.length, 5)
    assert.deepEqual(
      policies.map(({ name, model, adapter }) => ({ name, model, adapter })),
      [
        { name: 'base', model: inFolder('model'), adapter: null },
        { name: 'trained', model: inFolder('model'), adapter: inFolder('run', 'adapter') },
      ],
    )
    const trained = fs.readFileSync(inFolder('run', 'completions.jsonl'), 'utf8')
    assert.ok(problems.every(({ id }) => !trained.includes(`"${id}"`)))
  })

  it('asks for every option of a task, also for another form of answers than the run did', async () => {
    const { stdout } = await run(['eval', '--help'])
    for (const name of Object.keys(taskFlagSchemas)) assert.ok(stdout.includes(`--${kebabCase(name)} `), name)
    await train()
    const output = inFolder('boxed.json')
    const boxed = ['--reasoning-format', 'boxed', '--difficulty', '1-2']
    const { code, stderr } = await run(['eval', inFolder('run'), ...sampling(), ...boxed, '--output', output])
    assert.equal(code, 0, stderr)
    assert.ok(readEvaluation(output).problems.every(({ difficulty }) => difficulty! <= 2))
    const given = readTaskFlags('eval', { reasoningFormat: 'boxed', difficulty: '1-2', limit: '5' })
    const plan = planEvaluation(inFolder('run'), evalFlags.parse('eval', {}), given)
    assert.deepEqual(plan.taskOptions, {
      split: 'test',
      seed: 3,
      reasoningFormat: 'boxed',
      difficulty: [1, 2],
      limit: 5,
    })
  })

  it('evaluates a model alone, and two adapters against each other', async () => {
    const model = ['--model', inFolder('model'), '--task', 'arithmetic', ...sampling()]
    const alone = await run(['eval', ...model, '--output', inFolder('alone.json'), '--no-greedy'])
    assert.equal(alone.code, 0, alone.stderr)
    assert.match(alone.stdout, /\n +model\n2 samples at temperature 1\n/)
    assert.deepEqual(readEvaluation(inFolder('alone.json')).comparisons, [])

    await train()
    const adapter = inFolder('run', 'adapter')
    const two = await run(['eval', ...model, '--adapter', adapter, '--baseline-adapter', adapter, '--samples', '0'])
    assert.equal(two.code, 0, two.stderr)
    assert.match(two.stdout, /trained against baseline, greedy: 0\.0 points .*All texts are the same\.\n$/)
    assert.ok(!fs.existsSync(inFolder('run', 'eval.json')))
  })

  it('trains a placebo with random rewards of the same rate', async () => {
    await train()
    // This model is never right; a run that was so half of the time is what its metrics say.
    const metrics = fs.readFileSync(inFolder('run', 'metrics.jsonl'), 'utf8')
    const edited = metrics.replaceAll('"accuracy":0,', '"accuracy":0.5,')
    assert.notEqual(edited, metrics)
    fs.writeFileSync(inFolder('run', 'metrics.jsonl'), edited)
    const { code, stdout, stderr } = await run(['eval', inFolder('run'), ...sampling(), '--placebo', '--samples', '0'])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /placebo: 2 steps with random rewards, 1 with a probability of 0\.500, else 0\n/)
    assert.match(stdout, /\n +base +placebo +trained\n/)
    assert.match(
      stdout,
      /\nplacebo against base, greedy: .*\n\ntrained against base, greedy: .*\n\ntrained against placebo, /,
    )
    const lines = fs
      .readFileSync(inFolder('run', 'placebo', 'metrics.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
    const steps = lines.map((line) => JSON.parse(line) as Record<string, number>)
    assert.deepEqual(
      steps.map(({ step }) => step),
      [1, 2],
    )
    assert.ok(steps.some((step) => step['rewards/random/mean']! > 0))
    // The same prompts as the run, but another adapter.
    const prompts = (folder: string): string[] =>
      fs
        .readFileSync(inFolder(folder, 'completions.jsonl'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { problem: string }).problem)
    assert.deepEqual(prompts('run/placebo'), prompts('run'))
    const digest = (folder: string): string =>
      createHash('sha256')
        .update(fs.readFileSync(inFolder(folder, 'adapter/adapter_model.safetensors')))
        .digest('hex')
    assert.notEqual(digest('run/placebo'), digest('run'))
  })

  it('refuses what does not go together', async () => {
    await train()
    const model = ['--model', inFolder('model'), '--task', 'arithmetic']
    const cases: [string[], number, RegExp][] = [
      [[], 2, /expected the folder of a run, or --model and --task/],
      [['--placebo', ...model], 2, /--placebo repeats a training/],
      [['--baseline-adapter', 'x', ...model], 2, /give --adapter too/],
      [[inFolder('model')], 1, /holds no config\.yaml; expected the folder of a run/],
      [[...model, '--output', inFolder('no/eval.json')], 2, /make it first/],
      [[...model, '--no-greedy', '--samples', '0'], 2, /nothing would be sampled/],
      [
        [...model, '--adapter', inFolder('model')],
        1,
        /is the folder of a whole model, not of an adapter; give it as the model/,
      ],
      [[...model, '--limit', '0'], 2, /--limit: .*, got 0\. Take the first problems only/],
      [[...model, '--reasoning-format', 'xml'], 2, /--reasoning-format: expected one of .*boxed.*, got 'xml'/],
      [[...model, '--variant', 'longer'], 2, /task arithmetic takes no option 'variant'/],
    ]
    for (const [args, expected, message] of cases) {
      const { code, stderr } = await run(['eval', ...args])
      assert.match(stderr, message)
      assert.equal(code, expected, stderr)
    }
    fs.rmSync(inFolder('run', 'metrics.jsonl'))
    const { stderr } = await run(['eval', inFolder('run'), '--placebo'])
    assert.match(stderr, /metrics\.jsonl: does not exist; --placebo needs the folder of a finished run/)
  })

  it('ends at Ctrl-C with 130 and writes nothing', async () => {
    const child = start([
      'eval',
      '--model',
      inFolder('model'),
      '--task',
      'arithmetic',
      '--samples',
      '64',
      '--max-completion-length',
      '500',
      '--output',
      inFolder('eval.json'),
    ])
    let errors = ''
    for await (const chunk of child.stderr) {
      errors += String(chunk)
      if (errors.includes('model, greedy') && !child.killed) child.kill('SIGINT')
    }
    const code = child.exitCode ?? ((await once(child, 'exit')) as [number])[0]
    assert.equal(code, 130, errors)
    assert.match(errors, /interrupted: no evaluation was written/)
    assert.ok(!fs.existsSync(inFolder('eval.json')))
  })
})
