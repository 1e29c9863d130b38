import type { Parameters } from '../../model/parameters.js'
import { asPolicy } from '../../policy/causalLM.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { AdamW } from '../../optim/adamW.js'
import type { AdamWState } from '../../optim/adamW.js'
import { clipGradNorm } from '../../optim/clipGradNorm.js'
import type { GRPOConfig } from '../config/config.js'
import { learningRateAt } from '../../optim/learningRateSchedule.js'
import { policyLoss } from '../losses/lossMetrics.js'
import { microBatchLoss } from '../losses/microBatchLoss.js'
import type { BatchPosition } from '../losses/aggregation.js'
import {
  appliedEntropyCoef,
  entropyTotals,
  hasEntropyBonus,
  initialEntropyControl,
  updateEntropyControl,
} from '../losses/entropyControl.js'
import type { EntropyControl } from '../losses/entropyControl.js'
import { dropoutKey } from '../../engine/dropoutKey.js'
import { canKeep } from '../../engine/engine.js'
import type { Recording, RowDropout } from '../../engine/engine.js'
import { moduleGradientNorms } from '../metrics/gradientNorms.js'
import { lossValues, unpadRows } from './paddedRows.js'
import type { TrainingRow } from './trainingRow.js'

/** What one micro-batch contributed. */
export interface MicroBatchResult {
  /** The loss whose gradient was added: already divided for gradient accumulation. */
  readonly loss: number
  /** entropy, kl, clip_ratio/…: see lossMetrics. */
  readonly metrics: Record<string, number>
  /** log π of every completion token in this forward pass, row by row; null for rows that were not computed, and with dropout. */
  readonly logProbs: readonly (readonly number[] | null)[]
}

/** What one optimizer step did. */
export interface AppliedUpdate {
  /** Euclidean norm of all gradients together, before clipping. */
  readonly gradNorm: number
  /** Of this step, by the schedule. */
  readonly learningRate: number
  /** False when a gradient was not a finite number: the step was skipped. */
  readonly isFinite: boolean
  /** `grad_norm/q_proj` …, see {@link moduleGradientNorms}; with an entropy bonus `entropy_coef`. */
  readonly metrics: Record<string, number>
}

/** The state of a {@link PolicyUpdate} between two steps, without the policy's values. */
export interface PolicyUpdateState {
  /** Optimizer steps made, skipped ones included. */
  readonly step: number
  readonly entropyControl: EntropyControl
  readonly adamW: AdamWState
}

/**
 * The training half of GRPO: gradients of micro-batches are added up, then one step of AdamW changes what is trained.
 * A micro-batch is computed as one packed batch in which the rows of a group share their prompt.
 */
export class PolicyUpdate {
  readonly #policy: CausalLM
  readonly #parameters: Parameters
  readonly #gradients: Float32Array
  readonly #adamW: AdamW
  #step = 0
  /** Micro-batches of the current optimizer step. */
  #microBatches = 0
  #entropyControl: EntropyControl
  /** Of all tokens of the current optimizer step, in nats. */
  #entropySum = 0
  #entropyCount = 0

  /** @throws ConfigError when nothing of the policy is trained */
  constructor(
    policy: CausalLM,
    private readonly config: GRPOConfig,
    /** Optimizer steps of the whole run: what the learning-rate schedule ends at. */
    private readonly maxSteps: number,
  ) {
    this.#policy = policy
    this.#parameters = asPolicy(policy).trained.parameters
    const { length } = this.#parameters.values
    this.#gradients = new Float32Array(length)
    this.#adamW = new AdamW(length, config)
    this.#entropyControl = initialEntropyControl(config)
  }

  /** Optimizer steps made, those that were skipped included. */
  get step(): number {
    return this.#step
  }

  /** The sum of the gradients since the last {@link apply}, in the order of the policy's parameters. */
  get gradients(): Float32Array {
    return this.#gradients.slice()
  }

