/** tfjs: its core with all gradients, and its plain JavaScript backend. */
import '@tensorflow/tfjs'
import { env } from '@tensorflow/tfjs-core'

// What this flag changes is that tfjs does not print, as it would on first use an advertisement for its native addon.
env().set('IS_TEST', true)

export * from '@tensorflow/tfjs-core'
export { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
