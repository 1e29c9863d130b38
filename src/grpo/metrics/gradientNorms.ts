import type { LoraAdapter } from '../../model/lora.js'
import type { LoraModule } from '../../model/loraOptions.js'

/**
 * `grad_norm/q_proj` … `grad_norm/down_proj`: Euclidean norm of the gradients of a module's A and B in all layers, before
 * clipping; the squares of all modules add up to the square of `grad_norm`.
 */
export function moduleGradientNorms(
  adapter: LoraAdapter,
  gradients: Float32Array, // in the order of the adapter's parameters
): Record<string, number> {
  const squares = new Map<LoraModule, number>(adapter.targetModules.map((module) => [module, 0]))
  let at = 0
  for (const { module, a, b } of adapter.entries) {
    const end = at + a.values.length + b.values.length
    let sum = 0
    for (; at < end; at++) sum += gradients[at]! * gradients[at]!
    squares.set(module, squares.get(module)! + sum)
  }
  return Object.fromEntries([...squares].map(([module, sum]) => [`grad_norm/${module}`, Math.sqrt(sum)]))
}
