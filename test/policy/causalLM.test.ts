import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import * as tf from '../../src/bundled/tfjs.js'
import { selectEngine } from '../../src/engine/registry.js'
import { EngineError, ConfigError, FileFormatError } from '../../src/errors.js'
import { Safetensors } from '../../src/io/safetensors.js'
import { writeSafetensors } from '../../src/io/safetensorsWriter.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { BACKENDS, adapterValues, memoryInUse, randomIds, randomPolicy, sequenceLogits } from '../fixtures/policies.js'
import { decoderOf } from '../fixtures/tensors.js'
import { temporaryFolder, temporaryTinyModel, writeTinyModel } from '../fixtures/tinyModel.js'
import { values } from '../ops/suite.js'

const VOCABULARY = 352
const TOKEN_IDS = randomIds(11, VOCABULARY, 3)

describe('causalLM', () => {
  after(() => selectEngine('reference'))

  for (const backend of BACKENDS) {
    describe(`on ${backend}`, () => {
      let folder = ''

      before(async () => {
        await selectEngine(backend)
        folder = temporaryTinyModel({}, { dtype: 'BF16' })
      })

      it('gives the same logits with bfloat16 weights, with the same ones widened, and stored as float32', async () => {
        const logits = []
        const stored = temporaryTinyModel({}, { dtype: 'F32' })
        for (const [source, options] of [
          [folder, {}],
          [folder, { dtype: 'float32' }],
          [stored, {}],
        ] as const) {
          const model = await loadModel(source, options)
          const policy = randomPolicy(model)
          logits.push([sequenceLogits(model, TOKEN_IDS), sequenceLogits(policy, TOKEN_IDS)])
          policy.dispose()
          model.dispose()
        }
        assert.deepEqual(logits[1], logits[0])
        assert.deepEqual(logits[2], logits[0])
      })

      it('frees what it loaded, and the adapters made from it', async () => {
        const qwen2 = { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2' }
        const qwen3 = { architectures: ['Qwen3ForCausalLM'], model_type: 'qwen3', head_dim: 4 }
        const folders = [
          folder,
          ...[{ tie_word_embeddings: false }, qwen2, qwen3].map((one) => temporaryTinyModel(one)),
        ]
        const use = async (): Promise<void> => {
          for (const each of folders) {
            const model = await loadModel(each)
            const policy = randomPolicy(model)
            sequenceLogits(policy, TOKEN_IDS)
            policy.dispose()
            model.dispose()
          }
        }
        await use() // the first use may take scratch memory that is kept
        const before = memoryInUse()
        await use()
        assert.deepEqual(memoryInUse(), before)
      })

      it('leaves nothing behind when a tensor cannot be read', async () => {
        const broken = temporaryFolder()
        fs.cpSync(folder, broken, { recursive: true })
        const source = Safetensors.open(folder)
        const tensors = source.names().map((name) => {
          const { shape } = source.info(name)
          const isLast = name === 'model.norm.weight'
          return isLast
            ? { name, shape, dtype: 'I32' as const, data: new Int32Array(shape[0]!) }
            : { name, shape, dtype: 'BF16' as const, data: source.readBfloat16Bits(name) }
        })
        source.close()
        writeSafetensors(path.join(broken, 'model.safetensors'), tensors)
        const before = memoryInUse()
        await assert.rejects(loadModel(broken), FileFormatError)
        assert.deepEqual(memoryInUse(), before)
      })

      it('keeps the base model when a policy is disposed', async () => {
        const model = await loadModel(folder)
        const expected = sequenceLogits(model, TOKEN_IDS)
        const [one, two] = [randomPolicy(model, {}, 1), randomPolicy(model, {}, 2)]
        const others = sequenceLogits(two, TOKEN_IDS)
        one.dispose()
        assert.deepEqual(sequenceLogits(model, TOKEN_IDS), expected)
        assert.deepEqual(sequenceLogits(two, TOKEN_IDS), others)
        two.dispose()
        model.dispose()
      })

      it('is its base without the adapter, which goes on as it was', async () => {
        const model = await loadModel(folder)
        const policy = randomPolicy(model)
        const [base, adapted] = [sequenceLogits(model, TOKEN_IDS), sequenceLogits(policy, TOKEN_IDS)]
        assert.notDeepEqual(adapted, base)
        assert.deepEqual(sequenceLogits(policy.baseModel, TOKEN_IDS), base)
        assert.deepEqual(sequenceLogits(policy, TOKEN_IDS), adapted)
        policy.dispose()
        model.dispose()
      })

      it('saves an adapter that gives the same logits when it is loaded', async () => {
        const model = await loadModel(folder)
        const policy = randomPolicy(model, { targetModules: ['k_proj', 'o_proj', 'down_proj'] })
        const adapterFolder = temporaryFolder()
        await policy.saveAdapter(adapterFolder)
        const loaded = model.withAdapter(adapterFolder)
        assert.deepEqual(adapterValues(loaded), adapterValues(policy))
        assert.deepEqual(sequenceLogits(loaded, TOKEN_IDS), sequenceLogits(policy, TOKEN_IDS))
        for (const one of [loaded, policy, model]) one.dispose()
      })

      it('gives log-probabilities and entropies of the distribution that the logits describe', async () => {
        const model = await loadModel(folder)
        tf.tidy(() => {
          const hidden = tf.randomUniform<tf.Rank.R2>([5, model.config.hiddenSize], -1, 1, 'float32', 1)
          const targets = Int32Array.from(randomIds(5, VOCABULARY, 4))
          const { logProbs, entropies } = decoderOf(model).tokenLogProbs(hidden, targets, 0.6)
          const logits = decoderOf(model).logits(hidden).arraySync()
          for (const [i, row] of logits.entries()) {
            const sum = row.reduce((total, z) => total + Math.exp(z / 0.6), 0)
            const p = row.map((z) => Math.exp(z / 0.6) / sum)
            assert.ok(Math.abs(values(logProbs)[i]! - Math.log(p[targets[i]!]!)) < 1e-5)
            assert.ok(Math.abs(values(entropies)[i]! + p.reduce((total, x) => total + x * Math.log(x), 0)) < 1e-5)
          }
        })
        model.dispose()
      })
    })
  }

  it('says in which format the weights are, and refuses to train all of them where they are quantised', async () => {
    await selectEngine('cpu')
    const untied = temporaryTinyModel({ tie_word_embeddings: false }, { dtype: 'BF16' })
    for (const [folder, dtype, words] of [
      [untied, 'auto', 'bfloat16'],
      [temporaryTinyModel(), 'auto', 'float32'],
      [untied, 'float32', 'float32'],
      [untied, 'int8', 'int8, groups of 64'],
      [untied, 'int4', 'int4, groups of 32, embeddings int8'],
    ] as const) {
      const model = await loadModel(folder, { dtype })
      const policy = model.withLora()
      assert.deepEqual([policy.dtype, policy.weightFormat], [dtype, words])
      policy.dispose()
      if (dtype === 'int8' || dtype === 'int4') {
        const refusal = { name: 'ConfigError', message: /are quantised \(int[48], groups of.*train an adapter/ }
        assert.throws(() => model.trainable(), refusal)
        assert.throws(() => model.withWeights(folder), refusal)
      } else {
        model.trainable().dispose()
      }
      model.dispose()
    }
    const dtype = 'int5' as 'int4'
    await assert.rejects(loadModel(untied, { dtype }), /dtype is 'int5'; expected one of auto, float32, int8, int4/)
  })

  it('takes the ends of a completion from the tokenizer, generation_config.json or config.json', async () => {
    await selectEngine('cpu')
    const ends = async (folder: string): Promise<readonly number[]> => {
      const model = await loadModel(folder)
      model.dispose()
      return model.eosTokenIds
    }
    assert.deepEqual(await ends(temporaryTinyModel()), [341, 343])
    const plain = (config: Record<string, unknown>): string => temporaryTinyModel(config, { tokenizer: false })
    assert.deepEqual(await ends(plain({ eos_token_id: 7 })), [7])
    assert.deepEqual(await ends(plain({ eos_token_id: [7, 9] })), [7, 9])
    assert.deepEqual(await ends(plain({})), [])
    const generation = plain({ eos_token_id: 7 })
    fs.writeFileSync(path.join(generation, 'generation_config.json'), '{"eos_token_id":[3,4]}')
    assert.deepEqual(await ends(generation), [3, 4])
  })

  it('has a tokenizer where the folder holds one', async () => {
    await selectEngine('cpu')
    const model = await loadModel(temporaryTinyModel())
    assert.equal(model.tokenizer?.eosTokenId, 343)
    model.dispose()
    const plain = await loadModel(temporaryTinyModel({}, { tokenizer: false }))
    assert.equal(plain.tokenizer, null)
    plain.dispose()
  })

  it('says what is wrong with a folder', async () => {
    await selectEngine('cpu')
    await assert.rejects(loadModel(path.join(temporaryFolder(), 'missing')), /does not exist/)
    await assert.rejects(
      loadModel(temporaryFolder()),
      (error) => error instanceof FileFormatError && error.message.includes('config.json'),
    )
    const folder = writeTinyModel(temporaryFolder())
    fs.writeFileSync(path.join(folder, 'config.json'), '{')
    await assert.rejects(loadModel(folder), FileFormatError)
    const other = writeTinyModel(temporaryFolder())
    const config = JSON.parse(fs.readFileSync(path.join(other, 'config.json'), 'utf8')) as Record<string, unknown>
    fs.writeFileSync(path.join(other, 'config.json'), JSON.stringify({ ...config, num_hidden_layers: 3 }))
    await assert.rejects(loadModel(other), /model\.layers\.2\.\S+ is missing/)
  })

  it('refuses to compute on another backend than it was loaded on', async () => {
    for (const [one, other] of [BACKENDS, BACKENDS.toReversed()]) {
      await selectEngine(one)
      const model = await loadModel(temporaryTinyModel())
      const expected = sequenceLogits(model, TOKEN_IDS)
      await selectEngine(other)
      assert.throws(() => sequenceLogits(model, TOKEN_IDS), EngineError)
      await selectEngine(one)
      assert.deepEqual(sequenceLogits(model, TOKEN_IDS), expected)
      model.dispose()
    }
  })

  it('refuses to save an adapter that it does not have', async () => {
    await selectEngine('cpu')
    const model = await loadModel(temporaryTinyModel())
    await assert.rejects(model.saveAdapter(temporaryFolder()), ConfigError)
    model.dispose()
  })
})
