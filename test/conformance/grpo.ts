import {
  appliedEntropyCoef,
  entropyTotals,
  importanceSamplingRatio,
  initialEntropyControl,
  policyLoss,
  samplingMetrics,
  updateEntropyControl,
} from './api.js'
import type { EntropyControl } from './api.js'
import { absolute, compareExactly, compareNumbers, compareRecord, ofOneOrMore, unsupported } from './compare.js'
import type { Row } from './compare.js'
import { completionMask, lossOf, readMicroBatch, tensorLossOf } from './lossReference.js'
import type { LossResult, MicroBatch, MicroBatchConfig, MicroBatchInputs } from './lossReference.js'
import { describing, omit, readNumbers } from './referenceFiles.js'
import type { Part } from './referenceFiles.js'

interface LossOutputs {
  loss: number
  grad_per_token_logps: number[][]
  grad_entropies?: number[][] | null
  metrics: Record<string, number>
}

interface LossReference {
  case?: string
  note?: string
  shape?: [number, number]
  config: MicroBatchConfig
  inputs: MicroBatchInputs
  outputs: LossOutputs & {
    loss_f64?: number
    /** How far the reference's own gradients in float32 and float64 are apart. */
    max_abs_grad_diff_f32_f64?: number
    sampling_metrics?: Record<string, number> | null
  }
  /** In place of inputs and outputs: micro-batches in sequence, between which the coefficient of the entropy bonus adapts. */
  sequence?: {
    optimizer_step: number
    micro_batch: number
    inputs: MicroBatchInputs
    outputs: LossOutputs & {
      entropy_coef_before?: number
      last_world_entropy_before?: number
      entropy_coef_after: number
      last_world_entropy_after: number
    }
  }[]
}

/** Losses of given log-probabilities and entropies, their gradients and metrics. */
export const grpo: Part = {
  name: 'grpo',
  matches: /^grpo\/[^/]+\.json$/,
  async *run(file, context) {
    const reference = readNumbers(context, file) as LossReference
    describing(reference, 'case', 'note')
    if (reference.sequence) yield* entropySequence(reference.config, reference.sequence)
    else yield* lossCase(reference)
  },
}

async function* lossCase(reference: LossReference): AsyncGenerator<Row> {
  const { config, inputs, outputs } = reference
  const batch = readMicroBatch(config, inputs)
  if (reference.shape) yield compareExactly('shape', [batch.values.shape], [reference.shape])
  const before = initialEntropyControl(batch.config)
  const entropyCoef = appliedEntropyCoef(before, batch.config)
  const result = lossOf(batch, entropyCoef)
  yield* compareLoss('', batch, entropyCoef, outputs)
  if (outputs.loss_f64 !== undefined) {
    yield compareNumbers('loss, in double precision', [result.loss], [outputs.loss_f64], ofOneOrMore(1e-5))
  }
  describing(outputs, 'max_abs_grad_diff_f32_f64')
  yield* compareMetrics('', batch, entropyCoef, afterStep(batch, before), outputs.metrics)

  if (!outputs.sampling_metrics) return
  const rows = completionMask(inputs).map((lossMask, row) => ({
    oldLogProbs: inputs.old_per_token_logps![row]!,
    samplingLogProbs: inputs.sampling_per_token_logps![row]!,
    lossMask,
  }))
  const ratios = rows.map((row) => importanceSamplingRatio(row, batch.config))
  const expectedRatio = inputs.importance_sampling_ratio!.flat()
  yield compareNumbers('importance-sampling ratio', ratios.flat(), expectedRatio, ofOneOrMore(1e-5))
  const expectedMetrics = outputs.sampling_metrics
  yield compareRecord('sampling metrics', samplingMetrics(rows, ratios), expectedMetrics, ofOneOrMore(1e-5))
}

