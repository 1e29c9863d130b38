import type * as tf from '../../bundled/tfjs.js'
import type { ModelParameters } from '../../model/modelParameters.js'
import { createTrainableWeight } from '../../ops/weight.js'
import type { DecoderWeights } from './decoder.js'
import { assembleWeights } from './loadWeights.js'
import { ParameterTensors } from './parameterTensors.js'

/** All weights of a decoder as tensors that are trained; tied embeddings are one. */
export class WeightTensors extends ParameterTensors<ModelParameters> {
  readonly weights: DecoderWeights

  constructor(parameters: ModelParameters) {
    super(parameters)
    const byName = new Map(parameters.parameters().map(({ name }, i) => [name, this.variables[i]!]))
    this.weights = assembleWeights(parameters.config, {
      matrix: (name) => createTrainableWeight(byName.get(name) as tf.Variable<tf.Rank.R2>),
      vector: (name) => byName.get(name) as tf.Variable<tf.Rank.R1>,
      optionalVector: (name) => (byName.get(name) as tf.Variable<tf.Rank.R1> | undefined) ?? null,
    })
  }
}