  /**
   * Computes one micro-batch and adds its gradients.
   *
   * Rows that pull nothing are not computed at all: those with advantage 0 and those left out of the loss, when nothing else
   * in it depends on the model (no KL term, no entropy bonus) and sampling recorded the values of the policy as it is.
   *
   * With dropout all rows are computed, and nothing of what sampling recorded or kept is used, for sampling leaves
   * nothing out.
   */
  async accumulate(
    rows: readonly TrainingRow[],
    position: BatchPosition,
    options: {
      /** The policy has not changed since the rows were sampled by it. Defaults to false. */
      asSampled?: boolean
    } = {},
  ): Promise<MicroBatchResult> {
    const { config } = this
    const asSampled = options.asSampled === true && !this.#parameters.dropout
    const entropyCoef = appliedEntropyCoef(this.#entropyControl, config)
    const sampled = rows.map((row) => (asSampled ? sampledValues(row) : null))
    const advantageOnly = config.beta === 0 && entropyCoef === 0
    const pulls = ({ advantage, inLoss }: TrainingRow): boolean => !advantageOnly || (advantage !== 0 && inLoss)
    /** Places of the rows that are computed. */
    const active = [...rows.keys()].filter((i) => !sampled[i] || pulls(rows[i]!))
    const recording = active.length === 0 ? null : await this.#record(rows, active, sampled, asSampled)
    try {
      const place = new Map(active.map((row, i) => [row, i]))
      const valuesOf = (name: keyof SampledValues): (readonly number[])[] =>
        rows.map((_, i) => (place.has(i) ? recording![name][place.get(i)!]! : sampled[i]![name]))
      const values = lossValues(rows, { logProbs: valuesOf('logProbs'), entropies: valuesOf('entropies') })
      const loss = microBatchLoss(values, { ...position, entropyCoef }, config)
      const unpad = (padded: Float32Array): Float32Array => unpadRows(padded, rows, active)
      const computed =
        (await recording?.gradient(
          unpad(loss.dLogProbs),
          loss.dEntropies && unpad(loss.dEntropies),
          this.#gradients,
        )) ?? []
      this.#microBatches++
      const totals = entropyTotals(values.entropies, values.completionMask, config.topEntropyQuantile)
      this.#entropySum += totals.sum
      this.#entropyCount += totals.count
      const metrics = {
        ...loss.metrics,
        ...(hasEntropyBonus(config) && {
          policy_loss: policyLoss(loss.loss, values, { ...position, entropyCoef }, config),
        }),
      }
      const logProbs = rows.map((_, i) => {
        const at = place.get(i)
        return at === undefined || this.#parameters.dropout ? null : computed[at]!
      })
      return { loss: loss.loss, metrics, logProbs }
    } catch (error) {
      recording?.dispose()
      throw error
    }
  }

  /** A forward pass of the active rows. The loss looks at the whole micro-batch, so their values come before the first gradient. */
  #record(
    rows: readonly TrainingRow[],
    active: readonly number[],
    sampled: readonly (SampledValues | null)[],
    asSampled: boolean,
  ): Promise<Recording> {
    const known = active.flatMap((i) => sampled[i] ?? [])
    return this.#policy.engineModel.record(
      active.map((i) => rows[i]!),
      {
        temperature: this.config.temperature,
        maxTokens: this.config.maxTokensPerPass,
        asSampled: asSampled && canKeep(this.#policy.engine.info),
        dropout: this.#dropout(active),
        known:
          known.length < active.length
            ? null
            : { logProbs: known.map((one) => one.logProbs), entropies: known.map((one) => one.entropies) },
      },
    )
  }

  /** The dropout of the active rows of the next micro-batch; null without. */
  #dropout(active: readonly number[]): RowDropout | null {
    if (!this.#parameters.dropout) return null
    return { key: dropoutKey(this.config.seed, this.#step, this.#microBatches), rowNumbers: active }
  }

  /**
   * Clips the added-up gradients, changes the policy by one step of AdamW and starts a new sum. When a gradient is not a
   * finite number, policy and optimizer stay as they were (`isFinite` false); the learning-rate schedule goes on.
   */
  apply(): AppliedUpdate {
    const learningRate = learningRateAt(this.#step, this.maxSteps, this.config)
    const moduleGradNorms = moduleGradientNorms(this.#parameters, this.#gradients)
    const gradNorm = clipGradNorm(this.#gradients, this.config.maxGradNorm)
    const isFinite = Number.isFinite(gradNorm)
    if (isFinite) {
      this.#parameters.update((values) => {
        this.#adamW.step(values, this.#gradients, learningRate)
      })
      this.#entropyControl = updateEntropyControl(
        this.#entropyControl,
        this.#entropySum / Math.max(this.#entropyCount, 1),
        this.config,
      )
    }
    this.#step++
    this.discard()
    const metrics = {
      ...moduleGradNorms,
      ...(hasEntropyBonus(this.config) && { entropy_coef: this.#entropyControl.entropyCoef }),
    }
    return { gradNorm, learningRate, isFinite, metrics }
  }

  /** What has to be stored between two steps, beside the policy's values, to go on bit for bit. */
  state(): PolicyUpdateState {
    return { step: this.#step, entropyControl: this.#entropyControl, adamW: this.#adamW.state() }
  }

  /** Goes on from a stored state. Throws a ShapeError when it belongs to another number of parameters. */
  restore({ step, entropyControl, adamW }: PolicyUpdateState): void {
    this.#adamW.restore(adamW)
    this.#step = step
    this.#entropyControl = entropyControl
    this.discard()
  }

  /** Forgets the micro-batches since the last {@link apply}, as when a step cannot be finished. */
  discard(): void {
    this.#gradients.fill(0)
    this.#microBatches = 0
    this.#entropySum = 0
    this.#entropyCount = 0
  }
}

/** Values of a completion's tokens, in nats. */
interface SampledValues {
  readonly logProbs: readonly number[]
  readonly entropies: readonly number[]
}

/** What is known of a row by the policy that sampled it; null when it comes from elsewhere. */
function sampledValues({ samplingLogProbs, samplingEntropies, oldLogProbs }: TrainingRow): SampledValues | null {
  // The old log-probabilities are the training engine's, also where another one sampled.
  const logProbs = oldLogProbs ?? samplingLogProbs
  return logProbs && samplingEntropies ? { logProbs, entropies: samplingEntropies } : null
}