async function* entropySequence(
  config: LossReference['config'],
  sequence: NonNullable<LossReference['sequence']>,
): AsyncGenerator<Row> {
  let control: EntropyControl | null = null
  let window = { sum: 0, count: 0 }
  for (const { optimizer_step: step, micro_batch: microBatch, inputs, outputs } of sequence) {
    const place = `${step}.${microBatch} `
    const batch = readMicroBatch(config, inputs)
    control ??= initialEntropyControl(batch.config)
    if (outputs.entropy_coef_before !== undefined && outputs.last_world_entropy_before !== undefined) {
      yield compareNumbers(
        `${place}entropy and coefficient before`,
        [control.lastEntropy ?? Infinity, control.entropyCoef],
        [outputs.last_world_entropy_before, outputs.entropy_coef_before],
        absolute(1e-5),
      )
    }
    const entropyCoef = appliedEntropyCoef(control, batch.config)
    yield* compareLoss(place, batch, entropyCoef, outputs)
    const { sum, count } = totalsOf(batch)
    window = { sum: window.sum + sum, count: window.count + count }
    if (microBatch === config.gradient_accumulation_steps - 1) {
      control = updateEntropyControl(control, window.sum / Math.max(window.count, 1), batch.config)
      window = { sum: 0, count: 0 }
    }
    yield* compareMetrics(place, batch, entropyCoef, control, outputs.metrics)
    yield compareNumbers(
      `${place}entropy and coefficient after`,
      [control.lastEntropy ?? Infinity, control.entropyCoef],
      [outputs.last_world_entropy_after, outputs.entropy_coef_after],
      absolute(1e-5),
    )
  }
}

/** Loss and gradients, in closed form as training computes them and as a composition of tensor operations. */
async function* compareLoss(
  prefix: string,
  batch: MicroBatch,
  entropyCoef: number,
  outputs: LossOutputs,
): AsyncGenerator<Row> {
  const results: [string, LossResult][] = [
    ['', lossOf(batch, entropyCoef)],
    [' of tensors', await tensorLossOf(batch, entropyCoef)],
  ]
  for (const [how, { loss, gradient, entropyGradient }] of results) {
    const name = (quantity: string): string => `${prefix}${quantity}${how}`
    yield compareNumbers(name('loss'), [loss], [outputs.loss], ofOneOrMore(1e-5))
    yield compareNumbers(name('gradient of log-probs'), gradient, outputs.grad_per_token_logps.flat(), absolute(1e-6))
    if (outputs.grad_entropies) {
      yield compareNumbers(
        name('gradient of entropies'),
        entropyGradient,
        outputs.grad_entropies.flat(),
        absolute(1e-6),
      )
    }
  }
}

function* compareMetrics(
  prefix: string,
  batch: MicroBatch,
  entropyCoef: number,
  /** After the step that the micro-batch belongs to: what is logged. */
  control: EntropyControl,
  expected: Record<string, number>,
): Generator<Row> {
  const { loss, metrics } = lossOf(batch, entropyCoef)
  const actual = {
    ...metrics,
    entropy_coef: control.entropyCoef,
    policy_loss: policyLoss(loss, batch.values, { ...batch.position, entropyCoef }, batch.config),
  }
  // With an advantage for each token TRL averages these over tokens, where they are means over completions.
  const isOfCompletions = batch.config.importanceSamplingLevel === 'sequence' || batch.config.lossType === 'vespo'
  const others = Object.keys(expected).filter((name) => /clip_ratio|phi_seq/.test(name))
  if (batch.hasTokenAdvantages && isOfCompletions && others.length > 0) {
    describing(expected, ...others)
    yield unsupported(`${prefix}${others.join(', ')}`, 'means over tokens of what here is of completions')
    yield compareRecord(`${prefix}metrics`, actual, omit(expected, ...others), ofOneOrMore(1e-5))
  } else yield compareRecord(`${prefix}metrics`, actual, expected, ofOneOrMore(1e-5))
}

function totalsOf({ values, config }: MicroBatch): { sum: number; count: number } {
  return entropyTotals(values.entropies, values.completionMask, config.topEntropyQuantile)
}

/** What the coefficient of the entropy bonus is after a step of this micro-batch alone. */
function afterStep(batch: MicroBatch, before: EntropyControl): EntropyControl {
  if (!batch.isTraining) return before
  const { sum, count } = totalsOf(batch)
  return updateEntropyControl(before, sum / Math.max(count, 1), batch.config)
}
