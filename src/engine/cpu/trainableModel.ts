import fs from 'node:fs'
import path from 'node:path'
import * as tf from '../../bundled/tfjs.js'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { atomicWriteJson } from '../../io/atomicWrite.js'
import { float32ToBfloat16 } from '../../io/dtypes.js'
import { writeSafetensors } from '../../io/safetensorsWriter.js'
import { linear } from '../../ops/linear.js'
import { createTrainableWeight } from '../../ops/weight.js'
import type { ModelConfig } from '../../model/config.js'
import { decode } from './decoder.js'
import type { DecoderWeights } from './decoder.js'
import { assembleWeights } from './loadWeights.js'
import { expectedTensors } from '../../model/modelTensors.js'
import { normal } from '../../model/normal.js'
import type { PackedBatch } from './packedBatch.js'

/** A parameter by its name in model.safetensors. */
export interface NamedParameter {
  readonly name: string
  readonly variable: tf.Variable
}

/** A decoder all of whose weights are trained, float32. */
export class TrainableModel {
  readonly #weights: DecoderWeights
  readonly #parameters: readonly NamedParameter[]

  constructor(
    readonly config: ModelConfig,
    /** The values that a parameter starts with. */
    values: (name: string, shape: readonly number[]) => Float32Array,
  ) {
    this.#parameters = [...expectedTensors(config)].map(([name, shape]) => ({
      name,
      variable: tf.tidy(() => tf.variable(tf.tensor(values(name, shape), shape))),
    }))
    const byName = new Map(this.#parameters.map(({ name, variable }) => [name, variable]))
    this.#weights = assembleWeights(config, {
      matrix: (name) => createTrainableWeight(byName.get(name) as tf.Variable<tf.Rank.R2>),
      vector: (name) => byName.get(name) as tf.Variable<tf.Rank.R1>,
      optionalVector: (name) => (byName.get(name) as tf.Variable<tf.Rank.R1> | undefined) ?? null,
    })
  }

  /** In the order of {@link expectedTensors}. */
  parameters(): readonly NamedParameter[] {
    return this.#parameters
  }

  /** Hidden states after the final norm. */
  forward(batch: PackedBatch): tf.Tensor2D /* [N, hidden] */ {
    return decode(this.config, this.#weights, null, batch)
  }

  /** Logits of the next token for some hidden states. */
  logits(hidden: tf.Tensor2D /* [n, hidden] */): tf.Tensor2D /* [n, V] */ {
    return linear(hidden, this.#weights.outputHead, null, null)
  }

  /** Writes config.json and model.safetensors in Hugging Face's layout, rounded to bfloat16. */
  save(folder: string): void {
    fs.mkdirSync(folder, { recursive: true })
    writeSafetensors(
      path.join(folder, 'model.safetensors'),
      this.#parameters.map(({ name, variable }) => ({
        name,
        dtype: 'BF16' as const,
        shape: variable.shape,
        data: () => float32ToBfloat16(variable.dataSync() as Float32Array),
      })),
    )
    atomicWriteJson(path.join(folder, 'config.json'), this.config.raw)
  }

  dispose(): void {
    for (const { variable } of this.#parameters) variable.dispose()
  }
}

/**
 * Values that a new model starts training with: norms 1, biases 0, matrices normally distributed with deviation 1/√in; what
 * writes into the residual stream (o_proj, down_proj) is smaller by √(2 · layers), so that the stream's size does not grow with
 * the depth (Radford et al. 2019, GPT-2). The same seed gives the same values.
 */
export function initialValues(
  config: ModelConfig,
  seed: number,
): (name: string, shape: readonly number[]) => Float32Array {
  const random = xoroshiro128plus(seed)
  return (name, shape) => {
    const [out, width] = shape
    if (width === undefined) return new Float32Array(out!).fill(name.endsWith('.bias') ? 0 : 1)
    const writesResidual = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight')
    const deviation = width ** -0.5 * (writesResidual ? (2 * config.numLayers) ** -0.5 : 1)
    return normal(out! * width, deviation, random)
  }
}
