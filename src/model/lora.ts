import * as tf from '../bundled/tfjs.js'
import { uniformFloat32 } from 'pure-rand/distribution/uniformFloat32'
import { mersenne } from 'pure-rand/generator/mersenne'
import { ConfigError } from '../errors.js'
import { quote } from '../io/json.js'
import type { ModelConfig } from './config.js'
import { projectionName, projections, projectionShape } from './modelTensors.js'
import type { Projection } from './modelTensors.js'

/** A linear layer that LoRA can adapt: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj or down_proj. */
export type LoraModule = Projection

export interface LoraOptions {
  /** Rank of the update. Defaults to 8. */
  r?: number
  /** The update counts alpha / r times. Defaults to 16. */
  alpha?: number
  /** Which linear layers are adapted, in every decoder layer. Defaults to 'all-linear', all seven. */
  targetModules?: 'all-linear' | readonly LoraModule[]
  /** An integer from 0 to 2^32 − 1. Defaults to 0. */
  seed?: number
}

/** The low-rank update of one linear layer: its weight W acts as W + scale · B · A. */
export interface LoraEntry {
  readonly layer: number
  readonly module: LoraModule
  readonly r: number
  readonly alpha: number
  readonly scale: number
  readonly a: tf.Variable<tf.Rank.R2> // [r, in]
  readonly b: tf.Variable<tf.Rank.R2> // [out, r]
}

/** Rank and alpha that count where an entry has no others of its own. */
export interface LoraSettings {
  readonly r: number
  readonly alpha: number
  /** Rank-stabilised LoRA (https://arxiv.org/abs/2312.03732): scale = alpha / √r instead of alpha / r. */
  readonly useRslora: boolean
}

/** alpha / r, or alpha / √r with rank-stabilised LoRA. */
export function loraScale({ r, alpha, useRslora }: LoraSettings): number {
  return alpha / (useRslora ? Math.sqrt(r) : r)
}

/** Trainable low-rank updates of a model's linear layers (LoRA, https://arxiv.org/abs/2106.09685). */
export class LoraAdapter {
  readonly r: number
  readonly alpha: number
  readonly useRslora: boolean
  readonly scale: number
  /** The adapted modules, in the order in which a layer computes them. */
  readonly targetModules: readonly LoraModule[]
  /** By layer, then in the order of `targetModules`. */
  readonly entries: readonly LoraEntry[]
  private readonly entriesByName: ReadonlyMap<string, LoraEntry>

  /** Takes over the entries' variables: dispose() frees them. */
  constructor(
    settings: LoraSettings,
    /** Layers of the model, adapted or not. */
    readonly numLayers: number,
    entries: readonly LoraEntry[],
  ) {
    this.r = settings.r
    this.alpha = settings.alpha
    this.useRslora = settings.useRslora
    this.scale = loraScale(settings)
    this.targetModules = projections.filter((module) => entries.some((entry) => entry.module === module))
    this.entries = entries.toSorted(
      (x, y) => x.layer - y.layer || projections.indexOf(x.module) - projections.indexOf(y.module),
    )
    this.entriesByName = new Map(entries.map((entry) => [projectionName(entry.layer, entry.module), entry]))
  }

  /** The update of one linear layer; undefined where it has none. */
  entry(layer: number, module: LoraModule): LoraEntry | undefined {
    return this.entriesByName.get(projectionName(layer, module))
  }

  /** Every A and B with its name in a PEFT file: by layer, then in the order of `targetModules`, A before B. */
  parameters(): { name: string; variable: tf.Variable<tf.Rank.R2> }[] {
    return this.entries.flatMap(({ layer, module, a, b }) => [
      { name: peftTensorName(layer, module, 'A'), variable: a },
      { name: peftTensorName(layer, module, 'B'), variable: b },
    ])
  }

  dispose(): void {
    for (const { variable } of this.parameters()) variable.dispose()
  }
}

/** The key of an A or B in adapter_model.safetensors. */
export function peftTensorName(layer: number, module: LoraModule, matrix: 'A' | 'B'): string {
  return `base_model.model.${projectionName(layer, module)}.lora_${matrix}.weight`
}

/** A variable [rows, columns] of the given values. */
export function loraVariable(values: Float32Array, shape: [number, number]): tf.Variable<tf.Rank.R2> {
  return tf.tidy(() => tf.variable(tf.tensor2d(values, shape)))
}

/**
 * A new adapter that changes nothing yet, initialised as PEFT does: B is zero and A uniform between −1/√in and 1/√in
 * (kaiming_uniform with a = √5). The same seed gives the same A on every machine. Throws a ConfigError for options
 * out of range.
 */
export function createLoraAdapter(config: ModelConfig, options: LoraOptions = {}): LoraAdapter {
  const { r = 8, alpha = 16, targetModules = 'all-linear', seed = 0 } = options
  checkOptions({ r, alpha, targetModules, seed })
  const settings = { r, alpha, useRslora: false }
  const random = mersenne(seed)
  const entries: LoraEntry[] = []
  for (let layer = 0; layer < config.numLayers; layer++) {
    for (const module of projections) {
      if (targetModules !== 'all-linear' && !targetModules.includes(module)) continue
      const [outSize, inSize] = projectionShape(config, module)
      const bound = 1 / Math.sqrt(inSize)
      const a = Float32Array.from({ length: r * inSize }, () => (2 * uniformFloat32(random) - 1) * bound)
      entries.push({
        layer,
        module,
        r,
        alpha,
        scale: loraScale(settings),
        a: loraVariable(a, [r, inSize]),
        b: loraVariable(new Float32Array(outSize * r), [outSize, r]),
      })
    }
  }
  return new LoraAdapter(settings, config.numLayers, entries)
}

function checkOptions({ r, alpha, targetModules, seed }: Required<LoraOptions>): void {
  if (!Number.isSafeInteger(r) || r < 1) throw new ConfigError(`r must be an integer of at least 1, got ${r}`)
  if (!Number.isFinite(alpha) || alpha <= 0) throw new ConfigError(`alpha must be a number above 0, got ${alpha}`)
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new ConfigError(`seed must be an integer from 0 to ${2 ** 32 - 1}, got ${seed}`)
  }
  if (targetModules === 'all-linear') return
  // From a YAML file or JavaScript it may be anything.
  const given: unknown = targetModules
  const listed: unknown[] = Array.isArray(given) ? given : []
  const unknown = listed.length > 0 ? listed.find((module) => !projections.some((known) => known === module)) : given
  if (unknown !== undefined) {
    throw new ConfigError(
      `targetModules must be 'all-linear' or a list of ${projections.join(', ')}, got ${quote(unknown)}`,
    )
  }
}
