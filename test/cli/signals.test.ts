import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { selectEngine } from '../../src/engine/registry.js'
import { writeTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { endCodes, runFolderContents, runToEnd, shortRun } from './killedRun.js'
import { run, start } from './run.js'

describe('signals', () => {
  const inFolder = useTemporaryFolder()
  beforeEach(() => writeTinyModel(inFolder('model')))
  after(() => selectEngine('reference'))

  /** Starts a verb, and calls `act` once its output matches. Returns how it ended. */
  async function runUntil(
    args: readonly string[],
    pattern: RegExp,
    act: (child: ReturnType<typeof start>) => void,
  ): Promise<{ exit: unknown; output: string }> {
    const child = start(args)
    let output = ''
    let hasActed = false
    const exit = once(child, 'exit')
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (hasActed || !pattern.test(output)) return
        hasActed = true
        act(child)
      })
    }
    return { exit: await exit, output }
  }

  const longRun = (): string[] => [...shortRun(inFolder('model'), inFolder('run')), '--max-steps', '100000']

  for (const name of ['SIGTERM', 'SIGHUP'] as const) {
    it(`${name} saves adapter and checkpoint and ends with ${endCodes[name]}, as Ctrl-C does with 130`, async () => {
      const { exit, output } = await runUntil([...longRun(), '--save-steps', '100000'], /^step 3\//m, (child) =>
        child.kill(name),
      )
      assert.deepEqual(exit, [endCodes[name], null], output)
      assert.match(output, new RegExp(`^interrupted by ${name}: saving adapter and checkpoint`, 'm'))
      assert.equal(fs.readdirSync(inFolder('run', 'checkpoints')).length, 1)
      assert.ok(fs.existsSync(inFolder('run', 'adapter', 'adapter_model.safetensors')))
      assert.deepEqual(
        fs.readdirSync(inFolder('run')).filter((entry) => /lock|status|control/.test(entry)),
        [],
      )
    })
  }

  it('a second signal ends at once, with its own code', async () => {
    fs.writeFileSync(
      inFolder('slow.mjs'),
      `let calls = 0
      export default () => {
        if (++calls < 20) return calls % 2
        if (calls === 20) console.log('waiting')
        return new Promise((resolve) => setTimeout(resolve, 1e6))
      }`,
    )
    // An evaluation within a run is waited for: here for ever, because of the reward.
    const args = [
      ...longRun(),
      '--rewards',
      inFolder('slow.mjs'),
      '--no-preflight',
      '--eval-strategy',
      'steps',
      '--eval-steps',
      '1',
      '--eval-limit',
      '50',
      '--num-generations-eval',
      '1',
    ]
    const { exit, output } = await runUntil(args, /^waiting$/m, (child) => {
      child.stdout.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('interrupted')) child.kill('SIGTERM')
      })
      child.kill('SIGINT')
    })
    assert.deepEqual(exit, [143, null], output)
  })

  it('end pretraining with a checkpoint, from which it gives the same model', async () => {
    fs.writeFileSync(
      inFolder('tiny.yaml'),
      'hidden_size: 16\nintermediate_size: 24\nnum_layers: 1\nnum_heads: 2\nnum_key_value_heads: 1\ntokens_per_step: 128\n' +
        'max_steps: 300\nwarmup_steps: 1\ndecay_steps: 1\nsave_steps: 1000\n',
    )
    const pretrain = (folder: string): string[] => [
      'pretrain',
      inFolder('tiny.yaml'),
      '--output-dir',
      inFolder(folder),
      '--threads',
      '1',
    ]
    const { exit, output } = await runUntil(pretrain('run'), /^update 50\//m, (child) => child.kill('SIGTERM'))
    assert.deepEqual(exit, [143, null], output)
    await runToEnd([...pretrain('run'), '--resume'])
    await runToEnd(pretrain('whole'))
    for (const name of ['model/model.safetensors', 'metrics.jsonl']) {
      assert.deepEqual(fs.readFileSync(inFolder('run', name)), fs.readFileSync(inFolder('whole', name)), name)
    }
  })

  const others: [string, () => string[], RegExp][] = [
    [
      'generate',
      () => [
        'generate',
        '--model',
        inFolder('model'),
        '--prompt',
        'a',
        '--max-completion-length',
        '1000',
        '--num-generations',
        '900',
      ],
      /interrupted by SIGTERM: nothing was written/,
    ],
    [
      'eval',
      () => [
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
        inFolder('out.json'),
      ],
      /interrupted by SIGTERM: no evaluation was written/,
    ],
    [
      'score',
      () => [
        'score',
        '--model',
        inFolder('model'),
        '--input',
        inFolder('rows.jsonl'),
        '--output',
        inFolder('out.json'),
      ],
      /interrupted by SIGTERM: nothing was written/,
    ],
    [
      'grade',
      () => [
        'grade',
        '--task',
        'arithmetic',
        '--input',
        inFolder('texts.jsonl'),
        '--output',
        inFolder('out.json'),
        '--rewards',
        inFolder('slow.mjs'),
      ],
      /interrupted by SIGTERM: nothing was written/,
    ],
  ]
  for (const [verb, args, message] of others) {
    it(`end ${verb} with 143, and it writes nothing`, async () => {
      const ids = Array.from({ length: 900 }, (_, i) => i % 300)
      fs.writeFileSync(inFolder('rows.jsonl'), `${JSON.stringify({ input_ids: ids, prompt_length: 1 })}\n`.repeat(1000))
      fs.writeFileSync(inFolder('texts.jsonl'), '{"completion": "#### 1", "answer": "1"}\n')
      fs.writeFileSync(
        inFolder('slow.mjs'),
        'export default () => new Promise((resolve) => setTimeout(resolve, 1e6).unref())',
      )
      const before = process.listenerCount('SIGTERM')
      const running = run(args())
      const state = { isOver: false }
      void running.then(() => (state.isOver = true))
      while (!state.isOver && process.listenerCount('SIGTERM') === before) await setTimeout(1)
      process.emit('SIGTERM', 'SIGTERM')
      const { code, stderr } = await running
      assert.equal(code, 143, stderr)
      assert.match(stderr, message)
      assert.ok(!fs.existsSync(inFolder('out.json')))
      assert.equal(process.listenerCount('SIGTERM'), before)
    })
  }

  it('a reader that goes away saves the run too', async () => {
    const { exit } = await runUntil([...longRun(), '--save-steps', '100000'], /^step 3\//m, (child) =>
      child.stdout.destroy(),
    )
    assert.deepEqual(exit, [141, null])
    assert.equal(fs.readdirSync(inFolder('run', 'checkpoints')).length, 1)
    const { metrics } = runFolderContents(inFolder('run'))
    assert.ok(metrics.length >= 3)
  })
})
