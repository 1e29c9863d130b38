import { OutOfDeviceMemoryError } from '../errors.js'
import type { CausalLM } from './causalLM.js'
import { fewerBits } from './fewerBits.js'

/**
 * What `body` gives. When the memory of the model's device is too small for it, the error says what to make smaller, too.
 * @throws OutOfDeviceMemoryError
 */
export async function adviseOnMemory<T>(
  model: CausalLM,
  /** By their names and with their values, those first that cost the least to change; null is as much as fits. */
  options: Readonly<Record<string, number | null>>,
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body()
  } catch (error) {
    if (!(error instanceof OutOfDeviceMemoryError)) throw error
    const named = Object.entries(options).map(([name, value]) => `${name} (now ${value ?? 'null, as much as fits'})`)
    const { info } = model.engine
    const shorter = info.precision === 'float32' ? ', or take precision bfloat16' : ''
    // All weights are trained in float32.
    const bits = model.trained && !model.adapter ? null : fewerBits(model, info)
    const message = `${error.message}. Make one of these smaller: ${named.join(', ')}${shorter}${bits ? `, or ${bits}` : ''}`
    throw new OutOfDeviceMemoryError(message, error.bytes, { cause: error })
  }
}
