import assert from 'node:assert/strict'
import fs from 'node:fs'
import * as tf from '../../src/bundled/tfjs.js'
import { ConfigError } from '../../src/errors.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { parsePretrainConfig, pretrainLearningRate } from '../../src/pretrain/config.js'
import { Pretrainer } from '../../src/pretrain/pretrainer.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { REFERENCE, useBackend } from '../ops/suite.js'

const tiny = {
  hiddenSize: 32,
  intermediateSize: 48,
  numLayers: 2,
  numHeads: 2,
  numKeyValueHeads: 1,
  tokensPerStep: 256,
  maxSteps: 12,
  warmupSteps: 2,
  decaySteps: 3,
}

async function train(pretrainer: Pretrainer, until = Infinity): Promise<number[]> {
  const losses: number[] = []
  for await (const { step, loss } of pretrainer) {
    losses.push(loss)
    if (step === until) break
  }
  return losses
}

function noWarning(message: string): void {
  assert.fail(message)
}

describe('pretrain/pretrainer', () => {
  const inFolder = useTemporaryFolder()
  beforeEach(() => useBackend('test-2-threads'))
  afterEach(() => useBackend(REFERENCE))

  it('learns, and leaves a model that loads', async () => {
    const before = tf.memory().numTensors
    const pretrainer = new Pretrainer(parsePretrainConfig(tiny), inFolder('model'))
    const losses = await train(pretrainer)
    assert.equal(losses.length, 12)
    assert.ok(losses.at(-1)! < losses[0]! - 1, `loss went from ${losses[0]} to ${losses.at(-1)}`)
    pretrainer.saveModel()
    pretrainer.dispose()
    assert.equal(tf.memory().numTensors, before)
    const model = await loadModel(inFolder('model'))
    assert.equal(model.config.vocabularySize, 560)
    assert.equal(model.tokenizer?.hasChatTemplate, true)
    assert.deepEqual(model.eosTokenIds, [0])
    model.dispose()
  })

  it('gives the same model when it is interrupted and goes on, and with one thread', async () => {
    const whole = new Pretrainer(parsePretrainConfig(tiny), inFolder('whole'))
    await train(whole)
    whole.saveModel()
    whole.dispose()
    const first = new Pretrainer(parsePretrainConfig(tiny), inFolder('first'))
    await train(first, 5)
    first.saveState(inFolder('run'), {})
    first.dispose()
    await useBackend('test-1-thread')
    const second = new Pretrainer(parsePretrainConfig(tiny), inFolder('second'))
    assert.deepEqual(second.restoreState(inFolder('run'), noWarning), {})
    assert.equal(second.step, 5)
    await train(second)
    second.saveModel()
    second.dispose()
    assert.deepEqual(
      fs.readFileSync(inFolder('second', 'model.safetensors')),
      fs.readFileSync(inFolder('whole', 'model.safetensors')),
    )
  })

  it('goes on from an older state where the newest is damaged, of this version and of the first', async () => {
    const config = parsePretrainConfig(tiny)
    const whole = new Pretrainer(config, inFolder('whole'))
    for await (const { step } of whole) if (step >= 3) whole.saveState(inFolder('run'), { 'metrics.jsonl': step })
    whole.dispose()
    const checkpoints = fs.readdirSync(inFolder('run', 'checkpoints'))
    assert.deepEqual(checkpoints, ['step-11', 'step-12'])
    fs.cpSync(inFolder('run'), inFolder('old'), { recursive: true })

    const tensors = inFolder('run', 'checkpoints', 'step-12', 'state.safetensors')
    const bytes = fs.readFileSync(tensors)
    bytes[bytes.length - 5]! ^= 1
    fs.writeFileSync(tensors, bytes)
    const warnings: string[] = []
    const resumed = new Pretrainer(config, inFolder('resumed'))
    const files = resumed.restoreState(inFolder('run'), (message) => warnings.push(message))
    assert.deepEqual([resumed.step, files], [11, { 'metrics.jsonl': 11 }])
    assert.match(warnings.join(), /the checkpoint of step 12 is damaged .*state\.safetensors.* from the one of step 11/)
    fs.truncateSync(inFolder('run', 'checkpoints', 'step-11', 'state.json'), 9)
    assert.throws(() => resumed.restoreState(inFolder('run'), noWarning), /no checkpoint is whole/)

    // The first version padded the names, wrote state.json last, and knew of no files.
    for (const step of [11, 12]) {
      const folder = inFolder('old', 'checkpoints', `step-0000${step}`)
      fs.renameSync(inFolder('old', 'checkpoints', `step-${step}`), folder)
      fs.rmSync(`${folder}/SHA256SUMS`)
      const state = JSON.parse(fs.readFileSync(`${folder}/state.json`, 'utf8')) as { version?: number; files?: unknown }
      assert.equal(state.version, 2)
      delete state.version
      delete state.files
      fs.writeFileSync(`${folder}/state.json`, JSON.stringify(state))
    }
    fs.rmSync(inFolder('old', 'checkpoints', 'step-000012', 'state.json'))
    warnings.length = 0
    assert.equal(
      resumed.restoreState(inFolder('old'), (message) => warnings.push(message)),
      null,
    )
    assert.equal(resumed.step, 11)
    assert.match(warnings.join(), /step 12 is damaged .*state\.json: cannot be read.*step-000011 is of a version/)
    resumed.dispose()
  })

  it('refuses the state of another model', () => {
    const first = new Pretrainer(parsePretrainConfig(tiny), inFolder('first'))
    first.saveState(inFolder('run'), {})
    first.dispose()
    const other = new Pretrainer(parsePretrainConfig({ ...tiny, hiddenSize: 64 }), inFolder('other'))
    assert.throws(() => {
      other.restoreState(inFolder('run'), noWarning)
    }, ConfigError)
    other.dispose()
  })
})

describe('pretrain/config', () => {
  it('names what is wrong', () => {
    assert.throws(() => parsePretrainConfig({ max_step: 3 }), /unknown option max_step; did you mean max_steps\?/)
    assert.throws(() => parsePretrainConfig({ maxSteps: 3, max_steps: 3 }), /given twice/)
    assert.throws(() => parsePretrainConfig({ drillShare: 2 }), /drillShare/)
    assert.throws(() => parsePretrainConfig({ maxSteps: 10, warmupSteps: 8, decaySteps: 8 }), /more than maxSteps/)
  })

  it('warms up, stays, and decays to 0', () => {
    const config = { learningRate: 1, warmupSteps: 4, decaySteps: 5, maxSteps: 20 }
    const rates = Array.from({ length: 20 }, (_, step) => pretrainLearningRate(step, config))
    assert.deepEqual(rates.slice(0, 5), [0.25, 0.5, 0.75, 1, 1])
    assert.deepEqual(
      rates.slice(14).map((rate) => Number(rate.toFixed(9))),
      [1, 1, 0.8, 0.6, 0.4, 0.2],
    )
  })
})
