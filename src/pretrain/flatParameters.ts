import * as tf from '../bundled/tfjs.js'

/** What owns trainable tensors: a LoRA adapter, or a model whose weights are trained. */
export interface ParameterOwner {
  parameters(): readonly { readonly variable: tf.Variable }[]
}

/** The trainable tensors of an adapter or a model as one vector on the host: what the optimizer and the norm of the gradients work on. */
export class FlatParameters {
  readonly size: number
  readonly #variables: readonly tf.Variable[]

  constructor(owner: ParameterOwner) {
    this.#variables = owner.parameters().map(({ variable }) => variable)
    this.size = this.#variables.reduce((sum, { size }) => sum + size, 0)
  }

  get variables(): tf.Variable[] {
    return [...this.#variables]
  }

  /** A copy of the values, in the order of the owner's parameters. */
  async read(): Promise<Float32Array> {
    const values = new Float32Array(this.size)
    let at = 0
    for (const variable of this.#variables) {
      values.set(await variable.data(), at)
      at += variable.size
    }
    return values
  }

  /** Sets the variables from a vector in the same order. */
  write(values: Float32Array): void {
    let at = 0
    for (const variable of this.#variables) {
      const tensor = tf.tensor(values.slice(at, at + variable.size), variable.shape)
      variable.assign(tensor)
      tensor.dispose()
      at += variable.size
    }
  }

  /** Adds gradients of the variables, in their order, to a vector, and frees them. */
  async addGradients(gradients: readonly (tf.Tensor | null)[], sum: Float32Array): Promise<void> {
    let at = 0
    for (const [i, { size }] of this.#variables.entries()) {
      const gradient = gradients[i]
      if (gradient) {
        const values = await gradient.data()
        for (let j = 0; j < size; j++) sum[at + j]! += values[j]!
        gradient.dispose()
      }
      at += size
    }
  }
}
