import type * as tf from '../bundled/tfjs.js'
import type { AttentionOptions, AttentionSegment } from '../ops/attention.js'
import type { LayerAttributes } from '../ops/decoderLayer.js'

/** What one call of a kernel has to compute. */
export interface KernelWork {
  /** Multiplications and additions of its matrix products; 0 for a kernel without any, or one that is not known here. */
  readonly operations: number
  /** `≤64 × 576→1536`: rows, to the next power of two, and the sizes of the weight; empty for a kernel without a weight. */
  readonly shape: string
}

/** Counts what a kernel has to compute from its inputs and attributes, as tfjs hands them to it. */
export function countOperations(kernel: string, inputs: tf.NamedTensorInfoMap, attributes: object): KernelWork {
  const none = { operations: 0, shape: '' }
  switch (kernel) {
    case 'Linear':
    case 'LoraLinear':
    case 'LoraLinearTwoInputs':
    case 'TrainableLinear':
    case 'LinearInputGradient':
    case 'TokenLogProbs':
    case 'TrainableTokenLogProbs':
    case 'TokenLogProbsGradient':
    case 'TrainableTokenLogProbsGradient': {
      const { frozen, known } = attributes as { frozen: FrozenWeight; known?: object | null }
      const [out, width] = frozen.weight.shape
      // What sampling kept is taken over; only the gradient of log-probabilities computes them again all the same.
      if ((frozen.known ?? known) && !kernel.endsWith('Gradient')) return none
      const rows = (inputs.x ?? inputs.dy ?? inputs.hidden)?.shape[0] ?? 0
      const rank = inputs.loraA?.shape[0] ?? 0
      // The gradient of tokenLogProbs computes the logits again, and that of the weight where it is trained.
      const products = kernel === 'TrainableTokenLogProbsGradient' ? 3 : kernel === 'TokenLogProbsGradient' ? 2 : 1
      return {
        // The gradient of x gets one of the two small products done.
        operations: 2 * rows * (products * width * out + rank * (width + (kernel.startsWith('LoraLinear') ? out : 0))),
        shape: `≤${nextPowerOfTwo(rows)} × ${width}→${out}`,
      }
    }
    case 'LoraOutputGradient':
      return { ...none, operations: 2 * sizeOf(inputs.dy) * (inputs.loraB?.shape[1] ?? 0) }
    case 'LoraAGradient':
      return { ...none, operations: 2 * sizeOf(inputs.x) * (inputs.loraT?.shape[1] ?? 0) }
    case 'LoraBGradient':
      return { ...none, operations: 2 * (sizeOf(inputs.x) + sizeOf(inputs.dy)) * (inputs.loraA?.shape[0] ?? 0) }
    case 'BatchMatMul':
      return { ...none, operations: matMulOperations(inputs, attributes as MatMulAttributes) }
    case 'Attention':
      return { ...none, operations: 2 * attentionProduct(inputs, attributes as AttentionOptions) }
    case 'AttentionGradient':
      // The scores again, the gradients of the weights, and those of q, k and v.
      return { ...none, operations: 5 * attentionProduct(inputs, attributes as AttentionOptions) }
    case 'DecoderLayer':
    case 'DecoderLayerGradient':
      return { ...none, operations: layerOperations(kernel, inputs, attributes as LayerAttributes) }
    default:
      return none
  }
}

interface FrozenWeight {
  readonly weight: { readonly shape: readonly [number, number] }
  /** The result, where it is known. */
  readonly known?: object | null
}

/** Of a layer or its gradient: the products of its linear layers and of attention. */
function layerOperations(kernel: string, inputs: tf.NamedTensorInfoMap, attributes: LayerAttributes): number {
  const isGradient = kernel === 'DecoderLayerGradient'
  // Both have the layer's input or its gradient first, of the same shape.
  const rows = Object.values(inputs)[0]?.shape[0] ?? 0
  const { weights, known, segments } = attributes
  const linears = Object.values(weights.linears).reduce((sum, { weight: { shape }, lora }) => {
    const [out, width] = shape
    const rank = lora?.a.shape[0] ?? 0
    // The gradient has one product with the weight, and three with x or A and two with dy for the matrices of LoRA.
    return sum + out * width + rank * (isGradient ? 3 * width + 2 * out : width + out)
  }, 0)
  const attention = attentionPairs(segments) * weights.linears.q.weight.shape[0]
  return 2 * ((known && !isGradient ? 0 : rows * linears) + (isGradient ? 5 : 2) * attention)
}

function sizeOf(tensor: tf.TensorInfo | undefined): number {
  return tensor?.shape.reduce((product, length) => product * length, 1) ?? 0
}

interface MatMulAttributes {
  readonly transposeB: boolean
}

/** Pairs of a query and a key that it sees. */
export function attentionPairs(segments: readonly AttentionSegment[]): number {
  return segments.reduce(
    (sum, { queryLength, prefixLength, keyLength }) =>
      sum + queryLength * (prefixLength + keyLength - (queryLength - 1) / 2),
    0,
  )
}

/** Operations of one product between queries and keys. */
function attentionProduct({ q }: tf.NamedTensorInfoMap, { segments }: AttentionOptions): number {
  return 2 * attentionPairs(segments) * (q?.shape[1] ?? 0)
}

function matMulOperations({ a, b }: tf.NamedTensorInfoMap, attributes: MatMulAttributes): number {
  if (!a || !b) return 0
  const [rows, depth] = a.shape.slice(-2) as [number, number]
  const columns = b.shape.at(attributes.transposeB ? -2 : -1)!
  const batches = ({ shape }: tf.TensorInfo): number =>
    shape.slice(0, -2).reduce((product, length) => product * length, 1)
  // Of two operands with different numbers of batches, the one with fewer is used several times.
  return 2 * Math.max(batches(a), batches(b)) * rows * depth * columns
}

function nextPowerOfTwo(count: number): number {
  return count <= 1 ? count : 2 ** Math.ceil(Math.log2(count))
}
