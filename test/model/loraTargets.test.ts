import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import * as tf from '../../src/bundled/tfjs.js'
import { ConfigError, GrpoError, UnsupportedError } from '../../src/errors.js'
import { createLoraAdapter } from '../../src/model/lora.js'
import type { LoraOptions } from '../../src/model/loraOptions.js'
import { projectionName } from '../../src/model/modelTensors.js'
import { parsePeftConfig } from '../../src/model/peftConfig.js'
import { tinyConfig } from './tinyConfig.js'

interface PeftCase {
  options: Record<string, unknown> & { r: number; lora_alpha: number }
  /** Rank and scale of each adapted module. */
  modules?: Record<string, [number, number]>
  error?: string
}

const file = path.join(import.meta.dirname, '../fixtures/peft/targets.json')
const { layers, cases: all } = JSON.parse(fs.readFileSync(file, 'utf8')) as { layers: number; cases: PeftCase[] }
/** PEFT can adapt the output head, too. */
const [cases, withHead] = [false, true].map((hasHead) =>
  all.filter(({ modules }) => 'lm_head' in (modules ?? {}) === hasHead),
)
const config = tinyConfig({ num_hidden_layers: layers })

/** PEFT's options as ours. */
function ours({ r, lora_alpha: alpha, ...options }: PeftCase['options']): LoraOptions {
  const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const named = Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value]))
  return { r, alpha, ...named }
}

describe('model/loraTargets', () => {
  before(() => tf.setBackend('cpu'))

  it('selects the modules, ranks and scales that PEFT selects, from its files', () => {
    assert.ok(cases!.filter(({ modules }) => modules).length >= 30)
    for (const { options, modules } of cases!) {
      const read = (): Record<string, [number, number]> => {
        const { targets } = parsePeftConfig({ peft_type: 'LORA', ...options }, config, 'adapter_config.json')
        return Object.fromEntries(
          targets.map(({ layer, module, r, scale }) => [projectionName(layer, module), [r, scale]]),
        )
      }
      if (modules) assert.deepEqual(read(), modules, JSON.stringify(options))
      // A file in which layers_pattern has no layers_to_transform is not one of PEFT's.
      else if (options.layers_pattern === undefined || options.layers_to_transform !== undefined) {
        assert.throws(read, GrpoError, JSON.stringify(options))
      }
    }
  })

  it('makes the same adapters of options, but refuses what PEFT refuses, and entries that select nothing', () => {
    const idle: string[] = []
    for (const { options, modules } of cases!) {
      const text = JSON.stringify(options)
      const make = (): Record<string, [number, number]> => {
        const adapter = createLoraAdapter(config, ours(options))
        return Object.fromEntries(
          adapter.entries.map(({ layer, module, r, scale }) => [projectionName(layer, module), [r, scale]]),
        )
      }
      if (!modules) {
        assert.throws(make, (error) => error instanceof ConfigError || error instanceof UnsupportedError, text)
        continue
      }
      try {
        assert.deepEqual(make(), modules, text)
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        idle.push(error.message.replace(/ of the adapted.*/, ''))
      }
    }
    // PEFT ignores such entries.
    assert.deepEqual(idle, [
      "targetModules 'proj' selects none",
      "targetModules 'v_proj' selects none",
      "rankPattern 'proj', rankPattern 'attn.v_proj' selects none",
      "rankPattern '^q_proj' selects none",
      "rankPattern 'q' selects none",
    ])
  })

  it('refuses the output head', () => {
    assert.equal(withHead!.length, 2)
    for (const { options } of withHead!) {
      assert.throws(() => createLoraAdapter(config, ours(options)), /an adapter on lm_head is not supported/)
    }
  })

  it("takes 'all-linear' together with a choice of layers, which PEFT takes as a list only", () => {
    const adapter = createLoraAdapter(config, { layersToTransform: [1, 3] })
    assert.equal(adapter.entries.length, 14)
    assert.deepEqual([...new Set(adapter.entries.map(({ layer }) => layer))], [1, 3])
  })

  it('names what selects nothing', () => {
    const refused: [LoraOptions, RegExp][] = [
      [{ targetModules: ['q_proj', 'q_prj'] }, /targetModules 'q_prj' selects none/],
      [{ layersToTransform: [0, 12] }, /layersToTransform 12 selects none/],
      [{ targetModules: ['q_proj'], rankPattern: { v_proj: 4 } }, /rankPattern 'v_proj' selects none/],
      [{ alphaPattern: { 'layers.12.*': 4 } }, /alphaPattern 'layers\.12\.\*' selects none/],
    ]
    for (const [options, message] of refused) {
      assert.throws(
        () => createLoraAdapter(config, options),
        (error) => error instanceof ConfigError && message.test(error.message),
        JSON.stringify(options),
      )
    }
  })

  it('ends in time whatever the regular expression is', () => {
    const patterns = [
      '(([a-z_.0-9]*)*)*!',
      '(a{1,1000}){1,1000}'.repeat(50_000),
      'a?'.repeat(500_000),
      `(?:${'('.repeat(500_000)}`,
    ]
    for (const targetModules of patterns) {
      assert.throws(
        () => createLoraAdapter(config, { targetModules }),
        (error) => error instanceof UnsupportedError && error.message.length < 500,
      )
      assert.throws(() => createLoraAdapter(config, { rankPattern: { [targetModules]: 2 } }), UnsupportedError)
    }
  })
})
