import assert from 'node:assert/strict'
import fs from 'node:fs'
import { selectEngine } from '../../src/engine/registry.js'
import { DecoderModel } from '../../src/engine/cpu/decoderModel.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { createTinyModel } from '../../src/model/tinyModel.js'
import { goldenInputs, goldenLosses } from '../../src/selftest/goldenLosses.js'
import { selfTest } from '../../src/selftest/selfTest.js'
import type { SelfTestResult } from '../../src/selftest/selfTest.js'
import { memoryInUse } from '../fixtures/policies.js'
import { temporaryFolder } from '../fixtures/tinyModel.js'
import { requireShared } from '../shared.js'

describe('selftest', function () {
  let model: CausalLM
  before(async () => {
    await selectEngine('cpu')
    model = await loadModel(createTinyModel(temporaryFolder()))
  })
  after(() => {
    model.dispose()
  })

  const results = async (only?: readonly string[]): Promise<SelfTestResult[]> => {
    const all: SelfTestResult[] = []
    for await (const result of selfTest(model, only && { only })) all.push(result)
    return all
  }

  /** Those of some gates that fail while a method is replaced by a defective one. */
  const failing = async <T extends object, K extends keyof T & string>(
    gates: readonly string[],
    type: T,
    name: K,
    defect: (method: T[K]) => T[K],
  ): Promise<string[]> => {
    const descriptor = Object.getOwnPropertyDescriptor(type, name)!
    Object.defineProperty(type, name, { ...descriptor, value: defect(descriptor.value as T[K]) })
    try {
      return (await results(gates)).filter(({ passed }) => !passed).map((result) => result.name)
    } finally {
      Object.defineProperty(type, name, descriptor)
    }
  }

  it('passes all gates with much room on the cpu backend, and frees what it made', async () => {
    const before = memoryInUse().tensors
    for (const { name, passed, measured, allowed, finding } of await results()) {
      assert.ok(passed, `${name}: ${measured}, ${finding}`)
      assert.ok(measured < allowed / 10, `${name}: ${measured} of ${allowed}`)
    }
    assert.equal(memoryInUse().tensors, before)
  })

  it('notices a temperature that training forgets', async () => {
    const failed = await failing(
      ['temperature parity', 'golden losses'],
      DecoderModel.prototype,
      'tokenLogProbs',
      (method) =>
        function (this: DecoderModel, hidden, targets) {
          return method.call(this, hidden, targets, 1)
        },
    )
    assert.deepEqual(failed, ['temperature parity'])
  })

  it('notices tokens that are scored one place too late', async () => {
    const failed = await failing(
      ['golden losses', 'next-token alignment'],
      DecoderModel.prototype,
      'tokenLogProbs',
      (method) =>
        function (this: DecoderModel, hidden, targets, temperature) {
          return method.call(
            this,
            hidden,
            Int32Array.from(targets, (_, i) => targets[Math.max(0, i - 1)]!),
            temperature,
          )
        },
    )
    assert.deepEqual(failed, ['next-token alignment'])
  })

  it('notices sequences that see their neighbours', async () => {
    const failed = await failing(
      ['golden losses', 'prompt conditioning', 'padding invariance'],
      DecoderModel.prototype,
      'forward',
      (method) =>
        function (this: DecoderModel, batch, options) {
          // Every token sees all that stand before it in the batch.
          const length = batch.tokenIds.length
          const whole = {
            queryStart: 0,
            queryLength: length,
            keyStart: 0,
            keyLength: length,
            prefixStart: 0,
            prefixLength: 0,
          }
          return method.call(this, options?.cache ? batch : { ...batch, segments: [whole] }, options)
        },
    )
    assert.deepEqual(failed, ['prompt conditioning', 'padding invariance'])
  })

  it('notices an adapter that cannot be switched off', async () => {
    const failed = await failing(
      ['golden losses', 'adapter off = base'],
      DecoderModel.prototype,
      'values',
      (method) =>
        function (this: DecoderModel, rows, options) {
          return method.call(this, rows, { ...options, reference: false })
        },
    )
    assert.deepEqual(failed, ['adapter off = base'])
  })

  it('notices gradients that are lost on the way', async () => {
    const failed = await failing(
      ['golden losses', 'finite differences'],
      DecoderModel.prototype,
      'record',
      (method) =>
        async function (this: DecoderModel, rows, options) {
          const recording = await method.call(this, rows, options)
          return {
            ...recording,
            async gradient(dLogProbs, dEntropies, sum) {
              const whole = new Float32Array(sum.length)
              const logProbs = await recording.gradient(dLogProbs, dEntropies, whole)
              for (const [i, value] of whole.entries()) if (Math.floor(i / 64) % 14 !== 4) sum[i]! += value
              return logProbs
            },
          }
        },
    )
    assert.deepEqual(failed, ['finite differences'])
  })

  it('has the numbers of the full set of reference losses', function () {
    for (const { name, loss, gradients } of goldenLosses) {
      const file = requireShared(this, 'golden', 'grpo', `${name}_beta004.json`)
      const { inputs, outputs } = JSON.parse(fs.readFileSync(file, 'utf8')) as {
        inputs: { advantages: number[]; per_token_logps: number[][] }
        outputs: { loss: number; grad_per_token_logps: number[][] }
      }
      const rounded = (rows: readonly (readonly number[])[]): number[][] =>
        rows.map((row, i) => row.slice(0, goldenInputs.logProbs[i]!.length).map(Math.fround))
      assert.equal(Math.fround(loss), Math.fround(outputs.loss))
      assert.deepEqual(
        rounded(gradients),
        rounded(outputs.grad_per_token_logps).map((row) => row.map((x) => x + 0)),
      )
      assert.deepEqual(rounded(goldenInputs.logProbs), rounded(inputs.per_token_logps))
      assert.deepEqual(goldenInputs.advantages.map(Math.fround), inputs.advantages.map(Math.fround))
    }
  })
})
