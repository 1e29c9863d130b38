import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { selectEngine } from '../../../src/engine/registry.js'
import { writeTinyModel } from '../../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { startAndKill } from '../killedRun.js'
import { run } from '../run.js'

describe('cli/train --no-use-peft', () => {
  const inFolder = useTemporaryFolder()
  beforeEach(() => writeTinyModel(inFolder('model')))
  after(() => selectEngine('reference'))

  const options = (outputDir: string): string[] => {
    const given = {
      model: inFolder('model'),
      task: 'arithmetic',
      'output-dir': outputDir,
      'max-steps': '6',
      'save-steps': '2',
      threads: '1',
      'num-generations': '2',
      'per-device-train-batch-size': '4',
      'max-completion-length': '6',
      'learning-rate': '0.001',
      'entropy-coef': '0.1',
      beta: '0.05',
    }
    return [
      'train',
      '--no-use-peft',
      '--no-preflight',
      ...Object.entries(given).flatMap(([name, value]) => [`--${name}`, value]),
    ]
  }
  const succeed = async (args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(args)
    assert.equal(code, 0, stderr)
    return stdout
  }
  const refuse = async (args: readonly string[], message: RegExp): Promise<void> => {
    const { code, stderr } = await run(args)
    assert.ok(code === 1 || code === 2, stderr)
    assert.match(stderr, message)
  }
  const weights = (folder: string): string => fs.readFileSync(path.join(folder, 'model', 'model.safetensors'), 'base64')

  it('leaves a model that eval and generate take and that has learned, and push and lora options are refused', async () => {
    const stdout = await succeed(options(inFolder('run')))
    assert.match(stdout, /^model {4}.*; all [\d,]+ weights to train\)$/m)
    assert.ok(stdout.includes(`model    ${inFolder('run', 'model')}\n`), stdout)
    assert.deepEqual(fs.readdirSync(inFolder('run')).sort(), [
      'checkpoints',
      'completions.jsonl',
      'config.yaml',
      'diagnosis.jsonl',
      'metrics.jsonl',
      'model',
      'report.html',
    ])
    const config = parse(fs.readFileSync(inFolder('run', 'config.yaml'), 'utf8')) as Record<string, unknown>
    assert.equal(config.use_peft, false)
    assert.notEqual(weights(inFolder('run')), fs.readFileSync(inFolder('model', 'model.safetensors'), 'base64'))

    const sampling = ['--limit', '3', '--samples', '2', '--max-completion-length', '4']
    assert.match(await succeed(['eval', inFolder('run'), ...sampling]), /trained against base/)
    await succeed(['report', inFolder('run')])
    const text = ['--chat', '1 + 1', '--max-completion-length', '4', '--temperature', '0']
    await succeed(['generate', '--model', inFolder('run', 'model'), ...text])

    await refuse(
      ['push', inFolder('run'), '--repo', 'a/b'],
      /has trained all weights of its model, and push takes adapters/,
    )
    await refuse(
      ['generate', '--model', inFolder('model'), '--adapter', inFolder('run', 'model'), ...text],
      /run\/model: is the folder of a whole model, not of an adapter; give it as the model/,
    )
    await refuse(
      ['eval', inFolder('run'), '--baseline-adapter', inFolder('model')],
      /--baseline-adapter is what an adapter is compared with, and .*run has trained all weights of its model/,
    )
    await refuse(
      [...options(inFolder('other')), '--lora-r', '2'],
      /usePeft is false, .* no adapter for loraR; leave out/,
    )
    await refuse(
      [...options(inFolder('run')).filter((flag) => flag !== '--no-use-peft'), '--resume'],
      /adapter was "none: all \d+ weights are trained, .*" and is now "rank 16/,
    )
  })

  it('goes on after Ctrl-C, and from an older checkpoint where the newest is damaged, with the same bits', async () => {
    await succeed(options(inFolder('whole')))
    const step = await startAndKill(options(inFolder('run')), 0, 3, 'SIGINT')
    assert.ok(step !== null && step >= 3)
    const checkpoints = fs.readdirSync(inFolder('run', 'checkpoints'))
    const newest = checkpoints.sort((a, b) => Number(a.slice(5)) - Number(b.slice(5))).at(-1)!
    const file = inFolder('run', 'checkpoints', newest, 'model', 'model.safetensors')
    const bytes = fs.readFileSync(file)
    bytes[bytes.length - 5]! ^= 1
    fs.writeFileSync(file, bytes)
    const { code, stderr } = await run([...options(inFolder('run')), '--resume'])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /model\.safetensors/)
    assert.equal(weights(inFolder('run')), weights(inFolder('whole')))
  })

  it("replaces nobody's model: neither one that no run has made nor the one that it starts from", async () => {
    fs.mkdirSync(inFolder('run', 'model'), { recursive: true })
    fs.writeFileSync(inFolder('run', 'model', 'model.safetensors'), 'mine')
    for (const flags of [[], ['--overwrite'], ['--resume']]) {
      await refuse([...options(inFolder('run')), ...flags], /run\/model, which is there already and was made by no run/)
    }
    await refuse(['pretrain', '--output-dir', inFolder('run')], /run\/model, which is there already/)
    assert.deepEqual(fs.readdirSync(inFolder('run')), ['model'])
    assert.equal(fs.readFileSync(inFolder('run', 'model', 'model.safetensors'), 'utf8'), 'mine')

    const own = options(inFolder('own'))
    await succeed(own)
    const before = weights(inFolder('own'))
    for (const model of [inFolder('own', 'model'), inFolder('own', 'checkpoints', 'step-4', 'model')]) {
      for (const peft of ['--no-use-peft', '--use-peft']) {
        const started = own.map((flag) => (flag === inFolder('model') ? model : flag === '--no-use-peft' ? peft : flag))
        await refuse([...started, '--overwrite'], /the run would replace the model that it starts from/)
      }
    }
    assert.equal(weights(inFolder('own')), before)
    assert.ok(fs.existsSync(inFolder('own', 'checkpoints', 'step-4', 'model', 'model.safetensors')))
    await succeed([...own, '--overwrite'])
    assert.equal(weights(inFolder('own')), before)
  })
})
