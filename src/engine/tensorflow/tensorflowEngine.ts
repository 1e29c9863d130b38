import * as tf from '../../bundled/tfjs.js'
import { EngineError } from '../../errors.js'
import { tensorEngine } from '../cpu/cpuEngine.js'
import type { Engine } from '../engine.js'
import { TENSORFLOW_BACKEND, findTfjsNode, registerTfjsNode } from './tfjsNode.js'

/** TensorFlow, by way of its operations one by one. Throws an EngineError when no package of it is installed, or it cannot be loaded. */
export async function startTensorflowEngine(): Promise<Engine> {
  const found = findTfjsNode()
  if (typeof found === 'string') throw new EngineError(found)
  const { package: name, version, isOnGpu } = registerTfjsNode(found)
  await tf.setBackend(TENSORFLOW_BACKEND)
  return tensorEngine(
    {
      name: 'tensorflow',
      description: `${name} with TensorFlow ${version} on the ${isOnGpu ? 'GPU' : 'CPU'}, operation by operation: some 14 times as many as the engine cpu has`,
      // Its products of matrices are cut by the number of rows.
      isBatchInvariant: false,
      tensorLimit: Number.MAX_SAFE_INTEGER,
    },
    TENSORFLOW_BACKEND,
  )
}
