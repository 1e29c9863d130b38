import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { ConfigError } from '../errors.js'
import { widenRows } from '../quantization/matrixSource.js'
import type { MatrixSource } from '../quantization/matrixSource.js'
import type { ModelConfig } from './config.js'
import { expectedTensors } from './modelTensors.js'
import { openModelWeights } from './weights/openModelWeights.js'
import { normal } from './normal.js'
import { Parameters } from './parameters.js'
import type { Parameter } from './parameters.js'

/** All weights of a model, float32, in the order of {@link expectedTensors}. */
export class ModelParameters extends Parameters {
  readonly dropout = 0
  readonly #parameters: readonly Parameter[]

  constructor(
    readonly config: ModelConfig,
    /** The values that a parameter starts with; they are copied. */
    valuesOf: (name: string, shape: readonly number[]) => Float32Array,
  ) {
    super(new Float32Array(countParameters(config)))
    let at = 0
    this.#parameters = [...expectedTensors(config)].map(([name, shape]) => {
      const values = this.values.subarray(at, (at += sizeOf(shape)))
      values.set(valuesOf(name, shape))
      return { name, shape, values }
    })
  }

  parameters(): readonly Parameter[] {
    return this.#parameters
  }
}

/** Number of weights of a model, as its configuration says; a matrix that two places share counts once. */
export function countParameters(config: ModelConfig): number {
  return [...expectedTensors(config).values()].reduce((sum, shape) => sum + sizeOf(shape), 0)
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}

/**
 * Reads a model's weights, widened to float32, from a folder in Hugging Face's layout.
 * @throws FileFormatError when tensors are missing, surplus or of another shape than the config says, ConfigError when they are
 *   quantised
 */
export function readModelParameters(folder: string, config: ModelConfig): ModelParameters {
  const weights = openModelWeights(folder, config)
  try {
    if (weights.quantization !== null) {
      throw new ConfigError(notTrainable(`the weights in ${folder}`, weights.quantization))
    }
    return new ModelParameters(config, (name, shape) =>
      shape.length === 1 ? weights.vector(name) : readMatrix(weights.matrix(name)),
    )
  } finally {
    weights.close()
  }
}

/** Why weights that are quantised are not trained, and what to do. */
export function notTrainable(what: string, format: string): string {
  return (
    `${what} are quantised (${format}), and whole numbers cannot be trained; train an adapter (withLora(), usePeft), or take the model ` +
    'as it was before, with dtype auto'
  )
}

/** A whole matrix in float32. */
function readMatrix(source: MatrixSource): Float32Array {
  return widenRows(source.read(0, source.shape[0]))
}

/**
 * Weights that a new model starts training with: norms 1, biases 0, matrices normally distributed with deviation 1/√in; what
 * writes into the residual stream (o_proj, down_proj) is smaller by √(2 · layers), so that the stream's size does not grow with
 * the depth (Radford et al. 2019, GPT-2). The same seed gives the same values.
 */
export function initialParameters(config: ModelConfig, seed: number): ModelParameters {
  const random = xoroshiro128plus(seed)
  return new ModelParameters(config, (name, shape) => {
    const [out, width] = shape
    if (width === undefined) return new Float32Array(out!).fill(name.endsWith('.bias') ? 0 : 1)
    const writesResidual = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight')
    const deviation = width ** -0.5 * (writesResidual ? (2 * config.numLayers) ** -0.5 : 1)
    return normal(out! * width, deviation, random)
  })
}
