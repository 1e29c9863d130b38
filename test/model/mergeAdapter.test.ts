import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { selectEngine } from '../../src/engine/registry.js'
import { ConfigError, GrpoError } from '../../src/errors.js'
import { Safetensors } from '../../src/io/safetensors.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { mergeAdapter } from '../../src/model/mergeAdapter.js'
import { run } from '../cli/run.js'
import { randomIds, randomPolicy, sequenceLogits } from '../fixtures/policies.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

const ids = randomIds(9, 352, 5)

describe('mergeAdapter', () => {
  const temporary = useTemporaryFolder()

  before(() => selectEngine('reference'))

  /** Saves an adapter for the model; returns the logits with it. */
  async function saveAdapter(model: string): Promise<Float32Array> {
    const base = await loadModel(model)
    const policy = randomPolicy(base, { targetModules: ['q_proj', 'v_proj', 'down_proj'] })
    await policy.saveAdapter(temporary('adapter'))
    const logits = sequenceLogits(policy, ids)
    policy.dispose()
    base.dispose()
    return logits
  }

  async function logitsOf(folder: string): Promise<Float32Array> {
    const model = await loadModel(folder)
    const logits = sequenceLogits(model, ids)
    model.dispose()
    return logits
  }

  function largestDifference(a: Float32Array, b: Float32Array): number {
    return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
  }

  for (const [dtype, tolerance] of [
    ['F32', 1e-5],
    ['BF16', 0.05],
  ] as const) {
    it(`gives the logits of model and adapter, ${dtype}`, async () => {
      const model = temporaryTinyModel({ tie_word_embeddings: false }, { dtype })
      const adapted = await saveAdapter(model)
      await mergeAdapter({ model, adapter: temporary('adapter'), output: temporary('merged') })
      const difference = largestDifference(await logitsOf(temporary('merged')), adapted)
      assert.ok(difference <= tolerance, `logits differ by ${difference}`)
      assert.ok(largestDifference(await logitsOf(model), adapted) > 10 * tolerance)
      using tensors = Safetensors.open(temporary('merged'))
      using original = Safetensors.open(model)
      for (const name of original.names()) {
        assert.deepEqual(tensors.info(name), original.info(name))
        const isAdapted = /(q_proj|v_proj|down_proj).weight$/.test(name)
        assert.equal(Buffer.compare(tensors.read(name), original.read(name)) === 0, !isAdapted, name)
      }
      assert.deepEqual(fs.readdirSync(temporary('merged')).sort(), [
        'config.json',
        'generation_config.json',
        'model.safetensors',
        'tokenizer.json',
        'tokenizer_config.json',
      ])
    })
  }

  it('writes shards, and another dtype, from the command line', async () => {
    const model = temporaryTinyModel()
    await saveAdapter(model)
    const args = ['--model', model, '--adapter', temporary('adapter'), '--output', temporary('merged')]
    const { code, stdout, stderr } = await run(['merge', ...args, '--max-shard-size', '4KB', '--dtype', 'bfloat16'])
    assert.equal(code, 0, stderr)
    assert.equal(stdout, `${temporary('merged')}\n`)
    const shards = fs.readdirSync(temporary('merged')).filter((name) => name.startsWith('model-'))
    assert.ok(shards.length > 2)
    for (const name of shards) {
      const { size } = fs.statSync(temporary('merged', name))
      // The embedding alone is larger.
      assert.ok(size < 4000 + 2000 || size > 352 * 16 * 2, `${name}: ${size}`)
    }
    const config = JSON.parse(fs.readFileSync(temporary('merged', 'config.json'), 'utf8')) as { dtype: string }
    assert.equal(config.dtype, 'bfloat16')
    using tensors = Safetensors.open(temporary('merged'))
    assert.ok(tensors.names().every((name) => tensors.info(name).dtype === 'BF16'))
    assert.equal((await run(['merge', ...args])).code, 2)
    assert.equal((await run(['merge', ...args, '--max-shard-size', 'much'])).code, 2)
  })

  it('says that an adapter was trained against weights of fewer bits, where its run or its base model does', async () => {
    const model = temporaryTinyModel()
    await saveAdapter(model)
    const merge = async (): Promise<string> => {
      const args = ['--model', model, '--adapter', temporary('adapter'), '--output', temporary('merged')]
      const { code, stderr } = await run(['merge', ...args])
      assert.equal(code, 0, stderr)
      fs.rmSync(temporary('merged'), { recursive: true })
      return stderr
    }
    assert.equal(await merge(), '')
    fs.writeFileSync(temporary('config.yaml'), 'model: m\ntask: t\ndtype: int4\n')
    assert.match(
      await merge(),
      /^note: the adapter was trained against weights of fewer bits \(int4\) and is merged into those of /,
    )
    fs.rmSync(temporary('config.yaml'))
    fs.mkdirSync(temporary('copy'))
    fs.writeFileSync(temporary('copy', 'config.json'), '{"quantization_config":{"quant_method":"bitsandbytes"}}')
    const file = temporary('adapter', 'adapter_config.json')
    const config = JSON.parse(fs.readFileSync(file, 'utf8')) as object
    fs.writeFileSync(file, JSON.stringify({ ...config, base_model_name_or_path: temporary('copy') }))
    assert.match(await merge(), /\(bitsandbytes\).*; the merged model was not measured/)
  })

  it('refuses a model whose files are quantised, and names the one that it was made from', async () => {
    const model = temporary('quantised')
    fs.cpSync(path.resolve(import.meta.dirname, '../fixtures/quantized/gptq-4'), model, { recursive: true })
    const base = await loadModel(model)
    const policy = randomPolicy(base, { targetModules: ['q_proj'] })
    await policy.saveAdapter(temporary('adapter'))
    policy.dispose()
    base.dispose()
    const merge = (): Promise<void> =>
      mergeAdapter({ model, adapter: temporary('adapter'), output: temporary('merged') })
    const refusal = /are quantised \(.*GPTQ.*\).*; merge into the model that they were made from/
    await assert.rejects(merge(), (error) => error instanceof ConfigError && refusal.test(error.message))
    const file = temporary('quantised', 'config.json')
    const config = JSON.parse(fs.readFileSync(file, 'utf8')) as { quantization_config: object }
    const quantization_config = { ...config.quantization_config, base_model: 'owner/original@abc' }
    fs.writeFileSync(file, JSON.stringify({ ...config, quantization_config }))
    await assert.rejects(merge(), /made from: 'owner\/original@abc'$/)
    assert.ok(!fs.existsSync(temporary('merged')))
  })

  it('keeps what is there, and leaves nothing half-written', async () => {
    const model = temporaryTinyModel()
    await saveAdapter(model)
    const adapter = temporary('adapter')
    await assert.rejects(mergeAdapter({ model, adapter, output: model }), ConfigError)
    fs.writeFileSync(temporary('file'), '')
    await assert.rejects(mergeAdapter({ model, adapter, output: temporary('file') }), ConfigError)
    const onTensor = (done: number): void => {
      if (done === 3) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' })
    }
    await assert.rejects(
      mergeAdapter({ model, adapter, output: temporary('merged'), onTensor }),
      (error) => error instanceof GrpoError && error.message.includes('free some space'),
    )
    const controller = new AbortController()
    const abort = (done: number): void => {
      if (done === 3) controller.abort(new Error('enough'))
    }
    await assert.rejects(
      mergeAdapter({ model, adapter, output: temporary('merged'), onTensor: abort, signal: controller.signal }),
      /^Error: enough$/,
    )
    assert.deepEqual(fs.readdirSync(path.dirname(adapter)).sort(), ['adapter', 'file'])
  })
})
