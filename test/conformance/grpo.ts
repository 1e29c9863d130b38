import * as tf from '../../src/bundled/tfjs.js'
import { goldenConfig, goldenMask, goldenTensors } from '../grpo/goldenLosses.js'
import type { GoldenEntropySequence, GoldenLoss } from '../grpo/goldenLosses.js'
import {
  appliedEntropyCoef,
  entropyTotals,
  grpoLoss,
  importanceSamplingRatio,
  initialEntropyControl,
  lossMetrics,
  policyLoss,
  samplingMetrics,
  updateEntropyControl,
} from './api.js'
import type { ImportanceSamplingOptions, LossConfig, LossInputs, LossMetricInputs } from './api.js'
import { absolute, compareNumbers, compareRecord, ofOneOrMore } from './compare.js'
import type { Row } from './compare.js'
import type { Part, ReferenceContext } from './referenceFiles.js'
import { readNumbers } from './referenceFiles.js'

/** Losses of given log-probabilities and entropies, their gradients and metrics. */
export const grpo: Part = {
  name: 'grpo',
  matches: /^grpo\/[^/]+\.json$/,
  run: (file, context) =>
    file.endsWith('/adaptive_entropy_sequence.json') ? entropySequence(file, context) : lossCase(file, context),
}

async function* lossCase(file: string, context: ReferenceContext): AsyncGenerator<Row> {
  const { config, inputs, outputs } = readNumbers(context, file) as GoldenLoss
  const options = goldenConfig(config)
  const entropyCoef = appliedEntropyCoef(initialEntropyControl(options), options)
  const { loss, gradient, entropyGradient } = await lossAndGradients(inputs, config, entropyCoef)
  yield compareNumbers('loss', [loss], [outputs.loss], ofOneOrMore(1e-5))
  yield compareNumbers('gradient of log-probs', gradient, outputs.grad_per_token_logps.flat(), absolute(1e-6))
  if (outputs.grad_entropies) {
    yield compareNumbers('gradient of entropies', entropyGradient, outputs.grad_entropies.flat(), absolute(1e-6))
  }
  const metrics = metricsOf(inputs, config, loss, entropyCoef)
  yield compareRecord('metrics', metrics, outputs.metrics, ofOneOrMore(1e-5))

  if (!outputs.sampling_metrics) return
  const rollout = {
    shape: hostInputs(inputs).shape,
    oldLogProbs: inputs.old_per_token_logps!.flat(),
    samplingLogProbs: inputs.sampling_per_token_logps!.flat(),
    completionMask: goldenMask(inputs).flat(),
  }
  const ratio = importanceSamplingRatio(rollout, {
    mode: config.vllm_importance_sampling_mode as ImportanceSamplingOptions['mode'],
    clipMax: config.vllm_importance_sampling_clip_max as number | null,
    clipMin: config.vllm_importance_sampling_clip_min as number | null,
  })
  const expectedRatio = inputs.importance_sampling_ratio!.flat()
  yield compareNumbers('importance-sampling ratio', ratio, expectedRatio, ofOneOrMore(1e-5))
  const expectedMetrics = outputs.sampling_metrics
  yield compareRecord('sampling metrics', samplingMetrics(rollout, ratio), expectedMetrics, ofOneOrMore(1e-5))
}

