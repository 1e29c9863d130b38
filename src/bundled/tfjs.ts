/** tfjs: its core with all gradients, and its plain JavaScript backend. */
import '@tensorflow/tfjs'

export * from '@tensorflow/tfjs-core'
export { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
