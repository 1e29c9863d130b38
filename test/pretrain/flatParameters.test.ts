import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { selectEngine } from '../../src/engine/registry.js'
import type { ParameterOwner } from '../../src/pretrain/flatParameters.js'
import { FlatParameters } from '../../src/pretrain/flatParameters.js'
import { loadModel } from '../../src/policy/loadModel.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { BACKENDS, memoryInUse, randomPolicy } from '../fixtures/policies.js'
import { decoderOf } from '../fixtures/tensors.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'

for (const backend of BACKENDS) {
  describe(`flatParameters on ${backend}`, () => {
    let base: CausalLM
    let policy: CausalLM
    let owner: ParameterOwner

    before(async () => {
      await selectEngine(backend)
      base = await loadModel(temporaryTinyModel())
      policy = randomPolicy(base, { targetModules: ['q_proj', 'down_proj'] })
      const { variables } = decoderOf(policy).lora!
      owner = { parameters: () => variables.map((variable) => ({ variable })) }
    })

    after(async () => {
      policy.dispose()
      base.dispose()
      await selectEngine('reference')
    })

    it('reads and writes an adapter as one vector, in the order of its parameters', async () => {
      const parameters = new FlatParameters(owner)
      const flat = await parameters.read()
      assert.equal(flat.length, parameters.size)
      assert.deepEqual(
        [...flat],
        owner.parameters().flatMap(({ variable }) => [...variable.dataSync()]),
      )
      parameters.write(flat) // tensors written by the host take other memory than those made before
      const before = memoryInUse()
      const changed = flat.map((value, i) => value + i)
      parameters.write(changed)
      assert.deepEqual(memoryInUse(), before)
      assert.deepEqual(await parameters.read(), changed)
      changed.fill(0)
      assert.notDeepEqual(await parameters.read(), changed) // the vector stays the caller's
    })

    it('adds gradients where there are some, and frees them', async () => {
      const parameters = new FlatParameters(owner)
      const { variables } = parameters
      const gradients = variables.map((): tf.Tensor | null => null)
      const before = memoryInUse()
      const sum = new Float32Array(parameters.size).fill(1)
      const [first, last] = [variables[0]!, variables.at(-1)!]
      gradients[0] = tf.fill(first.shape, 2)
      gradients[variables.length - 1] = tf.fill(last.shape, 3)
      await parameters.addGradients(gradients, sum)
      assert.ok(sum.subarray(0, first.size).every((value) => value === 3))
      assert.ok(sum.subarray(first.size, -last.size).every((value) => value === 1))
      assert.ok(sum.subarray(-last.size).every((value) => value === 4))
      assert.deepEqual(memoryInUse(), before)
    })
  })
}
