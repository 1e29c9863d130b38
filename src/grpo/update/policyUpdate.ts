import * as tf from '../../bundled/tfjs.js'
import { ConfigError } from '../../errors.js'
import type { CausalLM } from '../../policy/causalLM.js'
import type { KeptProjections } from '../../engine/cpu/keptProjections.js'
import type { Recording } from '../../ops/gradients.js'
import { maximumTokens } from '../../engine/cpu/activations.js'
import { AdamW } from '../../optim/adamW.js'
import type { AdamWState } from '../../optim/adamW.js'
import { clipGradNorm } from '../../optim/clipGradNorm.js'
import type { GRPOConfig } from '../config/config.js'
import { FlatParameters } from '../../optim/flatParameters.js'
import { learningRateAt } from '../../optim/learningRateSchedule.js'
import { policyLoss } from '../losses/lossMetrics.js'
import type { LossValues } from '../losses/lossValues.js'
import { microBatchLoss } from '../losses/microBatchLoss.js'
import type { MicroBatchLoss } from '../losses/microBatchLoss.js'
import type { BatchPosition } from '../losses/aggregation.js'
import {
  appliedEntropyCoef,
  entropyTotals,
  hasEntropyBonus,
  initialEntropyControl,
  updateEntropyControl,
} from '../losses/entropyControl.js'
import type { EntropyControl } from '../losses/entropyControl.js'
import { dropoutKey } from '../../engine/cpu/dropoutKeys.js'
import type { RowDropout } from '../../engine/cpu/dropoutKeys.js'
import { recordRows, rowValues } from '../../engine/cpu/rowValues.js'
import { moduleGradientNorms } from '../metrics/gradientNorms.js'
import { cutRows, padRows } from './trainingRow.js'
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
  readonly learningRate: number
  /** False when a gradient was not a finite number: the step was skipped. */
  readonly isFinite: boolean
  /** `grad_norm/q_proj` …, see {@link moduleGradientNorms}; with an entropy bonus `entropy_coef`. */
  readonly metrics: Record<string, number>
}

/** The state of a {@link PolicyUpdate} between two steps, without the adapter. */
export interface PolicyUpdateState {
  /** Optimizer steps made, skipped ones included. */
  readonly step: number
  readonly entropyControl: EntropyControl
  readonly adamW: AdamWState
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
  /** Micro-batches of the current optimizer step. */
  #microBatches = 0
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

