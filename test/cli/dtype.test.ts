import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { readEvaluation } from '../../src/run/evaluationFile.js'
import { readRunConfig } from '../../src/run/configFile.js'
import { runOfAdapter } from '../../src/run/adapterRun.js'
import { writeTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { run } from './run.js'

const INT4 = 'int4, groups of 32, embeddings int8'

describe('cli: --dtype', () => {
  const inFolder = useTemporaryFolder()

  beforeEach(() => writeTinyModel(inFolder('model')))

  const words = (text: string): string[] => text.split(' ')

  const train = (...args: string[]): ReturnType<typeof run> => {
    const where = ['--model', inFolder('model'), '--output-dir', inFolder('run'), '--engine', 'cpu']
    const sizes = '--lora-r 2 --num-generations 2 --per-device-train-batch-size 4 --max-completion-length 6'
    const steps = '--max-steps 2 --save-steps 1 --learning-rate 0.1 --task arithmetic --no-preflight'
    return run(['train', ...where, ...words(sizes), ...words(steps), ...args])
  }

  it('is a run’s own: recorded, taken for its evaluation and its adapter, and not changed on the way', async () => {
    const { code, stdout, stderr } = await train('--dtype', 'int4')
    assert.equal(code, 0, stderr)
    assert.match(stdout, new RegExp(`^model +.*\\(LlamaForCausalLM, 2 layers, ${INT4}; `, 'm'))
    const file = fs.readFileSync(inFolder('run', 'config.yaml'), 'utf8')
    assert.match(file, new RegExp(`^# Computed by .*\n# Frozen weights: ${INT4}\n`))
    assert.equal(readRunConfig(inFolder('run'))?.dtype, 'int4')

    const resumed = await train('--resume')
    assert.equal(resumed.code, 2)
    assert.match(resumed.stderr, new RegExp(`dtype was "${INT4}" and is now "auto"`))

    const copy = async (dtype: string): Promise<void> => {
      const { code, stderr } = await run(['quantise', inFolder('model'), '--dtype', dtype, '--output', inFolder(dtype)])
      assert.equal(code, 0, stderr)
    }
    const sampling = ['--limit', '2', '--samples', '0', '--max-completion-length', '4']
    const formats = async (...args: string[]): Promise<(string | null)[]> => {
      const output = inFolder('out.json')
      const evaluated = await run(['eval', inFolder('run'), ...sampling, '--output', output, ...args])
      assert.equal(evaluated.code, 0, evaluated.stderr)
      return readEvaluation(output).policies.map(({ weightFormat }) => weightFormat)
    }
    assert.deepEqual(await formats(), [INT4, INT4])
    assert.deepEqual(await formats('--dtype', 'auto'), ['float32', 'float32'])

    const answer = async (...args: string[]): Promise<string> => {
      const [input, output] = [inFolder('in.jsonl'), inFolder('out.jsonl')]
      fs.writeFileSync(input, '{"prompt":"How many?"}\n')
      const files = ['--model', inFolder('model'), '--input', input, '--output', output]
      const given = await run(['generate', ...files, '--max-completion-length', '8', '--temperature', '0', ...args])
      assert.equal(given.code, 0, given.stderr)
      return fs.readFileSync(output, 'utf8')
    }
    const checkpoint = inFolder('run', 'checkpoints', 'step-2', 'adapter')
    const ofRun = await answer('--adapter', inFolder('run', 'adapter'))
    assert.equal(await answer('--adapter', checkpoint), ofRun)
    assert.equal(await answer('--adapter', checkpoint, '--dtype', 'int4'), ofRun)
    assert.notEqual(await answer('--adapter', checkpoint, '--dtype', 'auto'), ofRun)
    // A copy with the same dtype is the same model, for its adapter too; one with another is not.
    await copy('int4')
    assert.equal(await answer('--adapter', checkpoint, '--model', inFolder('int4')), ofRun)
    assert.equal(await answer('--adapter', checkpoint, '--model', inFolder('int4'), '--dtype', 'auto'), ofRun)
    await copy('int8')
    const other = await run(['eval', inFolder('run'), '--model', inFolder('int8'), ...sampling])
    assert.equal(other.code, 2)
    assert.match(other.stderr, /dtype is 'int4', but the weights in \S+ are quantised already: int8, groups of 64/)
    assert.notEqual(await answer('--dtype', 'int4'), await answer())
  })

  it('is that of the run only where its config.yaml is one', () => {
    const adapter = path.join(inFolder('some', 'adapter'))
    fs.mkdirSync(adapter, { recursive: true })
    for (const [content, found] of [
      ['model: m\ntask: t\ndtype: int8\n', true],
      ['services: []\n', false],
      ['- a list\n', false],
      ['model: [', false],
    ] as const) {
      fs.writeFileSync(inFolder('some', 'config.yaml'), content)
      assert.equal(runOfAdapter(adapter) !== null, found, content)
    }
  })

  it('is taken by bench, selftest and score', async () => {
    const sizes = '--prompts 2 --num-generations 2 --prompt-length 5 --lora-r 2 --max-completion-length 4'
    const bench = await run(['bench', ...words(sizes), ...words('--per-device-train-batch-size 4 --dtype int8')])
    assert.equal(bench.code, 0, bench.stderr)
    assert.match(bench.stdout, /^model +random weights \(LlamaForCausalLM, 4 layers, int8, groups of 64\)$/m)
    const selftest = await run(['selftest', '--model', inFolder('model'), '--dtype', 'int4', '--engine', 'cpu'])
    assert.equal(selftest.code, 0, selftest.stdout)
    fs.writeFileSync(inFolder('in.jsonl'), '{"input_ids":[5,6,7],"prompt_length":1}\n')
    const score = async (dtype: string): Promise<string> => {
      const files = ['--input', inFolder('in.jsonl'), '--output', inFolder('out.jsonl'), '--dtype', dtype]
      const { code, stderr } = await run(['score', '--model', inFolder('model'), ...files])
      assert.equal(code, 0, stderr)
      return fs.readFileSync(inFolder('out.jsonl'), 'utf8')
    }
    assert.equal(await score('float32'), await score('auto'))
    assert.notEqual(await score('int4'), await score('auto'))
  })

  it('refuses what it does not know, and to train all weights quantised, before anything is loaded', async () => {
    const unknown = await train('--dtype', 'bfloat16')
    assert.equal(unknown.code, 2)
    assert.match(unknown.stderr, /--dtype: expected one of auto, float32, int8, int4, got 'bfloat16'/)
    const whole = await run(words('train --model missing --task arithmetic --no-use-peft --dtype int8'))
    assert.equal(whole.code, 2)
    const file = inFolder('model', 'config.json')
    const quantization_config = { quant_method: 'bitsandbytes', load_in_4bit: true }
    const given = JSON.parse(fs.readFileSync(file, 'utf8')) as object
    fs.writeFileSync(file, JSON.stringify({ ...given, quantization_config }))
    const quantised = await run([...words('train --task arithmetic --no-use-peft --model'), inFolder('model')])
    assert.equal(quantised.code, 2)
    assert.match(quantised.stderr, /^error: the weights of \S+ are quantised \(bitsandbytes\).*train an adapter/)
    assert.match(whole.stderr, /usePeft is false, .* dtype is int8: whole numbers cannot be trained; train an adapter/)
  })
})
