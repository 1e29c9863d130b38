import * as tf from '../bundled/tfjs.js'
import type { KernelName } from './kernelSets.js'
import type { Weight } from './weight.js'

/**
 * What a kernel reads beside its inputs: weights, biases and results that are known. Nothing is differentiated by them, the tape
 * does not keep them alive, and tfjs does not move them to another backend; their owner sees to that.
 */
export type Frozen = Readonly<Record<string, Weight | tf.Tensor | null>>

/** Whether the current backend has a kernel of its own for an op; without one, the op's reference composition is used. */
export function hasKernel(kernelName: KernelName): boolean {
  // tfjs's type hides that there may be none.
  return (tf.getKernel(kernelName, tf.getBackend()) as tf.KernelConfig | undefined) !== undefined
}

/** Runs a kernel of the current backend, which has one result or several; tfjs records it on its gradient tape. */
export function runKernel<Result extends tf.Tensor | tf.Tensor[] = tf.Tensor>(
  kernelName: KernelName,
  inputs: Record<string, tf.Tensor>,
  attributes: object,
  frozen: Frozen = {},
): Result {
  // tfjs types attributes as plain numbers, strings and lists of them, but hands any object through to the kernel.
  const all = { ...attributes, frozen } as object as tf.NamedAttrMap
  return tf.engine().runKernel<Result>(kernelName, inputs, all)
}

/** How an op is differentiated: by kernel, whatever the backend. */
export interface KernelGradient<Saved, Attributes, FrozenInputs> {
  /** Inputs that the gradient needs; `all` of a kernel that takes a list of them. Defaults to none. */
  readonly inputs?: string[] | 'all'
  /** For each result, whether the gradient needs it. Defaults to none. */
  readonly outputs?: boolean[]
  /** How many of the results, from the first on, have gradients that are read: of the others they need not be made. Defaults to all. */
  readonly differentiated?: number
  /** Of each input by its name, computed when it is asked for. */
  readonly gradients: (
    dys: readonly [tf.Tensor, ...tf.Tensor[]], // of each result
    saved: Saved, // the inputs, then the outputs
    attributes: Attributes,
    frozen: FrozenInputs,
  ) => Readonly<Record<string, () => tf.Tensor>>
}

const differentiatedResults = new Map<string, number>()

/** How many results of a kernel, from the first on, have gradients that are read; see {@link KernelGradient}. */
export function numDifferentiated(kernelName: string): number {
  return differentiatedResults.get(kernelName) ?? Infinity
}

/** Tells tfjs the gradient of a kernel. What was saved, and attributes and frozen inputs as they were given, come untyped from it. */
export function registerGradient<Saved extends readonly tf.Tensor[], Attributes = object, FrozenInputs = object>(
  kernelName: KernelName,
  { inputs, outputs, differentiated, gradients }: KernelGradient<Saved, Attributes, FrozenInputs>,
): void {
  if (differentiated !== undefined) differentiatedResults.set(kernelName, differentiated)
  tf.registerGradient({
    kernelName,
    ...(inputs === 'all' ? { saveAllInputs: true } : { inputsToSave: inputs ?? [] }),
    outputsToSave: outputs ?? [],
    gradFunc: (dys, saved, given) => {
      const attributes = given as object as Attributes & { frozen: FrozenInputs }
      return gradients(
        (Array.isArray(dys) ? dys : [dys]) as [tf.Tensor, ...tf.Tensor[]],
        saved as readonly tf.Tensor[] as Saved,
        attributes,
        attributes.frozen,
      )
    },
  })
}
