import assert from 'node:assert/strict'
import fs from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import { Interrupted } from '../../src/cli/terminal/exitCode.js'
import { quickstart } from '../../src/cli/quickstart/quickstart.js'
import { sideBySide } from '../../src/cli/quickstart/summary.js'
import type { QuickstartSummary } from '../../src/cli/quickstart/summary.js'
import { parsePretrainConfig } from '../../src/pretrain/config.js'
import { Pretrainer } from '../../src/pretrain/pretrainer.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { run } from './run.js'

const tiny = { hiddenSize: 16, intermediateSize: 24, numLayers: 1, numHeads: 2, numKeyValueHeads: 1 }
const small = {
  perDeviceTrainBatchSize: 8,
  numGenerations: 4,
  maxCompletionLength: 12,
  maxSteps: 3,
  warmupSteps: 0,
  evalLimit: 4,
}

describe('cli/quickstart', () => {
  const inFolder = useTemporaryFolder()

  beforeEach(() => {
    const pretrainer = new Pretrainer(parsePretrainConfig(tiny), inFolder('model'))
    pretrainer.saveModel()
    pretrainer.dispose()
  })

  /** Runs the quickstart on an untrained model; `onOutput` sees what it prints as it prints it. */
  async function start(
    options: { outputDir: string; placebo?: boolean },
    onOutput: (text: string) => void = () => undefined,
  ): Promise<{ summary: QuickstartSummary; printed: string }> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    let printed = ''
    stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
      onOutput(printed)
    })
    const summary = await quickstart(
      { seed: 1, placebo: false, run: { ...small, model: inFolder('model') }, ...options },
      { stdin: Readable.from([]), stdout, stderr },
    )
    return { summary, printed }
  }

  it('measures, trains, measures again, and leaves adapter, evaluation, report and summary', async () => {
    const outputDir = inFolder('run')
    const { summary, printed } = await start({ outputDir })
    const files = fs.readdirSync(outputDir)
    for (const name of ['adapter', 'config.yaml', 'eval.json', 'eval-longer.json', 'metrics.jsonl', 'report.html']) {
      assert.ok(files.includes(name), `${name} in ${files.join(', ')}`)
    }
    assert.deepEqual(JSON.parse(fs.readFileSync(inFolder('run', 'summary.json'), 'utf8')), summary)
    assert.match(printed, /^ +base +after GRPO$/m)
    assert.match(printed, /^problem accuracy +\d+\.\d %/m)
    assert.match(printed, /4 held-out problems, 4 sampled answers to each/)
    assert.equal(summary.problems, 4)
    const next = /ask it: npx grpo-ts (generate --model .*) \\\n +--chat "(.*)"\n/.exec(printed)!
    const asked = await run([...next[1]!.split(' '), '--chat', next[2]!, '--max-completion-length', '4'])
    assert.equal(asked.code, 0, asked.stderr)
    assert.deepEqual(Object.keys(summary.harder), ['unseen-wording', 'longer', 'larger'])
  })

  it('leaves an ordinary run: it can be evaluated, and its config trains another', async () => {
    const outputDir = inFolder('run')
    await start({ outputDir })
    const evaluated = await run(['eval', outputDir, '--limit', '2', '--samples', '1'])
    assert.equal(evaluated.code, 0, evaluated.stderr)
    const config = inFolder('run', 'config.yaml')
    const trained = await run(['train', config, '--max-steps', '2', '--output-dir', inFolder('other')])
    assert.equal(trained.code, 0, trained.stderr)
    assert.ok(fs.existsSync(inFolder('other', 'adapter', 'adapter_model.safetensors')))
  })

  it('goes on after Ctrl-C as if nothing had happened, and starts anew after the end', async () => {
    const whole = await start({ outputDir: inFolder('whole') })
    await assert.rejects(
      start({ outputDir: inFolder('run') }, (printed) => {
        if (printed.includes('step   1/3')) process.emit('SIGINT')
      }),
      Interrupted,
    )
    const resumed = await start({ outputDir: inFolder('run') })
    assert.match(resumed.printed, /resumed {2}after step [12] of 3/)
    assert.deepEqual(resumed.summary.trained, whole.summary.trained)
    const weights = (name: string): Buffer => fs.readFileSync(inFolder(name, 'adapter', 'adapter_model.safetensors'))
    assert.deepEqual(weights('run'), weights('whole'))
    const again = await start({ outputDir: inFolder('run') })
    assert.doesNotMatch(again.printed, /resumed/)
  })

  it('does not go on with a run of other options', async () => {
    await assert.rejects(
      start({ outputDir: inFolder('run') }, (printed) => {
        if (printed.includes('step   1/3')) process.emit('SIGINT')
      }),
      Interrupted,
    )
    const placebo = await start({ outputDir: inFolder('run'), placebo: true })
    assert.doesNotMatch(placebo.printed, /resumed/)
    assert.match(placebo.printed, /placebo: random/)
  })

  it('refuses a seed that is none', async () => {
    for (const seed of ['x', '-1', '1.5']) assert.equal((await run(['quickstart', `--seed=${seed}`])).code, 2)
  })

  it('shows two texts beside each other', () => {
    const text = sideBySide(['base', 'one two three four five six'], ['after', 'a\nb'], 43)
    assert.equal(
      text,
      [
        'base                   after',
        '----                   -----',
        'one two three four     a',
        'five six               b',
      ].join('\n'),
    )
  })
})
