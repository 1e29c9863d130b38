import { ShapeError } from '../errors.js'

/** One of the tensors that are trained. */
export interface Parameter {
  /** Its key in the file that it is saved in. */
  readonly name: string
  /** Its dimensions. */
  readonly shape: readonly number[]
  /** [shape] A view of the vector of all. */
  readonly values: Float32Array
}

/**
 * What is trained, as one float32 vector on the host: what the norm of the gradients and the optimizer work on. An engine computes
 * with its own copy.
 */
export abstract class Parameters {
  #version = 0

  protected constructor(
    /** Of all parameters, in the order of {@link parameters}; changed by {@link setValues} and {@link update} only. */
    readonly values: Float32Array,
  ) {}

  /** Probability with which a number that goes into what is trained is left out in the training pass. */
  abstract readonly dropout: number

  /** All tensors, one behind the other in the vector. */
  abstract parameters(): readonly Parameter[]

  /** Names and shapes, in their order: vectors of the same layout can take each other's place. */
  layout(): (readonly [name: string, shape: readonly number[]])[] {
    return this.parameters().map(({ name, shape }) => [name, shape] as const)
  }

  /** How often the values have changed: an engine takes over those of another version before it computes. */
  get version(): number {
    return this.#version
  }

  /** Throws a ShapeError for another number of values. */
  setValues(values: ArrayLike<number>): void {
    if (values.length !== this.values.length) {
      throw new ShapeError(`there are ${this.values.length} values, got ${values.length}`)
    }
    this.update((own) => {
      own.set(values)
    })
  }

  /** Changes the values in place. */
  update(change: (values: Float32Array) => void): void {
    change(this.values)
    this.#version++
  }
}
