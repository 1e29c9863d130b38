import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { selectEngine } from '../../src/engine/registry.js'
import { ConfigError, FileFormatError, GrpoError } from '../../src/errors.js'
import { Safetensors } from '../../src/io/safetensors.js'
import { writeSafetensors } from '../../src/io/safetensorsWriter.js'
import type { TensorToWrite } from '../../src/io/safetensorsWriter.js'
import { parseModelConfig } from '../../src/model/config.js'
import type { ModelConfig } from '../../src/model/config.js'
import { expectedTensors } from '../../src/model/modelTensors.js'
import { mergeAdapter } from '../../src/model/mergeAdapter.js'
import { quantizeModel } from '../../src/model/quantizeModel.js'
import type { ModelWeights } from '../../src/model/weights/modelWeights.js'
import { openModelWeights } from '../../src/model/weights/openModelWeights.js'
import { matrixAs } from '../../src/model/weights/weightDtype.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { forEachPiece } from '../../src/quantization/matrixSource.js'
import type { MatrixRows, MatrixSource } from '../../src/quantization/matrixSource.js'
import { quantizedDtypes } from '../../src/quantization/weightFormat.js'
import { run } from '../cli/run.js'
import { randomIds, randomPolicy, sequenceLogits } from '../fixtures/policies.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

/** Odd sizes: rows of 27 inputs, of whose codes the last byte is half used, and of 36: a group of 32 and one of 4. */
const oddSizes = { hidden_size: 36, intermediate_size: 27, num_attention_heads: 6, num_key_value_heads: 3 }

