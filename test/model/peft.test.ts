import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError, GrpoError, UnsupportedError } from '../../src/errors.js'
import { Safetensors } from '../../src/io/safetensors.js'
import { writeSafetensors } from '../../src/io/safetensorsWriter.js'
import { parseModelConfig } from '../../src/model/config.js'
import { createLoraAdapter } from '../../src/model/lora.js'
import type { LoraAdapter } from '../../src/model/lora.js'
import { loadAdapter, saveAdapter } from '../../src/model/peft.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { requireShared } from '../shared.js'
import { tinyConfig } from './tinyConfig.js'

/**
 * Adapters that PEFT 0.21.2 saved for a Llama of tinyConfig's sizes, B drawn from a normal distribution: `patterns`
 * (F32) and `someLayers` (BF16). test/fixtures/peft/make.py made them.
 */
const fixture = (name: string) => path.resolve(import.meta.dirname, '../fixtures/peft', name)

function readJson(...parts: string[]): Record<string, unknown> {
  return JSON.parse(fs.readFileSync(path.join(...parts), 'utf8')) as Record<string, unknown>
}

/** Module name → rank and scale, in order. */
function scales(adapter: LoraAdapter): Record<string, [number, number]> {
  return Object.fromEntries(adapter.entries.map(({ layer, module, r, scale }) => [`${layer} ${module}`, [r, scale]]))
}

function values(adapter: LoraAdapter): Record<string, number[]> {
  return Object.fromEntries(adapter.parameters().map((parameter) => [parameter.name, [...parameter.values]]))
}

/** Puts another value into an adapter's B, which is zero at first. */
function fillB(adapter: LoraAdapter, value: number): void {
  for (const { b } of adapter.entries) b.values.fill(value)
}

/** Runs a test with an adapter. */
function withAdapter(adapter: LoraAdapter, body: (adapter: LoraAdapter) => void): void {
  body(adapter)
}

