import * as tf from '../bundled/tfjs.js'
import { ConfigError, ShapeError } from '../errors.js'
import { hasKernel, registerGradient, runKernel } from './kernel.js'
import type { KernelName } from './kernelSets.js'
import { linear } from './linear.js'
import { isTrainable, plainWeight } from './weight.js'
import type { Weight } from './weight.js'

export interface TokenLogProbs {
  /** log p(target) of each row, in nats. */
  logProbs: tf.Tensor1D // [N]
  /** Entropy of each row's distribution, in nats. */
  entropies: tf.Tensor1D // [N]
}

/** What was computed before, by kernels that give the same bits: the distributions that sampling drew the targets from. */
export interface KnownTokenLogProbs {
  readonly logProbs: Float32Array // [N]
  readonly entropies: Float32Array // [N]
  /** For each row its largest logit and log Σ e^((logit − largest logit) / temperature). */
  readonly statistics: Float32Array // [N, 2]
  /** Takes the log-probabilities that the gradient computes from the logits, so that they can be compared. */
  readonly onComputed: (logProbs: Float32Array /* [N] */) => void
}

/**
 * Log-probability of each row's target and entropy of its distribution, with logits z = hidden·Wᵀ / temperature:
 * log p(t) = z_t − log Σ exp z,  H = log Σ exp z − Σ p·z.
 *
 * The logits [N, V] never exist as a whole: the kernel works through a few rows at a time and computes them again in the
 * gradient. For dl, dH the gradients of the two results:
 * dz_j = dl · (1[j = t] − p_j) − dH · p_j · (log p_j + H),  d hidden = dz·W / temperature,  and for a weight that is trained
 * dW = dzᵀ·hidden / temperature.
 * @throws ShapeError when a target is outside the vocabulary or the shapes do not fit
 */
export function tokenLogProbs(
  hidden: tf.Tensor2D, // [N, D]
  weight: Weight, // [V, D]
  targets: Int32Array, // [N]
  temperature: number,
  /** The results themselves, when they were computed before: only their gradient is left to do, where the backend has a kernel. Defaults to null. */
  known: KnownTokenLogProbs | null = null,
): TokenLogProbs {
  checkShapes(hidden, weight, targets, known)
  if (!(temperature > 0)) throw new ConfigError(`temperature is ${temperature}; expected a positive number`)
  if (!hasKernel('TokenLogProbs')) return tokenLogProbsReference(hidden, weight, targets, temperature)
  const attributes: TokenLogProbsAttributes = { targets, temperature, known }
  const [kernel, inputs]: [KernelName, Record<string, tf.Tensor>] = isTrainable(weight)
    ? ['TrainableTokenLogProbs', { hidden, weight: plainWeight(weight) }]
    : ['TokenLogProbs', { hidden }]
  // The third result is there for the gradient.
  type Results = [tf.Tensor1D, tf.Tensor1D, tf.Tensor2D]
  const [logProbs, entropies] = runKernel<Results>(kernel, inputs, attributes, { weight })
  return { logProbs, entropies }
}

function checkShapes(hidden: tf.Tensor2D, weight: Weight, targets: Int32Array, known: KnownTokenLogProbs | null): void {
  const [vocabulary, width] = weight.shape
  if (hidden.shape[1] !== width || hidden.shape[0] !== targets.length) {
    throw new ShapeError(
      `tokenLogProbs got hidden states [${hidden.shape.join(', ')}] and ${targets.length} targets; expected [N, ${width}] and N`,
    )
  }
  const bad = targets.find((id) => !(id >= 0 && id < vocabulary))
  if (bad !== undefined) throw new ShapeError(`target ${bad} is outside the model's vocabulary of ${vocabulary}`)
  const lengths = known && [known.logProbs.length, known.entropies.length, known.statistics.length / 2]
  if (lengths?.some((length) => length !== targets.length)) {
    throw new ShapeError(
      `tokenLogProbs got known values of ${lengths.join(', ')} rows (log-probabilities, entropies, statistics); expected ${targets.length}`,
    )
  }
}

/** {@link tokenLogProbs} from plain tfjs ops; needs memory for several copies of the logits. */
function tokenLogProbsReference(
  hidden: tf.Tensor2D, // [N, D]
  weight: Weight, // [V, D]
  targets: Int32Array, // [N]
  temperature: number,
): TokenLogProbs {
  const logits = tf.div(linear(hidden, weight, null, null), temperature) // [N, V]
  const logP = tf.logSoftmax(logits)
  const isTarget = tf.oneHot(tf.tensor1d(targets, 'int32'), weight.shape[0]) // [N, V]
  return {
    logProbs: tf.sum<tf.Tensor1D>(tf.mul(logP, isTarget), -1),
    entropies: tf.neg(tf.sum<tf.Tensor1D>(tf.mul(tf.exp(logP), logP), -1)),
  }
}

/** What the kernel `TokenLogProbs` gets beside hidden states and weight; checked. */
export interface TokenLogProbsAttributes {
  readonly targets: Int32Array // [N]
  readonly temperature: number
  readonly known: KnownTokenLogProbs | null
}

type Saved = [hidden: tf.Tensor, entropies: tf.Tensor, statistics: tf.Tensor]

/** Hidden states, entropies, and for each row the largest logit and log Σ e^(z − largest z), [N, 2]. */
const saved = { inputs: ['hidden'], outputs: [false, true, true] }

/** Runs a kernel of the gradient, whose last result is the log-probabilities where they were known before. */
function runGradient<Results extends tf.Tensor[]>(
  kernel: KernelName,
  [dLogProbs, dEntropies]: readonly tf.Tensor[],
  [hidden, entropies, statistics]: Saved,
  attributes: TokenLogProbsAttributes,
  frozen: { readonly weight: Weight },
): Results {
  const inputs = { hidden, entropies, statistics, dLogProbs: dLogProbs!, dEntropies: dEntropies! }
  const results = runKernel<[...Results, tf.Tensor]>(kernel, inputs, attributes, frozen)
  attributes.known?.onComputed(results.at(-1)!.dataSync<'float32'>())
  return results as unknown as Results
}

registerGradient<Saved, TokenLogProbsAttributes, { readonly weight: Weight }>('TokenLogProbs', {
  ...saved,
  gradients: (...given) => ({ hidden: () => runGradient<[tf.Tensor]>('TokenLogProbsGradient', ...given)[0] }),
})

registerGradient<Saved, TokenLogProbsAttributes, { readonly weight: Weight }>('TrainableTokenLogProbs', {
  ...saved,
  gradients: (...given) => {
    const [dHidden, dWeight] = runGradient<[tf.Tensor, tf.Tensor]>('TrainableTokenLogProbsGradient', ...given)
    return { hidden: () => dHidden, weight: () => dWeight }
  },
})