describe('quantizeModel', () => {
  const temporary = useTemporaryFolder()

  before(() => selectEngine('reference'))

  function opened(folder: string): { config: ModelConfig; weights: ModelWeights } {
    const file = path.join(folder, 'config.json')
    const config = parseModelConfig(JSON.parse(fs.readFileSync(file, 'utf8')), file)
    return { config, weights: openModelWeights(folder, config) }
  }

  function piecesOf(source: MatrixSource): MatrixRows[] {
    const pieces: MatrixRows[] = []
    forEachPiece(source, (rows) => pieces.push(rows))
    return pieces
  }

  for (const dtype of quantizedDtypes) {
    for (const tied of [true, false]) {
      it(`${dtype}: what is loaded is what the original gives with this dtype, ${tied ? 'tied' : 'with an output head'}`, async () => {
        const model = temporaryTinyModel({ ...oddSizes, tie_word_embeddings: tied }, { dtype: 'BF16' })
        const output = temporary('copy')
        const sizes = await quantizeModel({ model, output, dtype })
        const [original, copy] = [opened(model), opened(output)]
        for (const [name, shape] of expectedTensors(original.config)) {
          if (shape.length === 1) assert.deepEqual(copy.weights.vector(name), original.weights.vector(name))
          else {
            const wanted = piecesOf(matrixAs(original.weights, name, dtype))
            assert.deepEqual(piecesOf(copy.weights.matrix(name)), wanted, name)
          }
        }
        original.weights.close()
        copy.weights.close()
        using tensors = Safetensors.open(output)
        assert.equal(
          sizes.bytes,
          tensors.names().reduce((sum, name) => sum + tensors.info(name).byteLength, 0),
        )
        const ids = randomIds(9, 352, 5)
        const [a, b] = [await loadModel(model, { dtype }), await loadModel(output)]
        assert.deepEqual(sequenceLogits(b, ids), sequenceLogits(a, ids))
        assert.equal(b.weightFormat, a.weightFormat)
        a.dispose()
        b.dispose()
      })
    }
  }

  it('notes what it was made from, and copies the tokenizer; a LoRA trains on it and cannot be merged into it', async () => {
    const model = temporaryTinyModel()
    fs.writeFileSync(path.join(model, 'LICENSE'), 'free')
    await quantizeModel({ model, output: temporary('copy'), dtype: 'int4', groupSize: 128, baseModel: 'them/model' })
    const config = JSON.parse(fs.readFileSync(temporary('copy', 'config.json'), 'utf8')) as Record<string, unknown>
    assert.deepEqual(config.quantization_config, {
      quant_method: 'grpo-ts',
      bits: 4,
      group_size: 128,
      embeddings_bits: 8,
      embeddings_group_size: 64,
      base_model: 'them/model',
    })
    assert.deepEqual(fs.readdirSync(temporary('copy')).sort(), [
      'LICENSE',
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    const base = await loadModel(temporary('copy'))
    const policy = randomPolicy(base, { targetModules: ['q_proj', 'down_proj'] })
    await policy.saveAdapter(temporary('adapter'))
    policy.dispose()
    base.dispose()
    await assert.rejects(
      mergeAdapter({ model: temporary('copy'), adapter: temporary('adapter'), output: temporary('merged') }),
      /int4, groups of 128, embeddings int8.*them\/model/,
    )
    await assert.rejects(
      quantizeModel({ model: temporary('copy'), output: temporary('again'), dtype: 'int8' }),
      (error) => error instanceof ConfigError && /quantised already.*'them\/model'/.test(error.message),
    )
  })

  it('writes shards that load', async () => {
    const model = temporaryTinyModel(oddSizes)
    await quantizeModel({ model, output: temporary('copy'), dtype: 'int4', maxShardBytes: 4000 })
    assert.ok(fs.readdirSync(temporary('copy')).filter((name) => /^model-\d+-of-\d+/.test(name)).length > 2)
    const copy = await loadModel(temporary('copy'))
    const original = await loadModel(model, { dtype: 'int4' })
    const ids = randomIds(5, 352, 1)
    assert.deepEqual(sequenceLogits(copy, ids), sequenceLogits(original, ids))
    copy.dispose()
    original.dispose()
  })

  it('keeps what is there, and leaves nothing half-written', async () => {
    const model = temporaryTinyModel()
    const output = temporary('copy')
    await assert.rejects(quantizeModel({ model, output: model, dtype: 'int4' }), ConfigError)
    await assert.rejects(quantizeModel({ model, output, dtype: 'int3' as 'int4' }), /dtype is 'int3'/)
    await assert.rejects(quantizeModel({ model, output, dtype: 'int4', groupSize: 48 as 32 }), /groupSize is 48/)
    await assert.rejects(quantizeModel({ model: temporary('none'), output, dtype: 'int4' }), FileFormatError)
    const onProgress = (): void => {
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' })
    }
    await assert.rejects(
      quantizeModel({ model, output, dtype: 'int4', onProgress }),
      (error) => error instanceof GrpoError && error.message.includes('free some space'),
    )
    const controller = new AbortController()
    const abort = (): void => {
      controller.abort(new Error('enough'))
    }
    await assert.rejects(
      quantizeModel({ model, output, dtype: 'int4', onProgress: abort, signal: controller.signal }),
      /^Error: enough$/,
    )
    assert.deepEqual(fs.readdirSync(temporary()), [])
  })

  it('is a verb, in both spellings', async () => {
    const model = temporaryTinyModel()
    for (const verb of ['quantise', 'quantize']) {
      const { code, stdout, stderr } = await run([verb, model, '--dtype', 'int8', '--output', temporary(verb)])
      assert.equal(code, 0, stderr)
      assert.equal(stdout, `${temporary(verb)}\n`)
      assert.match(stderr, /^weights: .* MB before, .* MB after\n$/)
    }
    const args = ['quantise', model, '--output', temporary('other')]
    assert.equal((await run(args)).code, 2)
    assert.equal((await run([...args, '--dtype', 'int8', '--group-size', '33'])).code, 2)
  })

  describe('a copy that is not what it should be', () => {
    const q = 'model.layers.0.self_attn.q_proj.weight'

    /** A copy with other fields in its quantization_config, and tensors that are changed or, where null, missing. */
    async function changedCopy(
      fields: Record<string, unknown>,
      tensors: Record<string, Partial<TensorToWrite> | null> = {},
    ): Promise<string> {
      const output = temporary(`copy${fs.readdirSync(temporary()).length}`)
      await quantizeModel({ model: temporaryTinyModel(oddSizes), output, dtype: 'int4' })
      const file = path.join(output, 'config.json')
      const config = JSON.parse(fs.readFileSync(file, 'utf8')) as Record<string, object>
      const quantization = { ...config.quantization_config, ...fields }
      fs.writeFileSync(file, JSON.stringify({ ...config, quantization_config: quantization }))
      const stored = Safetensors.open(output)
      const all = stored.names().flatMap((name) => {
        const change = tensors[name]
        if (change === null) return []
        const { dtype, shape } = stored.info(name)
        return { name, dtype, shape, data: stored.read(name), ...change }
      })
      stored.close()
      writeSafetensors(path.join(output, 'model.safetensors'), all)
      return output
    }

    for (const [what, fields, message] of [
      ['bits', { bits: 3 }, /quantization_config\.bits.*4 or 8/],
      ['another number of bits than the codes have', { bits: 8 }, /has dtype U8 and shape \[36, 18\]; expected I8/],
      ['groups of 0', { group_size: 0 }, /quantization_config\.group_size/],
      ['groups of 40', { group_size: 40 }, /quantization_config\.group_size/],
      ['a huge group', { embeddings_group_size: 2 ** 40 }, /quantization_config\.embeddings_group_size/],
      [
        'groups of another size',
        { group_size: 16 },
        /_scale' has dtype F32 and shape \[36, 2\]; expected F32 and \[36, 3\]/,
      ],
      ['a base model that is no text', { base_model: 7 }, /quantization_config\.base_model/],
    ] as const) {
      it(what, async () => {
        const folder = await changedCopy(fields)
        assert.throws(
          () => opened(folder),
          (error) => error instanceof FileFormatError && message.test(error.message),
        )
      })
    }

    it('codes or scales of another kind, or none', async () => {
      for (const [tensors, message] of [
        [{ [q]: { shape: [18, 36] } }, /q_proj\.weight' has dtype U8 and shape \[18, 36\]; expected U8 and \[36, 18\]/],
        [{ [q]: { dtype: 'I8' } }, /q_proj\.weight' has dtype I8/],
        [{ [`${q}_scale`]: { dtype: 'I32' } }, /q_proj\.weight_scale' has dtype I32/],
        [{ [`${q}_scale`]: null }, /q_proj\.weight/],
        [{ [q]: null }, /q_proj\.weight/],
      ] as const) {
        const folder = await changedCopy({}, tensors)
        assert.throws(
          () => opened(folder),
          (error) => error instanceof FileFormatError && message.test(error.message),
        )
      }
    })

    it('a file that was cut', async () => {
      const folder = await changedCopy({})
      const file = path.join(folder, 'model.safetensors')
      fs.truncateSync(file, fs.statSync(file).size - 10)
      assert.throws(() => opened(folder), FileFormatError)
    })
  })
})