/** Micro-batches in sequence, between which the coefficient of the entropy bonus adapts. */
async function* entropySequence(file: string, context: ReferenceContext): AsyncGenerator<Row> {
  const { config, sequence } = readNumbers(context, file) as GoldenEntropySequence
  const options = goldenConfig(config)
  let control = initialEntropyControl(options)
  let window = { sum: 0, count: 0 }
  for (const { optimizer_step: step, micro_batch: microBatch, inputs, outputs } of sequence) {
    const place = `${step}.${microBatch}`
    const entropyCoef = appliedEntropyCoef(control, options)
    const { loss, gradient, entropyGradient } = await lossAndGradients(inputs, config, entropyCoef)
    yield compareNumbers(`${place} loss`, [loss], [outputs.loss], ofOneOrMore(1e-5))
    const expected = outputs.grad_per_token_logps.flat()
    yield compareNumbers(`${place} gradient of log-probs`, gradient, expected, absolute(1e-6))
    const expectedOfEntropies = outputs.grad_entropies!.flat()
    yield compareNumbers(`${place} gradient of entropies`, entropyGradient, expectedOfEntropies, absolute(1e-6))
    const { sum, count } = entropyTotals(inputs.entropies.flat(), goldenMask(inputs).flat(), options.topEntropyQuantile)
    window = { sum: window.sum + sum, count: window.count + count }
    if (microBatch === config.gradient_accumulation_steps - 1) {
      control = updateEntropyControl(control, window.sum / window.count, options)
      window = { sum: 0, count: 0 }
    }
    // Logged when the coefficient has been adapted.
    const metrics = { ...metricsOf(inputs, config, loss, entropyCoef), entropy_coef: control.entropyCoef }
    yield compareRecord(`${place} metrics`, metrics, outputs.metrics, ofOneOrMore(1e-5))
    yield compareNumbers(
      `${place} entropy and coefficient after`,
      [control.lastEntropy ?? Infinity, control.entropyCoef],
      [outputs.last_world_entropy_after, outputs.entropy_coef_after],
      absolute(1e-5),
    )
  }
}

async function lossAndGradients(
  inputs: GoldenLoss['inputs'],
  config: GoldenLoss['config'],
  entropyCoef: number,
): Promise<{ loss: number; gradient: Float32Array; entropyGradient: Float32Array }> {
  const options: LossConfig = goldenConfig(config)
  const { loss, gradients } = tf.tidy(() => {
    const tensors: LossInputs & { entropies: tf.Tensor2D } = goldenTensors(inputs, config, entropyCoef)
    const { value, grads } = tf.valueAndGrads((logProbs: tf.Tensor, entropies: tf.Tensor) => {
      const given = { ...tensors, logProbs: logProbs as tf.Tensor2D, entropies: entropies as tf.Tensor2D }
      // tfjs refuses to differentiate by what the loss does not depend on.
      return tf.add(grpoLoss(given, options), tf.mul(tf.sum(entropies), 0))
    })([tensors.logProbs, tensors.entropies])
    return { loss: value, gradients: grads }
  })
  const [value, gradient, entropyGradient] = await Promise.all([loss, ...gradients].map((tensor) => tensor.data()))
  tf.dispose([loss, ...gradients])
  return {
    loss: value![0]!,
    gradient: gradient as Float32Array,
    entropyGradient: entropyGradient as Float32Array,
  }
}

function metricsOf(
  inputs: GoldenLoss['inputs'],
  config: GoldenLoss['config'],
  loss: number,
  entropyCoef: number,
): Record<string, number> {
  const options = goldenConfig(config)
  const host = hostInputs(inputs)
  const gradientAccumulationSteps = config.gradient_accumulation_steps
  return {
    ...lossMetrics(host, options),
    entropy_coef: entropyCoef,
    policy_loss: policyLoss(loss, host, { entropyCoef, gradientAccumulationSteps }, options),
  }
}

function hostInputs(inputs: GoldenLoss['inputs']): LossMetricInputs {
  return {
    shape: [inputs.per_token_logps.length, inputs.per_token_logps[0]!.length],
    logProbs: inputs.per_token_logps.flat(),
    oldLogProbs: inputs.old_per_token_logps?.flat() ?? null,
    refLogProbs: inputs.ref_per_token_logps?.flat() ?? null,
    entropies: inputs.entropies.flat(),
    completionMask: goldenMask(inputs).flat(),
    advantages: inputs.advantages,
    importanceSamplingRatio: inputs.importance_sampling_ratio?.flat() ?? null,
  }
}
