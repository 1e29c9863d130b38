import * as tf from '@tensorflow/tfjs'
import { ConfigError, GrpoError } from '../errors.js'
import type { CausalLM } from '../model/causalLM.js'
import { variableGradients } from '../ops/gradients.js'
import { selectRows } from '../ops/selectRows.js'
import { AdamW } from './adamW.js'
import { clipGradNorm } from './clipGradNorm.js'
import type { GRPOConfig } from './config.js'
import { FlatParameters } from './flatParameters.js'
import { learningRateAt } from './learningRateSchedule.js'
import { lossMetrics } from './lossMetrics.js'
import { grpoLoss } from './losses.js'
import type { BatchPosition } from './losses/aggregation.js'
import {
  appliedEntropyCoef,
  entropyTotals,
  initialEntropyControl,
  updateEntropyControl,
} from './losses/entropyControl.js'
import type { EntropyControl } from './losses/entropyControl.js'
import { packRows, paddedLayout, padRows, padTokens } from './trainingRow.js'
import type { TrainingRow } from './trainingRow.js'

/** What one micro-batch contributed. */
export interface MicroBatchResult {
  /** The loss whose gradient was added: already divided for gradient accumulation. */
  readonly loss: number
  /** entropy, kl, clip_ratio/…: see {@link lossMetrics}. */
  readonly metrics: Record<string, number>
  /** log π of every completion token in this forward pass, row by row. */
  readonly logProbs: readonly number[][]
}

/**
 * The training half of GRPO: gradients of micro-batches are added up, then one step of AdamW changes the adapter.
 * A micro-batch is computed as one packed batch in which the rows of a group share their prompt.
 */
export class PolicyUpdate {
  readonly #policy: CausalLM
  readonly #parameters: FlatParameters
  readonly #gradients: Float32Array
  readonly #adamW: AdamW
  #step = 0
  #entropyControl: EntropyControl
  /** Of all tokens of the current optimizer step, in nats. */
  #entropySum = 0
  #entropyCount = 0

  /** @throws ConfigError when the policy has no adapter to train */
  constructor(
    policy: CausalLM,
    private readonly config: GRPOConfig,
    /** Optimizer steps of the whole run: what the learning-rate schedule ends at. */
    private readonly maxSteps: number,
  ) {
    if (!policy.adapter) throw new ConfigError('the policy has no adapter to train; make one with model.withLora()')
    this.#policy = policy
    this.#parameters = new FlatParameters(policy.adapter)
    this.#gradients = new Float32Array(this.#parameters.size)
    this.#adamW = new AdamW(this.#parameters.size, config)
    this.#entropyControl = initialEntropyControl(config)
  }

  /** The sum of the gradients since the last {@link apply}, in the order of the adapter's parameters. */
  get gradients(): Float32Array {
    return this.#gradients.slice()
  }

  /** Computes one micro-batch and adds its gradients. */
  async accumulate(rows: readonly TrainingRow[], position: BatchPosition): Promise<MicroBatchResult> {
    const layout = paddedLayout(rows.map(({ completionIds }) => completionIds.length))
    const host = {
      shape: layout.shape,
      completionMask: padRows(
        rows.map(({ completionIds, inLoss }) => completionIds.map(() => (inLoss ? 1 : 0))),
        layout,
      )!,
      advantages: rows.map(({ advantage }) => advantage),
      oldLogProbs: padRows(
        rows.map((row) => row.oldLogProbs),
        layout,
      ),
      refLogProbs: padRows(
        rows.map((row) => row.refLogProbs),
        layout,
      ),
      samplingLogProbs: padRows(
        rows.map((row) => row.samplingLogProbs),
        layout,
      ),
    }
    const { batch, rows: predicting, targets } = packRows(rows)
    const { loss, logProbs, entropies } = await this.#backward(position, () => {
      const hidden = selectRows(this.#policy.forward(batch), predicting)
      const packed = this.#policy.tokenLogProbs(hidden, targets, this.config.temperature)
      const tensor = (values: Float32Array): tf.Tensor2D => tf.tensor2d(values, [...layout.shape])
      return {
        logProbs: padTokens(packed.logProbs, layout),
        entropies: padTokens(packed.entropies, layout),
        completionMask: tensor(host.completionMask),
        advantages: tf.tensor1d(host.advantages),
        oldLogProbs: host.oldLogProbs && tensor(host.oldLogProbs),
        refLogProbs: host.refLogProbs && tensor(host.refLogProbs),
        samplingLogProbs: host.samplingLogProbs && tensor(host.samplingLogProbs),
      }
    })
    const totals = entropyTotals(entropies, host.completionMask, this.config.topEntropyQuantile)
    this.#entropySum += totals.sum
    this.#entropyCount += totals.count
    const tokens = layout.shape[1]
    return {
      loss,
      metrics: lossMetrics({ ...host, logProbs, entropies }, this.config),
      logProbs: rows.map(({ completionIds }, row) => [
        ...logProbs.subarray(row * tokens, row * tokens + completionIds.length),
      ]),
    }
  }

  /**
   * Clips the added-up gradients, changes the adapter by one step of AdamW and starts a new sum.
   * @throws GrpoError when a gradient is not a finite number; the adapter is then as it was
   */
  async apply(): Promise<{ gradNorm: number; learningRate: number }> {
    const learningRate = learningRateAt(this.#step, this.maxSteps, this.config)
    const gradNorm = clipGradNorm(this.#gradients, this.config.maxGradNorm)
    if (!Number.isFinite(gradNorm)) {
      this.discard()
      throw new GrpoError(
        `the gradients of optimizer step ${this.#step + 1} are not finite (norm ${gradNorm}); the adapter was left as it was. ` +
          'Try a lower learningRate, a smaller maxGradNorm, or rewards of a smaller range',
      )
    }
    const values = await this.#parameters.read()
    this.#adamW.step(values, this.#gradients, learningRate)
    await this.#parameters.write(values)
    this.#step++
    this.#entropyControl = updateEntropyControl(
      this.#entropyControl,
      this.#entropySum / Math.max(this.#entropyCount, 1),
      this.config,
    )
    this.discard()
    return { gradNorm, learningRate }
  }

  /** Forgets the micro-batches since the last {@link apply}, as when a step cannot be finished. */
  discard(): void {
    this.#gradients.fill(0)
    this.#entropySum = 0
    this.#entropyCount = 0
  }

  /** Loss and gradients of a forward pass; the gradients are added to the sum, the values for the metrics returned. */
  async #backward(
    position: BatchPosition,
    forward: () => Omit<Parameters<typeof grpoLoss>[0], keyof BatchPosition | 'entropyCoef'>,
  ): Promise<{ loss: number; logProbs: Float32Array; entropies: Float32Array }> {
    let kept: tf.Tensor[] = []
    try {
      const { value, gradients } = variableGradients(() => {
        const inputs = forward()
        kept = [tf.keep(inputs.logProbs.clone()), tf.keep(inputs.entropies!.clone())]
        const entropyCoef = appliedEntropyCoef(this.#entropyControl, this.config)
        return grpoLoss({ ...inputs, ...position, entropyCoef }, this.config)
      }, this.#parameters.variables)
      const [loss, logProbs, entropies] = await Promise.all([value, ...kept].map((tensor) => tensor.data()))
      value.dispose()
      await this.#parameters.addGradients(gradients, this.#gradients)
      return { loss: loss![0]!, logProbs: logProbs as Float32Array, entropies: entropies as Float32Array }
    } finally {
      tf.dispose(kept)
    }
  }
}
