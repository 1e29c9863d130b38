import type { CausalLM } from '../../policy/causalLM.js'
import type { GRPOConfig } from '../config/config.js'
import { gibibytes, roughDuration } from '../../io/units.js'
import { describeMemory } from '../memory/forecast.js'
import type { MemoryForecast } from '../memory/forecast.js'
import type { MemoryLimits } from '../memory/limits.js'
import { PolicyUpdate } from '../update/policyUpdate.js'
import type { RolloutGroup } from '../rollouts/rollouts.js'
import { mean } from '../metrics/statistics.js'
import type { TrainingRow } from '../update/trainingRow.js'
import { ok } from './preflightCheck.js'
import type { PreflightCheck } from './preflightCheck.js'

/** Of the memory that this process may take: beyond it other programs are pushed out. */
const MEMORY_SHARE = 0.8

/** Seconds a step beyond which a run of a hundred steps takes most of a day. */
const SLOW_STEP = 600

/** How fast the two halves of a step are here, in completion tokens a second. */
export interface Speed {
  readonly sampling: number
  readonly training: number
}

/** Milliseconds below which training is measured once more, since the first time warms up. */
const WARM_UP = 3000

/** Fewest tokens of a completion to train on when the time is short. */
const SHORTEST = 16

/** The completions of a group as rows to train on. */
export function rowsOf({ promptIds, completions }: RolloutGroup): TrainingRow[] {
  return completions.map(({ ids, logProbs, entropies }) => ({
    ...rowOf(promptIds, ids),
    samplingLogProbs: logProbs,
    samplingEntropies: entropies,
  }))
}

/** A completion to train on whose values nobody reads. */
export function rowOf(promptIds: readonly number[], completionIds: readonly number[]): TrainingRow {
  const zeros = completionIds.map(() => 0)
  return {
    promptIds,
    completionIds,
    advantage: 1,
    inLoss: true,
    samplingLogProbs: zeros,
    samplingEntropies: zeros,
    oldLogProbs: null,
    refLogProbs: null,
  }
}

/** As many rows as are trained on at once and as there are tokens for, the prompts' included: one at least, cut if need be. */
function rowsWithin(all: readonly TrainingRow[], count: number, maxTokens: number): TrainingRow[] {
  const [first, ...others] = all.slice(0, count) as [TrainingRow, ...TrainingRow[]]
  let left = maxTokens - first.promptIds.length
  const rows = [cutCompletion(first, Math.max(SHORTEST, Math.floor(left)))]
  left -= first.completionIds.length
  for (const row of others) {
    left -= row.completionIds.length + (row.promptIds === rows.at(-1)!.promptIds ? 0 : row.promptIds.length)
    if (left < 0) break
    rows.push(row)
  }
  return rows
}

function cutCompletion(row: TrainingRow, length: number): TrainingRow {
  if (row.completionIds.length <= length) return row
  return {
    ...row,
    completionIds: row.completionIds.slice(0, length),
    samplingLogProbs: row.samplingLogProbs?.slice(0, length) ?? null,
    samplingEntropies: row.samplingEntropies?.slice(0, length) ?? null,
  }
}

/**
 * Trains on a micro-batch of sampled completions, or on the part of it that has at most `tokens` tokens, without changing
 * the adapter.
 * @returns completion tokens a second
 */
export async function measureTraining(
  policy: CausalLM,
  all: readonly TrainingRow[],
  config: GRPOConfig,
  limits: { tokens: number },
): Promise<number> {
  const rows = rowsWithin(all, config.perDeviceTrainBatchSize, limits.tokens)
  const tokens = rows.reduce((sum, { completionIds }) => sum + completionIds.length, 0)
  const update = new PolicyUpdate(policy, { ...config, beta: 0 }, 1)
  const position = { numItemsInBatch: tokens, gradientAccumulationSteps: 1, stepsPerGeneration: 1 }
  const measure = async (): Promise<number> => {
    const started = performance.now()
    await update.accumulate(rows, position, { asSampled: true })
    return performance.now() - started
  }
  const first = await measure()
  const isWarmUp = first < WARM_UP || policy.engine.info.isCompiled
  return (1000 * tokens) / (isWarmUp ? await measure() : first)
}

/** How long a step and the run will take, from the speed and the lengths that were measured. */
export function forecastTime(
  groups: readonly RolloutGroup[],
  speed: Speed,
  config: GRPOConfig,
  maxSteps: number,
): { secondsPerStep: number; seconds: number; check: PreflightCheck } {
  // Without completions that ended, the longest ones.
  const length =
    groups.length === 0
      ? config.maxCompletionLength
      : mean(groups.flatMap(({ completions }) => completions.map(({ ids }) => ids.length)))
  const { perDeviceTrainBatchSize, gradientAccumulationSteps, stepsPerGeneration, numIterations } = config
  const trained = perDeviceTrainBatchSize * gradientAccumulationSteps
  const batches = gradientAccumulationSteps / (stepsPerGeneration * numIterations)
  const sampling = (batches * config.generationBatchSize * length) / speed.sampling
  const training = (trained * length) / speed.training
  const secondsPerStep = sampling + training
  const seconds = secondsPerStep * maxSteps
  const message =
    `a step will take about ${roughDuration(secondsPerStep)} (sampling ${roughDuration(sampling)}, training ${roughDuration(training)}), ` +
    `${maxSteps} steps ${roughDuration(seconds)}`
  const evidence = {
    'seconds per step': secondsPerStep,
    seconds,
    'mean length': length,
    'sampling tokens per second': speed.sampling,
    'training tokens per second': speed.training,
  }
  if (secondsPerStep <= SLOW_STEP) return { secondsPerStep, seconds, check: ok('time', message, evidence) }
  return {
    secondsPerStep,
    seconds,
    check: {
      name: 'time',
      status: 'warning',
      message,
      evidence,
      advice: `take fewer completions a step (gradientAccumulationSteps ${Math.max(1, gradientAccumulationSteps >> 1)}), or a smaller model`,
    },
  }
}

/** Memory that the run will need; one that cannot fit was refused before. */
export function checkMemoryForecast(forecast: MemoryForecast, limits: MemoryLimits): PreflightCheck {
  const { device, process: needed } = forecast
  const available = limits.process
  const onDevice = device === null ? null : { needed: device, available: limits.device! }
  const evidence = {
    'forecast bytes': needed,
    'available bytes': available,
    ...(onDevice && { 'forecast bytes of the device': onDevice.needed, 'bytes of the device': onDevice.available }),
  }
  const message =
    `the run will need at most ${onDevice ? `${gibibytes(onDevice.needed)} of the device's ${gibibytes(onDevice.available)}, and ` : ''}` +
    `${gibibytes(needed)} of the ${gibibytes(available)} of memory (${describeMemory(forecast)})`
  if (needed <= MEMORY_SHARE * available) return ok('memory', message, evidence)
  return {
    name: 'memory',
    status: 'warning',
    message,
    evidence,
    advice:
      forecast.fewerBits !== null && forecast.weights > forecast.tensors / 2
        ? `${forecast.fewerBits}, or end what else runs on this machine`
        : 'set maxTokensPerPass, take a smaller perDeviceTrainBatchSize, or end what else runs on this machine',
  }
}
