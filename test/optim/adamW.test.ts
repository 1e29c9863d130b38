import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { ShapeError } from '../../src/errors.js'
import { AdamW } from '../../src/optim/adamW.js'
import { clipGradNorm } from '../../src/optim/clipGradNorm.js'
import { grpoConfigSchema, type GRPOConfig } from '../../src/grpo/config/config.js'
import { learningRateAt } from '../../src/optim/learningRateSchedule.js'
import { requireShared } from '../shared.js'
import { assertClose } from '../grpo/assertClose.js'
import { randomNumbers } from '../grpo/referenceLoss.js'

type Nested = number | Nested[]
type Tensors = Record<string, Nested>

interface GoldenOptimizer {
  case: string
  config: {
    lr: number
    weight_decay: number
    betas: [number, number]
    eps: number
    scheduler: GRPOConfig['lrSchedulerType']
    warmup_steps: number
    total_steps: number
    max_grad_norm: number | null
  }
  init: Tensors
  steps: {
    lr_used: number
    grad: Tensors
    grad_norm: number | null
    clipped_grad: Tensors
    param_after: Tensors
    exp_avg_after: Tensors
    exp_avg_sq_after: Tensors
  }[]
}

const flatten = (tensors: Tensors): Float32Array =>
  Float32Array.from(Object.values(tensors).flatMap((tensor) => (tensor as Nested[]).flat(9) as number[]))

describe('grpo/adamW', () => {
  const options = { adamBeta1: 0.8, adamBeta2: 0.95, adamEpsilon: 1e-3, weightDecay: 0.1 }
  const gradients = (step: number): Float32Array => {
    const random = randomNumbers(step)
    return Float32Array.from({ length: 5 }, () => random() - 0.5)
  }

  it('follows the sums that the moments stand for', () => {
    const optimizer = new AdamW(5, options)
    const parameters = Float32Array.from([1, -2, 0.5, 0, 3])
    const expected = Array.from(parameters)
    for (let step = 1; step <= 6; step++) {
      const rate = 0.1 / step
      optimizer.step(parameters, gradients(step), rate)
      for (let i = 0; i < 5; i++) {
        // Bias-corrected moments as weighted means over all gradients so far.
        let [m, v, weightsM, weightsV] = [0, 0, 0, 0]
        for (let k = 1; k <= step; k++) {
          const gradient = gradients(k)[i]!
          m += 0.8 ** (step - k) * gradient
          weightsM += 0.8 ** (step - k)
          v += 0.95 ** (step - k) * gradient ** 2
          weightsV += 0.95 ** (step - k)
        }
        expected[i] = expected[i]! * (1 - rate * 0.1) - (rate * (m / weightsM)) / (Math.sqrt(v / weightsV) + 1e-3)
      }
      assertClose(parameters, expected, 2e-6, `step ${step}`)
    }
  })

  it('continues bit for bit from a stored state', () => {
    const whole = new AdamW(5, options)
    const parameters = new Float32Array(5).fill(1)
    for (let step = 1; step <= 3; step++) whole.step(parameters, gradients(step), 0.01)
    const stored = whole.state()
    const resumed = new AdamW(5, options)
    resumed.restore(stored)
    const copy = parameters.slice()
    whole.step(parameters, gradients(4), 0.01)
    resumed.step(copy, gradients(4), 0.01)
    assert.deepEqual(copy, parameters)
    assert.deepEqual(resumed.state(), whole.state())
    assert.equal(stored.step, 3)
    assert.notDeepEqual(stored.m, whole.state().m)
  })

  it('updates the moments but not the parameters when the learning rate is 0', () => {
    const optimizer = new AdamW(5, options)
    const parameters = new Float32Array(5).fill(1)
    optimizer.step(parameters, gradients(1), 0)
    assert.deepEqual(parameters, new Float32Array(5).fill(1))
    assert.ok(optimizer.state().v.every((x) => x > 0))
  })

  it('refuses vectors of another length', () => {
    const optimizer = new AdamW(5, options)
    assert.throws(() => {
      optimizer.step(new Float32Array(4), new Float32Array(5), 0.1)
    }, ShapeError)
    assert.throws(() => {
      optimizer.restore({ step: 1, m: new Float32Array(5), v: new Float32Array(6) })
    }, /6 numbers, expected 5/)
  })
})

describe('grpo/adamW, clipGradNorm and learningRateSchedule together', () => {
  it('agree with the golden trajectories made with torch and transformers', function () {
    const folder = requireShared(this, 'golden', 'optim')
    const files = fs.readdirSync(folder).filter((file) => file.endsWith('.json'))
    assert.ok(files.length >= 8)
    for (const file of files) {
      const {
        case: name,
        config,
        init,
        steps,
      } = JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8')) as GoldenOptimizer
      const options = grpoConfigSchema.parse({
        learningRate: config.lr,
        lrSchedulerType: config.scheduler,
        warmupSteps: config.warmup_steps,
        weightDecay: config.weight_decay,
        adamBeta1: config.betas[0],
        adamBeta2: config.betas[1],
        adamEpsilon: config.eps,
      })
      const parameters = flatten(init)
      const optimizer = new AdamW(parameters.length, options)
      for (const [k, step] of steps.entries()) {
        const rate = learningRateAt(k, config.total_steps, options)
        assertClose([rate], [step.lr_used], 1e-15, `${name} learning rate`)
        const gradient = flatten(step.grad)
        const norm = clipGradNorm(gradient, config.max_grad_norm ?? 0)
        if (step.grad_norm !== null) assertClose([norm], [step.grad_norm], 2e-6, `${name} norm`)
        assertClose(gradient, flatten(step.clipped_grad), 2e-6, `${name} clipped`)
        optimizer.step(parameters, gradient, rate)
        assertClose(parameters, flatten(step.param_after), 2e-6, `${name} parameters`)
        assertClose(optimizer.state().m, flatten(step.exp_avg_after), 2e-6, `${name} m`)
        assertClose(optimizer.state().v, flatten(step.exp_avg_sq_after), 2e-6, `${name} v`)
      }
    }
  })
})
