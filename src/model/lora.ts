import * as tf from '../bundled/tfjs.js'
import { uniformFloat32 } from 'pure-rand/distribution/uniformFloat32'
import { mersenne } from 'pure-rand/generator/mersenne'
import { ConfigError } from '../errors.js'
import type { ModelConfig } from './config.js'
import { loraSettings } from './loraOptions.js'
import type { LoraModule, LoraOptions } from './loraOptions.js'
import { idleEntries, selectModules } from './loraTargets.js'
import type { LoraSelection } from './loraTargets.js'
import { projectionName, projections, projectionShape } from './modelTensors.js'

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

/** What holds for a whole adapter. */
export interface LoraSettings {
  /** Rank where a module has no other of its own. */
  readonly r: number
  /** Alpha where a module has no other of its own. */
  readonly alpha: number
  /** Rank-stabilised LoRA (https://arxiv.org/abs/2312.03732): scale = alpha / √r instead of alpha / r. */
  readonly useRslora: boolean
  /** Probability with which a number that goes into A is left out in the training pass. */
  readonly dropout: number
  readonly selection: LoraSelection
}

/** A linear layer that is adapted, with its rank and scale. */
export type LoraTarget = Omit<LoraEntry, 'a' | 'b'>

/** The linear layers of a model that settings select. Throws a ConfigError or an UnsupportedError, see {@link selectModules}. */
export function loraTargets(config: ModelConfig, settings: LoraSettings): LoraTarget[] {
  return selectModules(config, settings.selection).map(({ layer, module, ...own }) => {
    const r = own.r ?? settings.r
    const alpha = own.alpha ?? settings.alpha
    return { layer, module, r, alpha, scale: loraScale({ r, alpha, useRslora: settings.useRslora }) }
  })
}

/** alpha / r, or alpha / √r with rank-stabilised LoRA. */
export function loraScale({ r, alpha, useRslora }: Pick<LoraSettings, 'r' | 'alpha' | 'useRslora'>): number {
  return alpha / (useRslora ? Math.sqrt(r) : r)
}

/** Trainable low-rank updates of a model's linear layers (LoRA, https://arxiv.org/abs/2106.09685). */
export class LoraAdapter {
  readonly r: number
  readonly alpha: number
  /** Of modules that have no rank or alpha of their own. */
  readonly scale: number
  readonly dropout: number
  /** The adapted modules, in the order in which a layer computes them. */
  readonly targetModules: readonly LoraModule[]
  /** By layer, then in the order of `targetModules`. */
  readonly entries: readonly LoraEntry[]
  private readonly entriesByName: ReadonlyMap<string, LoraEntry>

  /** Takes over the entries' variables: dispose() frees them. */
  constructor(
    readonly settings: LoraSettings,
    /** Layers of the model, adapted or not. */
    readonly numLayers: number,
    entries: readonly LoraEntry[],
  ) {
    this.r = settings.r
    this.alpha = settings.alpha
    this.scale = loraScale(settings)
    this.dropout = settings.dropout
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
 * (kaiming_uniform with a = √5). The same seed gives the same A on every machine.
 * @throws ConfigError for options out of range, and for names, patterns and layers that select nothing
 */
export function createLoraAdapter(config: ModelConfig, options: LoraOptions = {}): LoraAdapter {
  const { seed, ...settings } = loraSettings(options)
  const idle = idleEntries(config, settings.selection)
  if (idle.length > 0) {
    const names = `${projectionName(0, 'q_proj')}, …, ${projectionName(config.numLayers - 1, 'down_proj')}`
    throw new ConfigError(`${idle.join(', ')} selects none of the adapted linear layers; the model has ${names}`)
  }
  const random = mersenne(seed)
  const entries = loraTargets(config, settings).map((target) => {
    const { r, module } = target
    const [outSize, inSize] = projectionShape(config, module)
    const bound = 1 / Math.sqrt(inSize)
    const a = Float32Array.from({ length: r * inSize }, () => (2 * uniformFloat32(random) - 1) * bound)
    return { ...target, a: loraVariable(a, [r, inSize]), b: loraVariable(new Float32Array(outSize * r), [outSize, r]) }
  })
  return new LoraAdapter(settings, config.numLayers, entries)
}
