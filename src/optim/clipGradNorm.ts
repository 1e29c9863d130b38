/**
 * Scales the gradients in place by min(1, maxNorm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_, and returns
 * their Euclidean norm before.
 *
 * The norm is summed in f64. maxNorm 0 only measures, as in transformers. When the norm is NaN or infinite the
 * gradients are left untouched; the caller has to look at the returned value and must not apply them.
 */
export function clipGradNorm(
  gradients: Float32Array, // all gradients as one vector
  maxNorm: number,
): number {
  let sum = 0
  for (let i = 0; i < gradients.length; i++) sum += gradients[i]! * gradients[i]!
  const norm = Math.sqrt(sum)
  const scale = maxNorm / (norm + 1e-6)
  if (maxNorm > 0 && Number.isFinite(norm) && scale < 1) {
    for (let i = 0; i < gradients.length; i++) gradients[i]! *= scale
  }
  return norm
}
