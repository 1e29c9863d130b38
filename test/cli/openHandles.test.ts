import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { text } from 'node:stream/consumers'
import { writeTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { shortRun } from './killedRun.js'
import { start } from './run.js'

const root = path.resolve(import.meta.dirname, '../..')

function source(file: string): string {
  return pathToFileURL(path.join(root, file)).href
}

describe('open handles', () => {
  const inFolder = useTemporaryFolder()
  beforeEach(() => writeTinyModel(inFolder('model')))

  /**
   * Runs a program in a process of its own that prints, when its work is done, what keeps it alive besides its own streams, and
   * must then end by itself. Returns what it printed.
   */
  async function runProgram(body: string): Promise<string> {
    const program = `
      import { runCommandLine } from '${source('src/cli/commandLine.ts')}'
      import { PassThrough, Readable } from 'node:stream'
      import * as library from '${source('src/index.ts')}'
      const run = async (...args) => {
        const [stdout, stderr] = [new PassThrough().resume(), new PassThrough()]
        let errors = ''
        stderr.on('data', (chunk) => (errors += chunk))
        const code = await runCommandLine(args, { stdin: Readable.from([]), stdout, stderr })
        if (code !== 0) console.log(args.join(' '), 'ended with', code, errors)
      }
      const resources = () =>
        process.getActiveResourcesInfo().filter((name) => !/^(TTY|Pipe|FSReq|TickObject|Immediate)/.test(name))
      const tell = async (what) => {
        // A thread that was told to end takes a moment.
        for (let i = 0; i < 100 && resources().length > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20))
        console.log(what, resources().join(' ') || 'nothing')
      }
      // tsx greets a process of its own.
      while (process.getActiveResourcesInfo().includes('ConnectWrap')) await new Promise((resolve) => setTimeout(resolve, 10))
      ${body}`
    fs.writeFileSync(inFolder('program.mjs'), program)
    const child = spawn(process.execPath, ['--import', 'tsx', inFolder('program.mjs')], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A port that nobody listens at: the doctor asks the Hub.
      env: { ...process.env, HF_ENDPOINT: 'http://127.0.0.1:9' },
    })
    const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    assert.deepEqual(exit, [0, null], stderr)
    return stdout
  }

  it('are none after any verb', async () => {
    fs.writeFileSync(inFolder('texts.jsonl'), '{"completion": "\\\\boxed{\\\\overline{AB}}", "answer": "x+1"}\n')
    fs.writeFileSync(inFolder('ids.jsonl'), '{"input_ids": [5, 6, 7], "prompt_length": 1}\n')
    fs.writeFileSync(
      inFolder('reward.mjs'),
      'export default ({ completion }) => { console.log(1); return completion.length }',
    )
    const pretraining = [
      'hidden_size: 16\nintermediate_size: 24\nnum_layers: 1\nnum_heads: 2\nnum_key_value_heads: 1\ntokens_per_step: 128',
      'max_steps: 2\nwarmup_steps: 1\ndecay_steps: 1\n',
    ]
    fs.writeFileSync(inFolder('tiny.yaml'), pretraining.join('\n'))
    const model = ['--model', inFolder('model')]
    const output = ['--output', inFolder('out.jsonl')]
    const verbs: string[][] = [
      ['tasks', 'arithmetic'],
      ['generate', ...model, '--prompt', 'a', '--max-completion-length', '3'],
      ['score', ...model, '--input', inFolder('ids.jsonl'), ...output],
      ['grade', '--task', 'math', '--input', inFolder('texts.jsonl'), ...output],
      shortRun(inFolder('model'), inFolder('run'), 3),
      ['eval', inFolder('run'), '--limit', '2', '--samples', '1'],
      ['report', inFolder('run')],
      ['merge', ...model, '--adapter', inFolder('run', 'adapter'), '--output', inFolder('merged')],
      ['pretrain', inFolder('tiny.yaml'), '--output-dir', inFolder('pretraining')],
      ['lint-reward', 'correctness'],
      ['doctor'],
      [
        'bench',
        '--prompts',
        '1',
        '--num-generations',
        '2',
        '--prompt-length',
        '4',
        '--max-completion-length',
        '4',
        '--per-device-train-batch-size',
        '2',
      ],
    ]
    const calls = verbs.map((args) => `await run(...${JSON.stringify(args)}); await tell(${JSON.stringify(args[0])})`)
    const stdout = await runProgram(calls.join('\n'))
    assert.equal(stdout, verbs.map(([verb]) => `${verb} nothing\n`).join(''))
  })

  it('are none after the calls of the library', async () => {
    fs.writeFileSync(
      inFolder('reward.mjs'),
      'export default ({ completion }) => { console.error(1); return completion.length / 9 }',
    )
    const stdout = await runProgram(`
      const { GRPOTrainer, evaluate, generate, loadModel, rewards, selectEngine, tasks } = library
      await selectEngine('cpu', { threads: 2 })
      const base = await loadModel(${JSON.stringify(inFolder('model'))})
      await tell('loadModel')
      const task = await tasks.loadTask('arithmetic', { limit: 4 })
      await tell('loadTask')
      await generate(base, [[5, 6]], { maxCompletionLength: 3 })
      await tell('generate')
      const policy = base.withLora({ r: 2 })
      const config = { numGenerations: 2, perDeviceTrainBatchSize: 2, maxCompletionLength: 4, maxSteps: 2 }
      const ownThread = rewards.workerReward(${JSON.stringify(inFolder('reward.mjs'))}, {})
      const trainer = new GRPOTrainer({ policy, task, config, rewards: [ownThread], outputDir: ${JSON.stringify(inFolder('run'))} })
      await tell('new GRPOTrainer')
      for await (const { step } of trainer) if (step === 1) break
      await tell('a loop that was left')
      await trainer.train()
      await tell('train')
      await evaluate(policy, task, { samples: 1, maxCompletionLength: 3, resamples: 10 })
      await tell('evaluate')`)
    for (const line of stdout.trimEnd().split('\n')) {
      if (!line.startsWith('1')) assert.match(line, / nothing$/)
    }
    assert.match(stdout, /evaluate nothing/)
  })

  it("of a user's own module keep no verb from ending, and all output is there", async () => {
    fs.writeFileSync(
      inFolder('timer.mjs'),
      `import net from 'node:net'
      setInterval(() => undefined, 1000)
      net.createServer().listen(0)
      export default ({ completion }) => completion.length / 100`,
    )
    const texts = Array.from({ length: 3000 }, (_, i) => JSON.stringify({ completion: `#### ${i}`, answer: `${i}` }))
    fs.writeFileSync(inFolder('texts.jsonl'), `${texts.join('\n')}\n`)
    const args = [
      'grade',
      '--task',
      'arithmetic',
      '--input',
      inFolder('texts.jsonl'),
      '--output',
      '-',
      '--rewards',
      inFolder('timer.mjs'),
    ]
    const child = start(args)
    const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    assert.deepEqual(exit, [0, null], stderr)
    const lines = stdout.trimEnd().split('\n')
    assert.equal(lines.length, texts.length)
    assert.deepEqual(JSON.parse(lines.at(-1)!), {
      correct: true,
      correct_lenient: true,
      extracted: '2999',
      rewards: { timer: 0.09 },
    })

    const train = start([
      ...shortRun(inFolder('model'), inFolder('run'), 3),
      '--no-preflight',
      '--rewards',
      inFolder('timer.mjs'),
    ])
    const [errors, end] = await Promise.all([text(train.stderr), once(train, 'exit'), text(train.stdout)])
    assert.deepEqual(end, [0, null], errors)
  })
})
