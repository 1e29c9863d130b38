import type { Parameters } from '../../model/parameters.js'

/**
 * `grad_norm/q_proj` … `grad_norm/down_proj`: Euclidean norm of the gradients of a module's parameters in all layers, before
 * clipping; the squares of all modules add up to the square of `grad_norm`.
 */
export function moduleGradientNorms(
  parameters: Parameters,
  gradients: Float32Array, // in the order of the parameters
): Record<string, number> {
  const squares = new Map<string, number>()
  let at = 0
  for (const { name, values } of parameters.parameters()) {
    const end = at + values.length
    let sum = 0
    for (; at < end; at++) sum += gradients[at]! * gradients[at]!
    const module = moduleOf(name)
    squares.set(module, (squares.get(module) ?? 0) + sum)
  }
  return Object.fromEntries([...squares].map(([module, sum]) => [`grad_norm/${module}`, Math.sqrt(sum)]))
}

/** `q_proj` of `…self_attn.q_proj.lora_A.weight`, `…self_attn.q_proj.weight` and `…self_attn.q_proj.bias`. */
function moduleOf(parameter: string): string {
  return parameter.replace(/(\.lora_[AB])?\.(weight|bias)$/, '').replace(/^.*\./, '')
}
