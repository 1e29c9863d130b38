import * as tf from '../../../bundled/tfjs.js'
import { isTensorEngine } from '../../../engine/cpu/cpuEngine.js'
import { selectEngine } from '../../../engine/registry.js'
import type { EngineName } from '../../../engine/registry.js'
import { linear } from '../../../ops/linear.js'
import { createWeight } from '../../../ops/weight.js'

/** Starts an engine and, where it is one of tensors, multiplies on it. */
export async function tryEngine(name: EngineName): Promise<{ works: boolean; finding: string }> {
  try {
    const { why, engine } = await selectEngine(name)
    if (!isTensorEngine(engine)) return { works: true, finding: why }
    return { works: true, finding: `${why}; matrix product ${measureProduct().toPrecision(2)} GFLOP/s` }
  } catch (error) {
    return { works: false, finding: (error as Error).message }
  }
}

/** Speed of a float32 linear layer, x [128, 512] · Wᵀ [512, 512], in 1e9 additions and multiplications a second. */
function measureProduct(): number {
  const [rows, width, out] = [128, 512, 512]
  const weight = createWeight(
    [out, width],
    Float32Array.from({ length: out * width }, (_, i) => (i % 7) - 3),
  )
  const x = tf.ones<tf.Rank.R2>([rows, width])
  const multiply = (): void => {
    linear(x, weight, null, null).dispose()
  }
  try {
    multiply() // compiles
    const started = performance.now()
    let products = 0
    let seconds = 0
    while (seconds < 0.1) {
      multiply()
      products++
      seconds = (performance.now() - started) / 1000
    }
    return (2 * rows * width * out * products) / seconds / 1e9
  } finally {
    x.dispose()
    weight.dispose()
  }
}

/** The smallest modules that use each feature of the engine. */
const featureModules = {
  // (func (result v128) i32.const 0 i8x16.splat i8x16.popcnt)
  SIMD: [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
  // (memory 1 1 shared) (func i32.const 0 i32.atomic.load drop)
  threads: [1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 4, 1, 3, 1, 1, 10, 11, 1, 9, 0, 65, 0, 254, 16, 2, 0, 26, 11],
  // (func (result v128) i32.const 1 i8x16.splat i32.const 2 i8x16.splat i8x16.relaxed_swizzle)
  'relaxed SIMD': [
    1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11,
  ],
}

/** `SIMD yes, threads yes, relaxed SIMD no` */
export function describeWebAssembly(): string {
  const header = [0, 97, 115, 109, 1, 0, 0, 0]
  return Object.entries(featureModules)
    .map(([name, body]) => `${name} ${WebAssembly.validate(Uint8Array.from([...header, ...body])) ? 'yes' : 'no'}`)
    .join(', ')
}
