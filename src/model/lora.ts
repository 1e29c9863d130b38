import { uniformFloat32 } from 'pure-rand/distribution/uniformFloat32'
import { mersenne } from 'pure-rand/generator/mersenne'
import { ConfigError } from '../errors.js'
import type { ModelConfig } from './config.js'
import { loraSettings } from './loraOptions.js'
import type { LoraModule, LoraOptions } from './loraOptions.js'
import { idleEntries, selectModules } from './loraTargets.js'
import type { LoraSelection } from './loraTargets.js'
import { projectionName, projections, projectionShape } from './modelTensors.js'
import { Parameters } from './parameters.js'

/** A linear layer that is adapted, with its rank and scale. */
export interface LoraTarget {
  readonly layer: number
  readonly module: LoraModule
  readonly r: number
  readonly alpha: number
  readonly scale: number
}

/** A matrix of an adapter: part of its vector of values. */
export interface LoraMatrix {
  readonly shape: readonly [rows: number, columns: number]
  readonly values: Float32Array // [rows · columns], a view of the adapter's values
}

/** The low-rank update of one linear layer: its weight W acts as W + scale · B · A. */
export interface LoraEntry extends LoraTarget {
  readonly a: LoraMatrix // [r, in]
  readonly b: LoraMatrix // [out, r]
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

/** The linear layers of a model that settings select. Throws a ConfigError or an UnsupportedError, see {@link selectModules}. */
export function loraTargets(config: ModelConfig, settings: LoraSettings): LoraTarget[] {
  return selectModules(config, settings.selection).map(({ layer, module, ...own }) => {
    const r = own.r ?? settings.r
    const alpha = own.alpha ?? settings.alpha
    return { layer, module, r, alpha, scale: loraScale({ r, alpha, useRslora: settings.useRslora }) }
  })
}

/** alpha / r, or alpha / √r with rank-stabilised LoRA. */
function loraScale({ r, alpha, useRslora }: Pick<LoraSettings, 'r' | 'alpha' | 'useRslora'>): number {
  return alpha / (useRslora ? Math.sqrt(r) : r)
}

/** Trainable low-rank updates of a model's linear layers (LoRA, https://arxiv.org/abs/2106.09685). */
export class LoraAdapter extends Parameters {
  /** Rank of modules that have none of their own. */
  readonly r: number
  /** Alpha of modules that have none of their own. */
  readonly alpha: number
  /** Of modules that have no rank or alpha of their own. */
  readonly scale: number
  readonly dropout: number
  /** The adapted modules, in the order in which a layer computes them. */
  readonly targetModules: readonly LoraModule[]
  /** By layer, then in the order of `targetModules`. */
  readonly entries: readonly LoraEntry[]

  /** Copies the values of the modules. */
  constructor(
    /** What holds for the whole adapter. */
    readonly settings: LoraSettings,
    /** Of the model that it belongs to. */
    readonly config: ModelConfig,
    modules: readonly AdapterMatrices[],
  ) {
    super(new Float32Array(modules.reduce((sum, { a, b }) => sum + a.length + b.length, 0)))
    this.r = settings.r
    this.alpha = settings.alpha
    this.scale = loraScale(settings)
    this.dropout = settings.dropout
    this.targetModules = projections.filter((module) => modules.some((one) => one.module === module))
    const ordered = modules.toSorted(
      (x, y) => x.layer - y.layer || projections.indexOf(x.module) - projections.indexOf(y.module),
    )
    let at = 0
    const take = (values: Float32Array, shape: LoraMatrix['shape']): LoraMatrix => {
      const own = this.values.subarray(at, (at += values.length))
      own.set(values)
      return { shape, values: own }
    }
    this.entries = ordered.map(({ a, b, ...target }) => {
      const shapes = loraShapes(config, target)
      return { ...target, a: take(a, shapes.a), b: take(b, shapes.b) }
    })
  }

  /** Layers of the model, adapted or not. */
  get numLayers(): number {
    return this.config.numLayers
  }

  /** Every A and B with its name in a PEFT file: by layer, then in the order of `targetModules`, A before B. */
  parameters(): (LoraMatrix & { readonly name: string })[] {
    return this.entries.flatMap(({ layer, module, a, b }) => [
      { ...a, name: peftTensorName(layer, module, 'A') },
      { ...b, name: peftTensorName(layer, module, 'B') },
    ])
  }
}

/** An adapted linear layer with the values of its matrices. */
export interface AdapterMatrices extends LoraTarget {
  readonly a: Float32Array // [r, in]
  readonly b: Float32Array // [out, r]
}

/** Shapes of A and B. */
export function loraShapes(
  config: ModelConfig,
  { module, r }: Pick<LoraTarget, 'module' | 'r'>,
): { a: [number, number]; b: [number, number] } {
  const [outSize, inSize] = projectionShape(config, module)
  return { a: [r, inSize], b: [outSize, r] }
}

/** The key of an A or B in adapter_model.safetensors. */
export function peftTensorName(layer: number, module: LoraModule, matrix: 'A' | 'B'): string {
  return `base_model.model.${projectionName(layer, module)}.lora_${matrix}.weight`
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
  const modules = loraTargets(config, settings).map((target) => {
    const { r, module } = target
    const [outSize, inSize] = projectionShape(config, module)
    const bound = 1 / Math.sqrt(inSize)
    const a = Float32Array.from({ length: r * inSize }, () => (2 * uniformFloat32(random) - 1) * bound)
    return { ...target, a, b: new Float32Array(outSize * r) }
  })
  return new LoraAdapter(settings, config, modules)
}
