import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { EngineError } from '../../src/errors.js'
import { checkKernelSets, kernelSets } from '../../src/ops/kernelSets.js'
import type { KernelName } from '../../src/ops/kernelSets.js'
// Their gradients are registered where the ops are.
import '../../src/engine/cpu/decoder.js'
import '../../src/ops/tokenLogProbs.js'
import { OUR_BACKENDS, REFERENCE, useBackend } from './suite.js'

const BACKEND = 'test-partial'

/** A backend of tfjs with some kernels of ours, which nothing runs. */
function withKernels(names: readonly KernelName[], body: () => void): void {
  for (const kernelName of names) {
    tf.registerKernel({ kernelName, backendName: BACKEND, kernelFunc: () => assert.fail('nothing runs it') })
  }
  try {
    body()
  } finally {
    for (const name of names) tf.unregisterKernel(name, BACKEND)
  }
}

describe('ops/kernelSets', () => {
  it('is had as a whole by our backends, and not at all by the plain one', async () => {
    await useBackend(OUR_BACKENDS[0]!)
    const ours = new Set(tf.getKernelsForBackend(OUR_BACKENDS[0]!).map(({ kernelName }) => kernelName))
    assert.deepEqual(
      Object.values(kernelSets)
        .flat()
        .filter((name) => !ours.has(name)),
      [],
    )
    checkKernelSets(OUR_BACKENDS[0]!)
    checkKernelSets(REFERENCE)
    await useBackend(REFERENCE)
  })

  it('is checked when a backend starts: a forward kernel without its gradient is named', () => {
    withKernels(['Attention', 'Swiglu', 'SwigluGradient', 'PackWeight'], () => {
      assert.throws(
        () => {
          checkKernelSets(BACKEND)
        },
        (error: Error) =>
          error instanceof EngineError &&
          error.message.includes('attention: it has Attention, but not AttentionGradient') &&
          error.message.includes(
            'weight: it has PackWeight, but not WeightRows, Linear, TrainableLinear, LinearInputGradient',
          ) &&
          !error.message.includes('swiglu'),
      )
    })
    withKernels(['Swiglu', 'SwigluGradient', 'Rope'], () => {
      checkKernelSets(BACKEND)
    })
  })

  it('has a gradient for each kernel with a gradient kernel', () => {
    const names: readonly string[] = Object.values(kernelSets).flat()
    const forward = names.filter((name) => names.includes(`${name}Gradient`))
    assert.deepEqual(forward.toSorted(), [
      'Attention',
      'DecoderLayer',
      'RmsNorm',
      'SelectRows',
      'Swiglu',
      'TokenLogProbs',
      'TrainableRmsNorm',
      'TrainableTokenLogProbs',
    ])
    for (const name of [
      ...forward,
      'Linear',
      'TrainableLinear',
      'LoraLinear',
      'LoraLinearTwoInputs',
      'Rope',
      'KeyedDropout',
    ]) {
      // tfjs's type hides that there may be none.
      assert.ok((tf.getGradient(name) as tf.GradConfig | undefined) !== undefined, name)
    }
  })
})
