import { AdamW, clipGradNorm, learningRateAt, parseGRPOConfig } from './api.js'
import type { GRPOConfig } from './api.js'
import { absolute, compareNumbers } from './compare.js'
import type { Part } from './referenceFiles.js'
import { describing, readNumbers } from './referenceFiles.js'

type Nested = number | readonly Nested[]
type Tensors = Record<string, Nested>

interface OptimizerReference {
  case: string
  config: {
    lr: number
    weight_decay: number
    betas: [number, number]
    eps: number
    scheduler: GRPOConfig['lrSchedulerType']
    /** Its settings by transformers' names. */
    scheduler_kwargs?: Record<string, unknown> | null
    warmup_steps: number
    total_steps: number
    max_grad_norm: number | null
  }
  init: Tensors
  steps: {
    step: number
    lr_used: number
    grad: Tensors
    grad_norm: number | null
    clipped_grad: Tensors
    param_after: Tensors
    exp_avg_after: Tensors
    exp_avg_sq_after: Tensors
  }[]
}

/** All tensors of a set as one vector. */
function flatten(tensors: Tensors): Float32Array {
  return Float32Array.from(Object.values(tensors).flatMap((tensor) => [tensor].flat(9) as number[]))
}

/** Trajectories of AdamW with clipping and a learning-rate schedule. */
export const optim: Part = {
  name: 'optim',
  matches: /^optim\/[^/]+\.json$/,
  *run(file, context) {
    const reference = readNumbers(context, file) as OptimizerReference
    describing(reference, 'case')
    const { config, init, steps } = reference
    const { scheduler, warmup_steps: warmupSteps } = config
    const parameters = flatten(init)
    const [adamBeta1, adamBeta2] = config.betas
    const options = { adamBeta1, adamBeta2, adamEpsilon: config.eps, weightDecay: config.weight_decay }
    const optimizer = new AdamW(parameters.length, options)
    const schedule = parseGRPOConfig({
      learningRate: config.lr,
      lrSchedulerType: scheduler,
      lrSchedulerKwargs: config.scheduler_kwargs ?? {},
      // transformers has no warm-up with a constant rate.
      warmupSteps: scheduler === 'constant' ? 0 : warmupSteps,
    })
    const seen = { rates: [] as number[], norms: [] as number[], clipped: [] as number[] }
    const moments = { m: [] as number[], v: [] as number[], parameters: [] as number[] }
    for (const { step, grad } of steps) {
      const gradients = flatten(grad)
      const rate = learningRateAt(step - 1, config.total_steps, schedule)
      seen.rates.push(rate)
      seen.norms.push(clipGradNorm(gradients, config.max_grad_norm ?? 0))
      seen.clipped.push(...gradients)
      optimizer.step(parameters, gradients, rate)
      const { m, v } = optimizer.state()
      moments.m.push(...m)
      moments.v.push(...v)
      moments.parameters.push(...parameters)
    }
    const all = (tensors: (step: OptimizerReference['steps'][number]) => Tensors): number[] =>
      steps.flatMap((step) => [...flatten(tensors(step))])
    const expectedRates = steps.map((step) => step.lr_used)
    yield compareNumbers('learning rates', seen.rates, expectedRates, absolute(1e-9))
    const expectedNorms = steps.flatMap(({ grad_norm: norm }) => (norm === null ? [] : [norm]))
    if (expectedNorms.length > 0) {
      yield compareNumbers('gradient norms', seen.norms, expectedNorms, absolute(2e-6))
    }
    const [parametersAfter, m, v] = [
      all((step) => step.param_after),
      all((step) => step.exp_avg_after),
      all((step) => step.exp_avg_sq_after),
    ]
    yield compareNumbers(
      'clipped gradients',
      seen.clipped,
      all((step) => step.clipped_grad),
      absolute(2e-6),
    )
    yield compareNumbers('first moments', moments.m, m, absolute(2e-6))
    yield compareNumbers('second moments', moments.v, v, absolute(2e-6))
    yield compareNumbers('parameters', moments.parameters, parametersAfter, absolute(2e-6))
  },
}
