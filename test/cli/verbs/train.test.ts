import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { parse } from 'yaml'
import { readEvaluation } from '../../../src/run/evaluationFile.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { loadTask } from '../../../src/tasks/loadTask.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { run, start } from '../run.js'
import { writeTinyModel } from '../../fixtures/tinyModel.js'

const gsm8k = path.resolve(import.meta.dirname, '../../fixtures/gsm8k')

describe('cli/train', () => {
  const inFolder = useTemporaryFolder()

  beforeEach(() => {
    writeTinyModel(inFolder('model'))
  })

  const smallRun = (): string[] => [
    '--model',
    inFolder('model'),
    '--output-dir',
    inFolder('run'),
    '--task',
    'arithmetic',
    '--no-preflight',
    '--num-generations',
    '2',
    '--per-device-train-batch-size',
    '4',
    '--max-completion-length',
    '6',
    '--lora-r',
    '2',
  ]

  it('trains from flags and leaves config, metrics, completions and adapter', async () => {
    const { code, stdout, stderr } = await run(['train', ...smallRun(), '--max_steps', '2', '--learning_rate=1e-3'])
    assert.equal(code, 0, stderr)
    const lines = stdout.trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => line.split(' ')[0]),
      ['model', 'engine', 'task', 'batch', 'output', 'memory', 'step', 'step', 'adapter', 'report'],
    )
    assert.match(lines[2]!, /arithmetic, \d+ problems/)
    assert.match(lines[3]!, /2 prompts × 2 completions of up to 6 tokens, a step of 1 × 4 completions/)
    assert.match(
      lines[6]!,
      /^step 1\/2 {2}reward [\d.]+ {2}length [\d.]+ {2}logp diff \d\.\de[+-]\d+ {2}\d+(\.\d)? tokens\/s {2}\d+ s left$/,
    )
    assert.match(
      lines[5]!,
      /^memory {3}at most 0\.\d\d GiB: program 0\.\d\d GiB, weights [1-9]\d* MiB \(float32\), trained [1-9]/,
    )
    assert.doesNotMatch(lines[7]!, /left/)

    assert.deepEqual(fs.readdirSync(inFolder('run')).sort(), [
      'adapter',
      'checkpoints',
      'completions.jsonl',
      'config.yaml',
      'diagnosis.jsonl',
      'metrics.jsonl',
      'report.html',
    ])
    const config = parse(fs.readFileSync(inFolder('run', 'config.yaml'), 'utf8')) as Record<string, unknown>
    assert.equal(config.max_steps, 2)
    assert.equal(config.learning_rate, 1e-3)
    assert.equal(config.loss_type, 'dapo')
    assert.equal(fs.readFileSync(inFolder('run', 'metrics.jsonl'), 'utf8').trimEnd().split('\n').length, 2)
    const model = await loadModel(inFolder('model'))
    const policy = model.withAdapter(inFolder('run', 'adapter'))
    assert.equal(policy.adapter?.r, 2)
    policy.dispose()
    model.dispose()
  })

  it('evaluates before and after on held-out problems where the options say so', async () => {
    const options = ['--do-eval', 'true', '--eval-limit', '3', '--num-generations-eval', '2', '--max-steps', '1']
    const { code, stdout, stderr } = await run(['train', ...smallRun(), ...options])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^base {5}of 3 held-out problems, \d.*% are right greedily, .* sampled at temperature 1$/m)
    assert.match(stdout, /^arithmetic: 3 problems, 95 % intervals in brackets$/m)
    assert.match(stdout, /^trained against base, sampled: /m)
    const { problems, policies, settings } = readEvaluation(inFolder('run', 'eval.json'))
    assert.deepEqual(
      policies.map(({ name, adapter }) => [name, adapter]),
      [
        ['base', null],
        ['trained', inFolder('run', 'adapter')],
      ],
    )
    assert.deepEqual([settings.samples, settings.greedy, settings.maxCompletionLength], [2, true, 6])
    const held = await loadTask('arithmetic', { split: 'test', limit: 3, seed: 42 })
    assert.deepEqual(
      problems.map(({ id }) => id),
      held.problems.map(({ id }) => id),
    )
    // The same as `grpo-ts eval` finds.
    const again = await run(['eval', inFolder('run'), '--limit', '3', '--samples', '2', '--output', inFolder('e.json')])
    assert.equal(again.code, 0, again.stderr)
    const timeless = (file: string): unknown => ({ ...readEvaluation(file), createdAt: '' })
    assert.deepEqual(timeless(inFolder('e.json')), timeless(inFolder('run', 'eval.json')))
    assert.match(fs.readFileSync(inFolder('run', 'report.html'), 'utf8'), /"evaluation":\{/)

    const refused = await run(['train', ...smallRun(), '--overwrite', ...options, '--eval-split', 'train'])
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /3 of the 3 problems to evaluate are trained on/)
  })

  it('refuses a folder with a run, and repeats that run exactly from its config.yaml', async () => {
    const adapter = inFolder('run', 'adapter', 'adapter_model.safetensors')
    // A model of random weights earns no reward; the entropy bonus gives it something to change.
    const args = [
      '--task',
      'gsm8k',
      '--data',
      gsm8k,
      '--max-steps',
      '1',
      '--learning-rate',
      '0.1',
      '--entropy-coef',
      '1',
    ]
    const first = await run(['train', ...smallRun(), ...args])
    assert.equal(first.code, 0, first.stderr)
    const before = fs.readFileSync(adapter)
    const config = inFolder('config.yaml')
    fs.copyFileSync(inFolder('run', 'config.yaml'), config)

    const refused = await run(['train', config])
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /run already holds a run \(config\.yaml, metrics\.jsonl, .*--resume, .*--overwrite/)
    assert.deepEqual(fs.readFileSync(adapter), before)

    const other = await run(['train', config, '--overwrite', '--seed', '43'])
    assert.equal(other.code, 0, other.stderr)
    assert.notDeepEqual(fs.readFileSync(adapter), before)
    assert.equal((await run(['train', config, '--overwrite'])).code, 0)
    assert.deepEqual(fs.readFileSync(adapter), before)
  })

  it('leaves no trace of a run that cannot start', async () => {
    const cases: [string[], number, RegExp][] = [
      [['--model', inFolder('nothing')], 1, /nothing: does not exist/],
      [['--task', 'sudoku'], 2, /unknown task 'sudoku'; known tasks: gsm8k, math, /],
      [['--task', 'humaneval-js'], 2, /task humaneval-js needs data/],
      [['--task', 'gsm8k', '--data', inFolder('nothing')], 1, /nothing/],
      [['--num-generations', 'two'], 2, /--num-generations: .*got 'two'/],
      [['--num-generation', '2'], 2, /unknown option '--num-generation'\n\(Did you mean --num-generations\?\)/],
    ]
    for (const [args, expected, message] of cases) {
      const { code, stderr } = await run(['train', ...smallRun(), ...args])
      assert.match(stderr, message)
      assert.equal(code, expected, args.join(' '))
    }
    assert.ok(!fs.existsSync(inFolder('run')))
    fs.writeFileSync(inFolder('run'), '')
    const { code, stderr } = await run(['train', ...smallRun(), '--overwrite'])
    assert.equal(code, 2)
    assert.match(stderr, /run is a file; expected a folder/)
  })

  it('saves the adapter on Ctrl-C and ends with exit code 130', async () => {
    const child = start(['train', ...smallRun(), '--max-steps', '100000'])
    const [stderr, exit] = [text(child.stderr), once(child, 'exit')]
    const lines: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line)
      if (line.startsWith('step 2/')) child.kill('SIGINT')
    }
    assert.deepEqual(await exit, [130, null], await stderr)
    assert.ok(lines.includes('interrupted: saving adapter and checkpoint after this step; Ctrl-C again stops at once'))
    assert.equal(lines.at(-3), `adapter  ${inFolder('run', 'adapter')}`)
    assert.equal(lines.at(-2), `report   ${inFolder('run', 'report.html')}`)
    const config = inFolder('run', 'config.yaml')
    assert.equal(lines.at(-1), `resume   grpo-ts train ${config} --resume goes on from here`)
    assert.ok(fs.existsSync(inFolder('run', 'adapter', 'adapter_model.safetensors')))
  })
})
