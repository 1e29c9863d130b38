import * as tf from '../../bundled/tfjs.js'
import { ConfigError, EngineError } from '../../errors.js'
import { tensorEngine } from '../cpu/cpuEngine.js'
import type { Engine, EngineOptions } from '../engine.js'
import { TENSORFLOW_BACKEND, findTfjsNode, registerTfjsNode } from './tfjsNode.js'

/**
 * The library of TensorFlow that tfjs-node brings, by way of its operations one by one.
 * @throws EngineError when the package is not installed, cannot be loaded, or has not the device that is asked for
 */
export async function startTensorflowEngine({
  device = 'auto',
  precision = 'auto',
}: Pick<EngineOptions, 'device' | 'precision'> = {}): Promise<Engine> {
  if (device === 'rocm' || device === 'tpu') {
    throw new ConfigError(
      `device is '${device}', which TensorFlow's packages are not for; expected auto, cpu, cuda12 or cuda13`,
    )
  }
  if (precision !== 'auto' && precision !== 'float32') {
    throw new ConfigError(`precision is '${precision}', in which tfjs-node does not compute; expected float32`)
  }
  const found = findTfjsNode()
  if (typeof found === 'string') throw new EngineError(found)
  const { package: name, version, isOnGpu } = registerTfjsNode(found, device === 'cpu')
  if (device !== 'auto' && isOnGpu !== (device !== 'cpu')) {
    throw new EngineError(
      isOnGpu
        ? `TensorFlow has been loaded on the GPU by this process; start another one for the device cpu`
        : `${name} with TensorFlow ${version} finds no GPU; it needs the driver, and CUDA's libraries of its version`,
    )
  }
  await tf.setBackend(TENSORFLOW_BACKEND)
  return tensorEngine(
    {
      name: 'tensorflow',
      description: `${name} with TensorFlow ${version} on the ${isOnGpu ? 'GPU' : 'CPU'}, operation by operation, some 14 times as many as the engine cpu has`,
      device: isOnGpu ? 'cuda' : 'cpu',
      // How its products of matrices are cut depends on the number of rows.
      isBatchInvariant: false,
      tensorLimit: Number.MAX_SAFE_INTEGER,
    },
    TENSORFLOW_BACKEND,
  )
}