  /**
   * Computes one micro-batch and adds its gradients.
   *
   * Rows that pull nothing are not computed at all: those with advantage 0 and those left out of the loss, when nothing else
   * in it depends on the model (no KL term, no entropy bonus) and sampling recorded the values of the policy as it is.
   *
   * With dropout in the adapter all rows are computed, and nothing of what sampling recorded or kept is used, for sampling leaves
   * nothing out.
   */
  async accumulate(
    rows: readonly TrainingRow[],
    position: BatchPosition,
    options: {
      /** The adapter has not changed since the rows were sampled by this policy. Defaults to false. */
      asSampled?: boolean
      /** What sampling kept of the rows' tokens, while the adapter has not changed since. Defaults to none. */
      kept?: KeptProjections | undefined
    } = {},
  ): Promise<MicroBatchResult> {
    const { config } = this
    const dropout = this.#dropout(rows)
    const asSampled = options.asSampled === true && !dropout
    const kept = dropout ? undefined : options.kept
    const entropyCoef = appliedEntropyCoef(this.#entropyControl, config)
    const advantageOnly = config.beta === 0 && entropyCoef === 0
    const recorded = rows.map(({ samplingLogProbs, samplingEntropies }) =>
      asSampled && samplingLogProbs && samplingEntropies
        ? { logProbs: samplingLogProbs, entropies: samplingEntropies }
        : null,
    )
    const pulls = ({ advantage, inLoss }: TrainingRow): boolean => !advantageOnly || (advantage !== 0 && inLoss)
    const active = rows.filter((row, i) => !recorded[i] || pulls(row))
    const maxTokens = config.maxTokensPerPass ?? maximumTokens(this.#policy)
    const runs = cutRows(active, maxTokens)

    // The loss looks at the whole micro-batch, so all values must be known before the first gradient.
    const only =
      runs.length === 1
        ? await recordRows(this.#policy, active, config.temperature, { maxTokens, kept, dropout })
        : null
    try {
      const isRecorded = active.every((row) => recorded[rows.indexOf(row)])
      const computed =
        only ?? (isRecorded ? null : await rowValues(this.#policy, active, config.temperature, { maxTokens, dropout }))
      const values = this.#lossValues(rows, (row, i) => {
        const place = computed ? active.indexOf(row) : -1
        if (place < 0) return recorded[i]!
        return { logProbs: computed!.logProbs[place]!, entropies: computed!.entropies[place]! }
      })
      const loss = microBatchLoss(values, { ...position, entropyCoef }, config)
      const logProbs = rows.map((): readonly number[] | null => null)
      for (const run of runs) {
        const forward = only ?? (await recordRows(this.#policy, run, config.temperature, { maxTokens, kept, dropout }))
        const gradients = this.#rowGradients(rows, run, loss, values.shape[1], forward.recording)
        await this.#parameters.addGradients(gradients, this.#gradients)
        if (!dropout) for (const [place, row] of run.entries()) logProbs[rows.indexOf(row)] = forward.logProbs[place]!
      }
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
      return { loss: loss.loss, metrics, logProbs }
    } catch (error) {
      only?.recording.dispose()
      throw error
    }
  }

  /** The dropout of the next micro-batch; none for an adapter without. */
  #dropout(rows: readonly TrainingRow[]): RowDropout | undefined {
    if (!this.#policy.adapter!.dropout) return undefined
    const key = dropoutKey(this.config.seed, this.#step, this.#microBatches)
    return { key, rowNumber: (row) => rows.indexOf(row as TrainingRow) }
  }

  /** The rows as the loss takes them, with the log-probabilities and entropies that `valuesOf` gives. */
  #lossValues(
    rows: readonly TrainingRow[],
    valuesOf: (row: TrainingRow, index: number) => { logProbs: ArrayLike<number>; entropies: ArrayLike<number> },
  ): LossValues {
    const tokens = Math.max(1, ...rows.map(({ completionIds }) => completionIds.length))
    const values = rows.map(valuesOf)
    const pad = (list: readonly (ArrayLike<number> | null)[]): Float32Array | null => padRows(list, tokens)
    return {
      shape: [rows.length, tokens],
      logProbs: pad(values.map(({ logProbs }) => logProbs))!,
      entropies: pad(values.map(({ entropies }) => entropies))!,
      oldLogProbs: pad(rows.map((row) => row.oldLogProbs)),
      refLogProbs: pad(rows.map((row) => row.refLogProbs)),
      samplingLogProbs: pad(rows.map((row) => row.samplingLogProbs)),
      completionMask: pad(rows.map(({ completionIds, inLoss }) => completionIds.map(() => (inLoss ? 1 : 0))))!,
      advantages: rows.map(({ advantage }) => advantage),
    }
  }

  /** Gradients of the adapter from those of the loss with respect to the tokens of a run of rows. */
  #rowGradients(
    rows: readonly TrainingRow[],
    run: readonly TrainingRow[],
    { dLogProbs, dEntropies }: MicroBatchLoss,
    tokens: number,
    recording: Recording,
  ): (tf.Tensor | null)[] {
    /** What belongs to the run's tokens, in their packed order. */
    const pack = (padded: Float32Array): tf.Tensor1D =>
      tf.tensor1d(
        run.flatMap((row) => {
          const start = rows.indexOf(row) * tokens
          return [...padded.subarray(start, start + row.completionIds.length)]
        }),
      )
    const dys = [pack(dLogProbs), dEntropies && pack(dEntropies)]
    try {
      return recording.gradients(dys, this.#parameters.variables)
    } finally {
      tf.dispose(dys.filter((dy) => dy !== null))
    }
  }

  /**
   * Clips the added-up gradients, changes the adapter by one step of AdamW and starts a new sum. When a gradient is not a
   * finite number, adapter and optimizer stay as they were (`isFinite` false); the learning-rate schedule goes on.
   */
  async apply(): Promise<AppliedUpdate> {
    const learningRate = learningRateAt(this.#step, this.maxSteps, this.config)
    const moduleGradNorms = moduleGradientNorms(this.#policy.adapter!, this.#gradients)
    const gradNorm = clipGradNorm(this.#gradients, this.config.maxGradNorm)
    const isFinite = Number.isFinite(gradNorm)
    if (isFinite) {
      const values = await this.#parameters.read()
      this.#adamW.step(values, this.#gradients, learningRate)
      this.#parameters.write(values)
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

  /** What has to be stored between two steps, beside the adapter, to go on bit for bit. */
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
