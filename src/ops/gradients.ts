import * as tf from '@tensorflow/tfjs'

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

/**
 * Gradients of a scalar with respect to variables, by tfjs's tape and gradient functions.
 *
 * `tf.variableGrads` keeps every activation and the gradient of every activation until the end. This walks the tape backwards
 * and frees each as soon as it was used, which more than halves the memory that a deep model needs; the results are the same.
 * The caller disposes the value and the gradients.
 */
export function variableGradients(
  f: () => tf.Scalar,
  variables: readonly tf.Variable[],
): { value: tf.Scalar; gradients: (tf.Tensor | null)[] /* null where f does not depend on the variable */ } {
  const { value, tape } = record(f)
  const gradients = new Map<number, tf.Tensor>()
  const sources = variables.map(({ id }) => id)
  try {
    backpropagate(tape, value, sources, gradients)
  } catch (error) {
    tf.dispose([value, ...gradients.values()])
    disposeSaved(tape)
    throw error
  }
  return { value, gradients: sources.map((id) => gradients.get(id) ?? null) }
}

/** Runs f and returns its result with the ops that it ran. */
function record(f: () => tf.Scalar): { value: tf.Scalar; tape: readonly TapeNode[] } {
  const engine = tf.engine()
  const { state } = engine
  const outerTape = state.activeTape
  // tfjs's own gradients() does the same with its private startTape and endTape.
  state.activeTape = []
  state.gradientDepth++
  try {
    const value = tf.tidy(f)
    return { value: tf.keep(value), tape: state.activeTape as unknown as TapeNode[] }
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
  value: tf.Tensor,
  sources: readonly number[],
  /** Takes the gradients that were found so far and not yet used, by the tensor's id; at the end those of the sources. */
  gradients: Map<number, tf.Tensor>,
): void {
  const dependent = dependentTensors(tape, sources)
  const wanted = new Set(sources)
  gradients.set(value.id, tf.keep(tf.onesLike(value)))
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
    const compute = node.gradient(dys)
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
