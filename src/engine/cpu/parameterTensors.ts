import * as tf from '../../bundled/tfjs.js'
import type { Parameters } from '../../model/parameters.js'

/** Parameters as tensors that the forward pass takes and gradients are taken of. */
export class ParameterTensors<Trained extends Parameters = Parameters> {
  /** In the order of the parameters. */
  readonly variables: readonly tf.Variable[]
  /** Of the values that the tensors hold. */
  #version: number

  constructor(readonly parameters: Trained) {
    this.#version = parameters.version
    this.variables = parameters
      .parameters()
      .map(({ values, shape }) => tf.tidy(() => tf.variable(tf.tensor(values.slice(), [...shape]))))
  }

  /** Takes over the values where they have changed. */
  refresh(): void {
    if (this.#version === this.parameters.version) return
    this.#version = this.parameters.version
    const { variables } = this
    tf.tidy(() => {
      // One upload for all of them. The values are copied: the backend may keep what it is given.
      const flat = tf.tensor1d(this.parameters.values.slice())
      const parts = tf.split(
        flat,
        variables.map(({ size }) => size),
      )
      for (const [i, variable] of variables.entries()) variable.assign(tf.reshape(parts[i]!, variable.shape))
    })
  }

  dispose(): void {
    tf.dispose([...this.variables])
  }
}
