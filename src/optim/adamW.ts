import { ShapeError } from '../errors.js'

/** Options of {@link AdamW}, by the names that transformers has for them. */
export interface AdamWOptions {
  /** β₁: decay of the mean of the gradients. */
  readonly adamBeta1: number
  /** β₂: decay of the mean of the squared gradients. */
  readonly adamBeta2: number
  /** ε: added to the denominator. */
  readonly adamEpsilon: number
  /** Share of a parameter that a step of learning rate 1 would take off. */
  readonly weightDecay: number
}

/** What has to be stored to continue an optimization bit for bit. */
export interface AdamWState {
  /** Number of updates made. */
  step: number
  /** [size] running mean of the gradients. */
  m: Float32Array
  /** [size] running mean of the squared gradients. */
  v: Float32Array
}

/**
 * AdamW (decoupled weight decay, arXiv 1711.05101) with the semantics of torch.optim.AdamW, over one flat vector of
 * parameters on the host.
 *
 *     θ ← θ (1 - lr · weightDecay)
 *     m ← β₁ m + (1 - β₁) g
 *     v ← β₂ v + (1 - β₂) g²
 *     θ ← θ - lr / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε)
 *
 * Parameters and moments are f32; what lies between two stores is f64.
 */
export class AdamW {
  #step = 0
  readonly #m: Float32Array
  readonly #v: Float32Array

  constructor(
    size: number,
    private readonly options: AdamWOptions,
  ) {
    this.#m = new Float32Array(size)
    this.#v = new Float32Array(size)
  }

  /** Updates the parameters in place. A learning rate of 0 still updates the moments, as in torch. */
  step(
    parameters: Float32Array, // [size]
    gradients: Float32Array, // [size]
    learningRate: number,
  ): void {
    this.#check(parameters, 'parameters')
    this.#check(gradients, 'gradients')
    const { adamBeta1: beta1, adamBeta2: beta2, adamEpsilon, weightDecay } = this.options
    const m = this.#m
    const v = this.#v
    this.#step += 1
    const stepSize = learningRate / (1 - beta1 ** this.#step)
    const biasCorrection2 = Math.sqrt(1 - beta2 ** this.#step)
    const decay = 1 - learningRate * weightDecay
    for (let i = 0; i < parameters.length; i++) {
      const gradient = gradients[i]!
      m[i] = m[i]! + (1 - beta1) * (gradient - m[i]!)
      v[i] = beta2 * v[i]! + (1 - beta2) * gradient * gradient
      const update = m[i]! / (Math.sqrt(v[i]!) / biasCorrection2 + adamEpsilon)
      parameters[i] = parameters[i]! * decay - stepSize * update
    }
  }

  /** A copy of the state. */
  state(): AdamWState {
    return { step: this.#step, m: this.#m.slice(), v: this.#v.slice() }
  }

  /** Continues from a stored state. Throws {@link ShapeError} when it belongs to another number of parameters. */
  restore(state: AdamWState): void {
    this.#check(state.m, 'stored first moment')
    this.#check(state.v, 'stored second moment')
    this.#step = state.step
    this.#m.set(state.m)
    this.#v.set(state.v)
  }

  #check(vector: Float32Array, what: string): void {
    if (vector.length !== this.#m.length) {
      throw new ShapeError(`AdamW: ${what} has ${vector.length} numbers, expected ${this.#m.length}`)
    }
  }
}