describe('saveAdapter and loadAdapter', () => {
  const temporary = useTemporaryFolder()
  const config = tinyConfig()

  it('says of an adapter of MLX what it is', () => {
    fs.writeFileSync(temporary('adapters.safetensors'), '')
    fs.writeFileSync(temporary('adapter_config.json'), '{"fine_tune_type":"lora"}')
    assert.throws(() => loadAdapter(temporary(), config), /holds an adapter of MLX .* expected PEFT's/)
  })

  it('gives back what was saved, bit for bit', () => {
    withAdapter(
      createLoraAdapter(config, { r: 3, alpha: 5, targetModules: ['v_proj', 'q_proj'], seed: 7 }),
      (saved) => {
        fillB(saved, 0.1)
        saveAdapter(temporary('new', 'adapter'), saved, 'some/model')
        withAdapter(loadAdapter(temporary('new', 'adapter'), config), (loaded) => {
          assert.deepEqual(values(loaded), values(saved))
          assert.deepEqual([loaded.r, loaded.alpha, loaded.scale], [3, 5, 5 / 3])
          assert.deepEqual(loaded.targetModules, ['q_proj', 'v_proj'])
        })
      },
    )
    assert.deepEqual(fs.readdirSync(temporary('new', 'adapter')).sort(), [
      'adapter_config.json',
      'adapter_model.safetensors',
    ])
  })

  it("writes PEFT's files", () => {
    withAdapter(createLoraAdapter(config, { r: 2, alpha: 4, targetModules: ['v_proj', 'o_proj'] }), (adapter) => {
      saveAdapter(temporary(), adapter, 'some/model')
    })
    const json = readJson(temporary('adapter_config.json'))
    assert.deepEqual(json, {
      alpha_pattern: {},
      auto_mapping: null,
      base_model_name_or_path: 'some/model',
      bias: 'none',
      exclude_modules: null,
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
      layers_pattern: null,
      layers_to_transform: null,
      lora_alpha: 4,
      lora_bias: false,
      lora_dropout: 0,
      modules_to_save: null,
      peft_type: 'LORA',
      peft_version: '0.21.2',
      r: 2,
      rank_pattern: {},
      revision: null,
      target_modules: ['o_proj', 'v_proj'],
      task_type: 'CAUSAL_LM',
      use_dora: false,
      use_rslora: false,
    })
    assert.deepEqual(Object.keys(json), Object.keys(json).sort())
    const tensors = Safetensors.open(temporary('adapter_model.safetensors'))
    assert.deepEqual(tensors.metadata, { format: 'pt' })
    assert.equal(tensors.names().length, 8)
    const { dtype, shape } = tensors.info('base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight')
    assert.deepEqual([dtype, shape], ['F32', [4, 2]])
    tensors.close()
  })

  it('loads ranks and alphas per module, a regular expression and rank-stabilised LoRA as PEFT does', () => {
    withAdapter(loadAdapter(fixture('patterns'), config), (adapter) => {
      // PEFT's own r and scaling of each module.
      assert.deepEqual(scales(adapter), {
        '0 q_proj': [4, 3],
        '0 v_proj': [4, 4.75],
        '0 down_proj': [2, 4.242640687119285],
        '1 q_proj': [3, 3.464101615137755],
        '1 v_proj': [4, 3],
        '1 down_proj': [2, 4.242640687119285],
      })
      assert.deepEqual(adapter.targetModules, ['q_proj', 'v_proj', 'down_proj'])
    })
  })

  it('loads BF16 tensors and a choice of layers', () => {
    withAdapter(loadAdapter(fixture('someLayers'), config), (adapter) => {
      assert.deepEqual(scales(adapter), { '1 o_proj': [2, 2], '1 up_proj': [2, 2] })
      assert.equal(
        adapter.entries.find(({ layer }) => layer === 0),
        undefined,
      )
      const tensors = Safetensors.open(fixture('someLayers'), { base: 'adapter_model' })
      const stored = tensors.readFloat32('base_model.model.model.layers.1.mlp.up_proj.lora_B.weight')
      tensors.close()
      assert.ok(stored.some((value) => value !== 0))
      assert.deepEqual(adapter.entries.find(({ module }) => module === 'up_proj')!.b.values.slice(), stored)
    })
  })

  for (const name of ['patterns', 'someLayers']) {
    it(`keeps the meaning of ${name} when it is saved again`, () => {
      withAdapter(loadAdapter(fixture(name), config), (first) => {
        saveAdapter(temporary(), first, 'tiny-llama')
        withAdapter(loadAdapter(temporary(), config), (second) => {
          assert.deepEqual(scales(second), scales(first))
          assert.deepEqual(values(second), values(first))
          assert.deepEqual(second.settings, first.settings)
        })
      })
    })
  }

  /** Saves an adapter on q_proj with other values in its config, then loads it. */
  function reloadWith(changes: Record<string, unknown>): LoraAdapter {
    withAdapter(createLoraAdapter(config, { r: 2, targetModules: ['q_proj'] }), (adapter) => {
      saveAdapter(temporary(), adapter, 'tiny')
    })
    const file = temporary('adapter_config.json')
    fs.writeFileSync(file, JSON.stringify({ ...readJson(file), ...changes }))
    return loadAdapter(temporary(), config)
  }

  it('understands the ways to name target modules', () => {
    const ways: Record<string, unknown>[] = [
      { target_modules: ['self_attn.q_proj', 'query_key_value'] },
      { target_modules: ['model.layers.0.self_attn.q_proj', 'model.layers.1.self_attn.q_proj'] },
      { target_modules: '.*q_proj' },
      {
        target_modules: '.*_proj',
        exclude_modules: ['k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
      },
      { target_modules: '.*_proj', exclude_modules: '.*(mlp|[kvo]_proj).*' },
      { target_modules: ['q_proj'], layers_to_transform: [0, 1], layers_pattern: 'layers' },
      { target_modules: ['q_proj'], layers_to_transform: [] },
      { target_modules: 'all-linear', exclude_modules: '.*(mlp|[kvo]_proj).*' },
    ]
    for (const changes of ways) {
      withAdapter(reloadWith(changes), (adapter) => {
        assert.deepEqual(scales(adapter), { '0 q_proj': [2, 8], '1 q_proj': [2, 8] })
      })
    }
  })

  it("understands 'all-linear'", () => {
    withAdapter(createLoraAdapter(config, { r: 1 }), (adapter) => {
      saveAdapter(temporary(), adapter, 'tiny')
    })
    const file = temporary('adapter_config.json')
    fs.writeFileSync(file, JSON.stringify({ ...readJson(file), target_modules: 'all-linear' }))
    withAdapter(loadAdapter(temporary(), config), (adapter) => {
      assert.equal(adapter.entries.length, 14)
    })
  })

  const unsupported: [Record<string, unknown>, RegExp][] = [
    [{ use_dora: true }, /DoRA \(use_dora is true\)/],
    [{ bias: 'lora_only' }, /trained biases \(bias is 'lora_only'\).*bias 'none'/],
    [{ lora_bias: true }, /a bias on B/],
    [{ modules_to_save: ['lm_head'] }, /modules that were trained whole/],
    [{ peft_type: 'IA3' }, /another method than LoRA \(peft_type is 'IA3'\)/],
    [{ task_type: 'SEQ_CLS' }, /another task/],
    [{ trainable_token_indices: [1] }, /trained token embeddings/],
    [{ init_lora_weights: 'pissa_niter_4' }, /base model that its initialisation changed/],
    [{ target_modules: ['q_proj', 'lm_head'] }, /an adapter on lm_head is not supported/],
    [{ target_modules: '.*(q_proj|embed_tokens)' }, /an adapter on model.embed_tokens/],
    [{ target_modules: '(?P<x>q_proj)' }, /regular expression.*Invalid group/],
    [{ target_modules: '(([a-z_.0-9]*)*)*!' }, /regular expression.*timed out/],
  ]
  for (const [changes, message] of unsupported) {
    it(`refuses ${JSON.stringify(changes)}`, () => {
      assert.throws(
        () => reloadWith(changes),
        (error) => error instanceof UnsupportedError && message.test(error.message),
      )
    })
  }

  const impossible: [Record<string, unknown>, RegExp][] = [
    [{ r: 3 }, /q_proj.lora_A.weight has shape \[2, 8\], expected \[3, 8\]/],
    [{ r: 0 }, /r must be at least 1, got 0/],
    [{ lora_alpha: '16' }, /lora_alpha must be of type number, got '16'/],
    [{ target_modules: null }, /target_modules must be a string or a list of strings, got null/],
    [{ target_modules: ['c_attn'] }, /selects none of the model's linear layers/],
    [{ target_modules: ['q_proj', 'k_proj'] }, /layers.0.self_attn.k_proj.lora_A.weight is missing/],
    [{ layers_to_transform: 0 }, /layers.1.self_attn.q_proj.lora_A.weight' is surplus/],
    [{ target_modules: '.*q_proj', layers_to_transform: 0 }, /needs a list in target_modules/],
    [{ layers_to_transform: 0, layers_pattern: 'blocks' }, /layers_pattern \[ 'blocks' \] selects none/],
    [{ rank_pattern: { q_proj: 'x' } }, /rank_pattern.q_proj must be of type number/],
  ]
  for (const [changes, message] of impossible) {
    it(`rejects ${JSON.stringify(changes)}`, () => {
      assert.throws(
        () => reloadWith(changes),
        (error) => error instanceof FileFormatError && message.test(error.message),
      )
    })
  }

  it('refuses tensors that are not plain LoRA', () => {
    const cases: [string, RegExp][] = [
      ['base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector', /DoRA/],
      ['base_model.model.lm_head.lora_A.weight', /output head/],
      ['base_model.model.model.embed_tokens.lora_embedding_A', /token embedding/],
      ['base_model.model.model.layers.0.self_attn.q_proj.lora_B.bias', /trained biases/],
    ]
    for (const [name, message] of cases) {
      reloadWith({})
      const tensors = [{ name, dtype: 'F32', shape: [1], data: new Float32Array(1) } as const]
      writeSafetensors(temporary('adapter_model.safetensors'), tensors)
      assert.throws(
        () => loadAdapter(temporary(), config),
        (error) => error instanceof UnsupportedError && message.test(error.message),
      )
    }
  })

  it('names a file that is missing or broken', () => {
    assert.throws(() => loadAdapter(temporary('nowhere'), config), /adapter_config.json: cannot be read.*folder holds/)
    reloadWith({})
    fs.renameSync(temporary('adapter_model.safetensors'), temporary('adapter_model.bin'))
    assert.throws(() => loadAdapter(temporary(), config), /adapter_model.bin holds pickled tensors/)
    fs.rmSync(temporary('adapter_model.bin'))
    assert.throws(() => loadAdapter(temporary(), config), FileFormatError)
    fs.writeFileSync(temporary('adapter_config.json'), '{')
    assert.throws(() => loadAdapter(temporary(), config), FileFormatError)
    fs.writeFileSync(temporary('adapter_config.json'), '[]')
    assert.throws(() => loadAdapter(temporary(), config), /expected a JSON object/)
  })

  it('keeps an earlier adapter when saving fails', () => {
    withAdapter(createLoraAdapter(config, { r: 2 }), (earlier) => {
      saveAdapter(temporary('adapter'), earlier, 'tiny')
      const before = fs.readdirSync(temporary('adapter')).map((name) => fs.readFileSync(temporary('adapter', name)))
      const broken = createLoraAdapter(config, { r: 3 })
      Object.defineProperty(broken, 'parameters', {
        value: () => [{ name: 'x', shape: [2, 2], values: new Float32Array(3) }],
      })
      assert.throws(() => {
        saveAdapter(temporary('adapter'), broken, 'tiny')
      })
      const after = fs.readdirSync(temporary('adapter')).map((name) => fs.readFileSync(temporary('adapter', name)))
      assert.deepEqual(after, before)
    })
  })

  it('says so when the folder cannot be written to', () => {
    fs.writeFileSync(temporary('file'), '')
    withAdapter(createLoraAdapter(config, { r: 2 }), (adapter) => {
      assert.throws(() => {
        saveAdapter(temporary('file'), adapter, 'tiny')
      }, GrpoError)
    })
  })

  for (const [name, model] of [
    ['llama-mha_r4_all', 'llama-mha'],
    ['qwen2-gqa-tied_r8_qv', 'qwen2-gqa-tied'],
    ['qwen3-tied_r4_alllinear', 'qwen3-tied-newstyle'],
  ] as const) {
    it(`loads golden/lora/${name} and saves the same file`, function () {
      const folder = requireShared(this, 'golden', 'lora', name)
      const modelFile = requireShared(this, 'golden', 'models', model, 'config.json')
      const modelConfig = parseModelConfig(readJson(modelFile), modelFile)
      const original = readJson(folder, 'adapter_config.json')
      withAdapter(loadAdapter(folder, modelConfig), (adapter) => {
        assert.equal(adapter.scale, Number(original.lora_alpha) / Number(original.r))
        saveAdapter(temporary(), adapter, String(original.base_model_name_or_path))
        withAdapter(loadAdapter(temporary(), modelConfig), (again) => {
          assert.deepEqual(scales(again), scales(adapter))
        })
      })
      const tensors = 'adapter_model.safetensors'
      assert.deepEqual(fs.readFileSync(temporary(tensors)), fs.readFileSync(path.join(folder, tensors)))
      const saved = readJson(temporary('adapter_config.json'))
      for (const [key, value] of Object.entries(saved)) {
        // PEFT lists every layer's modules for all-linear; their last parts mean the same.
        if (key !== 'target_modules' || name !== 'qwen3-tied_r4_alllinear') assert.deepEqual(value, original[key], key)
      }
    })
  }
})
