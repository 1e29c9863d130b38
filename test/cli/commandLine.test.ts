import assert from 'node:assert/strict'
import { builtInRewards } from '../../src/rewards/builtInRewards.js'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { reportError, Interrupted } from '../../src/cli/terminal/exitCode.js'
import { ConfigError, DataError } from '../../src/errors.js'
import { PassThrough } from 'node:stream'
import { taskNames } from '../../src/tasks/loadTask.js'
import { run, start } from './run.js'

const verbs = ['quickstart', 'train', 'preflight', 'generate', 'score', 'doctor', 'selftest']

describe('cli/commandLine', () => {
  it('shows help within 80 columns and the version', async () => {
    for (const args of [['--help'], ...verbs.map((verb) => [verb, '--help'])]) {
      const { code, stdout, stderr } = await run(args)
      assert.equal(code, 0)
      assert.equal(stderr, '')
      assert.match(stdout, /^Usage: grpo-ts/)
      for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
    }
    assert.match((await run(['--version'])).stdout, /^grpo-ts \d+\.\d+\.\d+\n$/)
  })

  it('has a flag for every option of GRPO, with its description', async () => {
    const { stdout } = await run(['train', '--help'])
    assert.match(stdout, /--num-generations <value> +Completions sampled for each/)
    assert.match(stdout, /--loss-type <value> [^]*One\s+of\s+grpo,\s+bnpo/)
    assert.match(stdout, /--stop-strings <values\.\.\.>/)
    assert.match(stdout, /--do-eval \[value\]/)
  })

  it('tells the options of every reward', async () => {
    for (const verb of ['train', 'preflight', 'lint-reward', 'grade']) {
      const { stdout } = await run([verb, '--help'])
      for (const [reward, { options }] of builtInRewards) {
        const [, text = ''] = new RegExp(`^ {2}${reward}$([^]*?)(?=^ {2}\\w|$(?![^]))`, 'm').exec(stdout) ?? []
        for (const name of Object.keys(options)) assert.match(text, new RegExp(`^ {4}${name}: `, 'm'), reward)
      }
    }
  })

  it('lists the tasks with what their problems are', async () => {
    const { code, stdout } = await run(['tasks'])
    assert.equal(code, 0)
    const lines = stdout.trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => line.split(' ')[0]),
      taskNames,
    )
    for (const line of lines) assert.match(line, /^[\w-]+ {2,}\S.{20,}$/)
    for (const line of lines) assert.ok(line.length <= 110, line)
  })

  it('ends with 2 after a wrong use', async () => {
    for (const [args, message] of [
      [[], /^Usage: grpo-ts/],
      [['trian'], /unknown command 'trian'\n\(Did you mean train\?\)/],
      [['train', '--use_vllm', 'true'], /--use_vllm is an option of TRL that is none here: `rollout` names servers/],
      [['resume', 'runs/x'], /there is no verb resume: grpo-ts train --resume/],
      [['train', '--modle', 'x'], /unknown option '--modle'\n\(Did you mean --model\?\)\n\(--help shows the options\)/],
      [['doctor', 'x', 'y'], /too many arguments/],
    ] as const) {
      const { code, stdout, stderr } = await run(args)
      assert.equal(code, 2)
      assert.equal(stdout, '')
      assert.match(stderr, message)
    }
  })

  it('prints errors that were thrown on purpose without a stack, others with it', async () => {
    const report = async (error: unknown): Promise<[number, string]> => {
      const stderr = new PassThrough()
      const code = reportError(error, stderr)
      stderr.end()
      return [code, await text(stderr)]
    }
    assert.deepEqual(await report(new DataError('no rows')), [1, 'error: no rows\n'])
    assert.deepEqual(await report(new ConfigError('no rows')), [2, 'error: no rows\n'])
    assert.deepEqual(await report(new Interrupted()), [130, ''])
    const [code, message] = await report(new TypeError('a defect'))
    assert.equal(code, 1)
    assert.match(message, /^TypeError: a defect\n +at .*\n[^]*please report/)
  })

  it('is a program', async () => {
    const child = start(['generate', '--model', 'no/such/folder', '--prompt', 'x'])
    const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    assert.equal(stdout, '')
    assert.match(stderr, /^error: no\/such\/folder: does not exist;.*\n$/)
    assert.deepEqual(exit, [1, null])
  })
})
