import * as tf from '../../bundled/tfjs.js'
import { ConfigError, EngineError } from '../../errors.js'
import { openTensorflow } from '../../xla/runtime/tensorflow.js'
import { tensorEngine } from '../cpu/cpuEngine.js'
import type { Engine, EngineOptions } from '../engine.js'
import { xlaEngine } from '../xla/xlaEngine.js'
import { LIBRARY_VARIABLE, findTensorflowLibrary } from './tensorflowLibrary.js'
import { TENSORFLOW_BACKEND, findTfjsNode, registerTfjsNode } from './tfjsNode.js'
import type { TfjsNode } from './tfjsNode.js'

type TensorflowOptions = Pick<EngineOptions, 'device' | 'precision'>

/**
 * The library of TensorFlow: compiled programs where it is new enough for them, else the operations of tfjs-node one by one.
 * @throws EngineError when neither can be used, or there is no GPU where one is asked for; ConfigError for other devices
 */
export async function startTensorflowEngine(options: TensorflowOptions = {}): Promise<Engine> {
  const { device = 'auto' } = options
  if (device === 'rocm' || device === 'tpu') {
    throw new ConfigError(
      `device is '${device}', which the packages of TensorFlow are not for; expected auto, cpu, cuda12 or cuda13`,
    )
  }
  const found = findTfjsNode()
  const compiled = startCompiled(typeof found === 'string' ? null : found, options)
  if (typeof compiled !== 'string') return compiled
  if (typeof found === 'string') throw new EngineError(`${compiled}; ${found}`)
  return startTfjsNode(found, options, compiled)
}

/** Programs in TensorFlow's library, or why not. */
function startCompiled(tfjsNode: TfjsNode | null, { device = 'auto', precision }: TensorflowOptions): Engine | string {
  try {
    const file = findTensorflowLibrary(tfjsNode)
    if (file === null) return `${LIBRARY_VARIABLE} names no library of TensorFlow 2.14 or newer`
    const runner = openTensorflow(file, device === 'cpu')
    if (device.startsWith('cuda') && runner.info.platform === 'cpu') {
      runner.dispose()
      return `${runner.info.compiler} (${file}) finds no GPU; it needs the driver, and the CUDA libraries that it was built for`
    }
    return xlaEngine(runner, { precision, name: 'tensorflow' })
  } catch (error) {
    if (error instanceof EngineError) return error.message
    throw error
  }
}

/** The backend of tfjs-node under the ops of the cpu engine. */
async function startTfjsNode(
  tfjsNode: TfjsNode,
  { device = 'auto', precision = 'auto' }: TensorflowOptions,
  /** Why nothing is compiled. */
  reason: string,
): Promise<Engine> {
  if (precision !== 'auto' && precision !== 'float32') {
    throw new EngineError(`tfjs-node computes in float32, not in ${precision}, and ${reason}`)
  }
  const { package: name, version, isOnGpu } = registerTfjsNode(tfjsNode, device === 'cpu')
  if (device === 'cpu' && isOnGpu) {
    throw new EngineError(`${name} was loaded on the GPU by this process; start another one for the device cpu`)
  }
  if (device.startsWith('cuda') && !isOnGpu) {
    throw new EngineError(
      `${name} with TensorFlow ${version} finds no GPU; it needs the driver, and the CUDA libraries that it was built for`,
    )
  }
  await tf.setBackend(TENSORFLOW_BACKEND)
  const where = `${name} with TensorFlow ${version} on the ${isOnGpu ? 'GPU' : 'CPU'}`
  return tensorEngine(
    {
      name: 'tensorflow',
      description: `${where}, operation by operation, thousands of them a token (${reason})`,
      device: isOnGpu ? 'cuda' : 'cpu',
      // How its products of matrices are cut depends on the number of rows.
      isBatchInvariant: false,
      tensorLimit: Number.MAX_SAFE_INTEGER,
    },
    TENSORFLOW_BACKEND,
  )
}
