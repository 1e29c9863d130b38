import * as tf from '../bundled/tfjs.js'
import { ConfigError, ShapeError } from '../errors.js'
import { hasKernel, registerGradient, runKernel } from './kernel.js'
import { isTrainable, plainWeight } from './weight.js'
import type { Weight } from './weight.js'

/** The trainable low-rank term of a linear layer (Hu et al. 2021, arXiv 2106.09685). */
export interface LoraTerm {
  readonly a: tf.Tensor2D // [r, in]
  readonly b: tf.Tensor2D // [out, r]
  /** alpha / r. */
  readonly scale: number
  /** What goes into A in place of x, such as x with dropout. Defaults to x. */
  readonly x?: tf.Tensor2D // [N, in]
}

/**
 * Linear layer: y = x·Wᵀ + bias + scale · (x·Aᵀ)·Bᵀ.
 *
 * Gradients, with T = scale · dy·B [N, r]:  dx = dy·W + T·A,  dA = Tᵀ·x,  dB = dyᵀ·(scale · x·Aᵀ).
 * A frozen W gets none, a trainable one dW = dyᵀ·x; the bias gets one where it is a variable and W is trainable.
 * @throws ShapeError when the shapes do not fit
 */
export function linear(
  x: tf.Tensor2D, // [N, in]
  weight: Weight, // [out, in]
  bias: tf.Tensor1D | null, // [out]
  lora: LoraTerm | null,
  /** y itself, when it was computed before: only its gradient is left to do, where the backend has a kernel. Defaults to null. */
  known: tf.Tensor2D | null = null, // [N, out]
): tf.Tensor2D /* [N, out] */ {
  checkShapes(x, weight, bias, lora)
  if (!hasKernel('Linear')) return linearReference(x, weight, bias, lora)
  const frozen = { weight, bias, known }
  if (isTrainable(weight)) {
    if (lora) throw new ConfigError('linear got a weight that is trained and LoRA matrices; expected one of the two')
    // The kernel computes with panels of the weight, as with a frozen one; the tape is told of the variables.
    const inputs: Record<string, tf.Tensor> = { x, weight: plainWeight(weight) }
    if (bias instanceof tf.Variable) inputs.bias = bias
    return runKernel<tf.Tensor2D>('TrainableLinear', inputs, {}, frozen)
  }
  if (!lora) return runKernel<tf.Tensor2D>('Linear', { x }, {}, frozen)
  const { scale } = lora
  if (!lora.x) return runKernel<tf.Tensor2D>('LoraLinear', { x, loraA: lora.a, loraB: lora.b }, { scale }, frozen)
  const inputs = { x, loraX: lora.x, loraA: lora.a, loraB: lora.b }
  return runKernel<tf.Tensor2D>('LoraLinearTwoInputs', inputs, { scale }, frozen)
}

function checkShapes(x: tf.Tensor2D, weight: Weight, bias: tf.Tensor1D | null, lora: LoraTerm | null): void {
  const [out, width] = weight.shape
  const fits =
    x.shape[1] === width &&
    (!bias || bias.shape[0] === out) &&
    (!lora?.x || tf.util.arraysEqual(lora.x.shape, x.shape)) &&
    (!lora || (lora.a.shape[1] === width && lora.b.shape[0] === out && lora.a.shape[0] === lora.b.shape[1]))
  if (fits) return
  const given = [`x [${x.shape.join(', ')}]`, `weight [${out}, ${width}]`]
  if (bias) given.push(`bias [${bias.shape.join(', ')}]`)
  if (lora?.x) given.push(`LoRA x [${lora.x.shape.join(', ')}]`)
  if (lora) given.push(`LoRA a [${lora.a.shape.join(', ')}] and b [${lora.b.shape.join(', ')}]`)
  throw new ShapeError(
    `linear got ${given.join(', ')}; expected x [N, in], weight [out, in], bias [out], LoRA a [r, in] and b [out, r]`,
  )
}

/** {@link linear} from plain tfjs ops, for a weight that is stored as it is. */
function linearReference(
  x: tf.Tensor2D, // [N, in]
  weight: Weight, // [out, in]
  bias: tf.Tensor1D | null, // [out]
  lora: LoraTerm | null,
): tf.Tensor2D {
  let y: tf.Tensor2D = tf.matMul(x, plainWeight(weight), false, true)
  if (bias) y = tf.add(y, bias)
  if (lora) {
    const low = tf.matMul(lora.x ?? x, lora.a, false, true) // [N, r]
    y = tf.add(y, tf.mul(tf.matMul(low, lora.b, false, true), lora.scale))
  }
  return y
}

/** What the gradients need of a layer beside its inputs. */
interface Layer {
  readonly weight: Weight
}
interface Scale {
  readonly scale: number
}

registerGradient<[], object, Layer>('Linear', {
  gradients: ([dy], _saved, _attributes, { weight }) => ({
    x: () => runKernel('LinearInputGradient', { dy }, {}, { weight }),
  }),
})

registerGradient<[x: tf.Tensor2D], object, Layer>('TrainableLinear', {
  inputs: ['x'],
  gradients: ([dy], [x], _attributes, { weight }) => ({
    x: () => runKernel('LinearInputGradient', { dy }, {}, { weight }),
    weight: () => tf.matMul(dy, x, true, false),
    bias: () => tf.sum(dy, 0),
  }),
})

registerGradient<[x: tf.Tensor, loraA: tf.Tensor2D, loraB: tf.Tensor], Scale, Layer>('LoraLinear', {
  inputs: ['x', 'loraA', 'loraB'],
  gradients: ([dy], [x, loraA, loraB], { scale }, { weight }) => {
    const loraT = outputGradient(dy, loraB, scale)
    return {
      x: () => runKernel('LinearInputGradient', { dy, loraT: loraT(), loraA }, {}, { weight }),
      loraA: () => runKernel('LoraAGradient', { loraT: loraT(), x }, {}),
      loraB: () => runKernel('LoraBGradient', { dy, x, loraA }, { scale }),
    }
  },
})

registerGradient<[loraX: tf.Tensor, loraA: tf.Tensor2D, loraB: tf.Tensor], Scale, Layer>('LoraLinearTwoInputs', {
  inputs: ['loraX', 'loraA', 'loraB'],
  gradients: ([dy], [x, loraA, loraB], { scale }, { weight }) => {
    const loraT = outputGradient(dy, loraB, scale)
    return {
      x: () => runKernel('LinearInputGradient', { dy }, {}, { weight }),
      loraX: () => tf.matMul(loraT(), loraA),
      loraA: () => runKernel('LoraAGradient', { loraT: loraT(), x }, {}),
      loraB: () => runKernel('LoraBGradient', { dy, x, loraA }, { scale }),
    }
  },
})

/** T = scale · dy·B; tfjs's own gradients free it after the first one that needs it. */
function outputGradient(dy: tf.Tensor, loraB: tf.Tensor, scale: number): () => tf.Tensor2D /* [N, r] */ {
  let shared: tf.Tensor2D | null = null
  return () => {
    if (!shared || shared.isDisposed) shared = runKernel<tf.Tensor2D>('LoraOutputGradient', { dy, loraB }, { scale })
    return shared
  }
}
