import * as tf from '../bundled/tfjs.js'
import { numDifferentiated } from './kernel.js'

/** What tfjs records of one op; see tfjs-core's tape.ts. */
interface TapeNode {
  readonly kernelName: string
  readonly inputs: Readonly<Record<string, tf.Tensor>>
  readonly outputs: readonly tf.Tensor[]
  /** Tensors that the gradient needs, kept alive for it. */
  readonly saved?: readonly tf.Tensor[]
  /** Gradients of the inputs, each computed when it is asked for. */
  readonly gradient?: (dys: readonly (tf.Tensor | undefined)[]) => Readonly<Record<string, () => tf.Tensor>>
}

/** A forward pass that was recorded, to be differentiated once. */
export interface Recording {
  /** Its results; they belong to the recording. */
  readonly outputs: readonly tf.Tensor[]
  /**
   * Gradients Σ dy·∂output/∂source of the sources, null where no output depends on one; the caller disposes them. Frees the
   * recording.
   */
  gradients(
    dys: readonly (tf.Tensor | null)[], // of the shapes of the outputs; null counts as 0
    sources: readonly tf.Tensor[],
  ): (tf.Tensor | null)[]
  /** Frees a recording whose gradients are not wanted. */
  dispose(): void
}

/**
 * Runs f and records what its gradients need, by tfjs's tape and gradient functions.
 *
 * tfjs's own `grads` keeps every activation and the gradient of every activation until the end. This walks the tape backwards
 * and frees each as soon as it was used, which more than halves the memory that a deep model needs; the results are the same.
 */
export function record(f: () => tf.Tensor[]): Recording {
  const { outputs, tape } = runRecorded(f)
  const dispose = (): void => {
    tf.dispose([...outputs])
    disposeSaved(tape)
  }
  return {
    outputs,
    dispose,
    gradients(dys, sources) {
      const gradients = new Map<number, tf.Tensor>()
      for (const [i, { id }] of outputs.entries()) if (dys[i]) gradients.set(id, tf.keep(dys[i].clone()))
      const ids = sources.map(({ id }) => id)
      try {
        backpropagate(tape, ids, gradients)
      } catch (error) {
        tf.dispose([...gradients.values()])
        throw error
      } finally {
        dispose()
      }
      return ids.map((id) => gradients.get(id) ?? null)
    },
  }
}

/** Runs f and returns its results with the ops that it ran. */
function runRecorded(f: () => tf.Tensor[]): { outputs: tf.Tensor[]; tape: readonly TapeNode[] } {
  const { state } = tf.engine()
  const outerTape = state.activeTape
  // tfjs's own gradients() does the same with its private startTape and endTape.
  state.activeTape = []
  state.gradientDepth++
  try {
    const outputs = tf.tidy(f)
    for (const output of outputs) tf.keep(output)
    return { outputs, tape: state.activeTape as unknown as TapeNode[] }
  } catch (error) {
    disposeSaved(state.activeTape as unknown as TapeNode[])
    throw error
  } finally {
    state.gradientDepth--
    state.activeTape = outerTape
  }
}

/** Frees what was kept for gradients: after memory ran out, a smaller batch must find it free again. */
function disposeSaved(tape: readonly TapeNode[]): void {
  for (const { saved } of tape) for (const tensor of saved ?? []) tensor.dispose()
}

function backpropagate(
  tape: readonly TapeNode[],
  sources: readonly number[],
  /** Gradients that were found so far and not yet used, by the tensor's id: at first of the outputs, at the end of the sources. */
  gradients: Map<number, tf.Tensor>,
): void {
  const dependent = dependentTensors(tape, sources)
  const wanted = new Set(sources)
  for (let i = tape.length - 1; i >= 0; i--) {
    const node = tape[i]!
    const dys = node.outputs.map(({ id }) => gradients.get(id))
    if (dys.some((dy) => dy !== undefined) && Object.values(node.inputs).some(({ id }) => dependent.has(id))) {
      addInputGradients(node, dys, dependent, gradients)
    }
    for (const tensor of node.saved ?? []) tensor.dispose()
    for (const { id } of node.outputs) {
      if (wanted.has(id)) continue
      gradients.get(id)?.dispose()
      gradients.delete(id)
    }
  }
}

/** Ids of all tensors that were computed from the sources, the sources included. */
function dependentTensors(tape: readonly TapeNode[], sources: readonly number[]): Set<number> {
  const dependent = new Set(sources)
  for (const { inputs, outputs } of tape) {
    if (Object.values(inputs).some(({ id }) => dependent.has(id))) for (const { id } of outputs) dependent.add(id)
  }
  return dependent
}

/** Adds what one op hands back to its inputs to the gradients found so far. */
function addInputGradients(
  node: TapeNode,
  dys: readonly (tf.Tensor | undefined)[],
  dependent: ReadonlySet<number>,
  gradients: Map<number, tf.Tensor>,
): void {
  const inputs = Object.entries(node.inputs).filter(([, { id }]) => dependent.has(id))
  const found = tf.tidy(() => {
    if (!node.gradient) throw new Error(`cannot compute gradients: tfjs has none for ${node.kernelName}`)
    // tfjs makes zeros of every gradient that is missing: for those that nobody reads, any tensor will do.
    const differentiated = numDifferentiated(node.kernelName)
    const compute = node.gradient(dys.map((dy, i) => (i < differentiated ? dy : dys[0])))
    return inputs.map(([name]) => {
      const gradient = compute[name]!()
      // A gradient that is handed on unchanged must outlive the tensor that it came from.
      return dys.includes(gradient) ? gradient.clone() : gradient
    })
  })
  for (const [i, [, { id }]] of inputs.entries()) {
    const before = gradients.get(id)
    const gradient = tf.keep(before ? tf.add(before, found[i]!) : found[i]!)
    if (before) tf.dispose([before, found[i]!])
    gradients.set(id, gradient)
  }
}

/**
 * y = f(x) whose activations are not kept: the gradient computes f again (Chen et al. 2016, arXiv 1604.06174). It costs a
 * second forward pass and saves the memory of everything inside f.
 */
export function recompute(
  f: (x: tf.Tensor2D) => tf.Tensor2D,
  x: tf.Tensor2D,
  /** Trainable tensors that f reads beside x. */
  variables: readonly tf.Tensor[],
): tf.Tensor2D {
  const op = tf.customGrad((...args) => {
    const save = args.at(-1) as tf.GradSaveFunc
    const input = args[0] as tf.Tensor2D
    save([input])
    return {
      value: f(input),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
        const again = record(() => [f(saved as tf.Tensor2D)])
        const sources = [saved!, ...variables]
        return again.gradients([dy], sources).map((gradient, i) => {
          if (!gradient) return tf.zerosLike(sources[i]!)
          // A tensor that the surrounding tidy frees, in case that nobody asks for this gradient.
          const tidied = gradient.clone()
          gradient.dispose()
          return tidied
        })
      },
    }
  })
  return op(x, ...variables)
}
