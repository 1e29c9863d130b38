import fs from 'node:fs'
import path from 'node:path'
import * as tf from '../../src/bundled/tfjs.js'
import { grpoConfigSchema, type GRPOConfig } from '../../src/grpo/config/config.js'
import type { LossInputs } from '../../src/grpo/losses/grpoLoss.js'

type Matrix = number[][]

interface GoldenInputs {
  per_token_logps: Matrix
  old_per_token_logps: Matrix | null
  ref_per_token_logps?: Matrix | null
  sampling_per_token_logps?: Matrix | null
  entropies: Matrix
  completion_mask: Matrix
  tool_mask?: Matrix | null
  advantages: number[]
  num_items_in_batch?: number
  importance_sampling_ratio?: Matrix | null
}

interface GoldenOutputs {
  loss: number
  grad_per_token_logps: Matrix
  grad_entropies: Matrix | null
  metrics: Record<string, number>
  sampling_metrics?: Record<string, number>
}

export interface GoldenLoss {
  case: string
  config: Record<string, unknown> & { mode?: string; gradient_accumulation_steps: number; steps_per_generation: number }
  inputs: GoldenInputs
  outputs: GoldenOutputs
}

export interface GoldenEntropySequence {
  config: GoldenLoss['config']
  sequence: {
    optimizer_step: number
    micro_batch: number
    inputs: GoldenInputs
    outputs: GoldenOutputs & { entropy_coef_after: number; last_world_entropy_after: number }
  }[]
}

/** All cases of golden/grpo but the sequence of the adaptive entropy bonus. */
export function goldenLosses(folder: string): GoldenLoss[] {
  return fs
    .readdirSync(folder)
    .filter((file) => file.endsWith('.json') && file !== 'adaptive_entropy_sequence.json')
    .map((file) => JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8')) as GoldenLoss)
}

/**
 * The options of a case, by their snake_case names; not checked for combinations, since the cases contain unusual
 * ones.
 */
export function goldenConfig(
  config: Record<string, unknown>,
): Omit<GRPOConfig, 'stepsPerGeneration' | 'generationBatchSize'> {
  const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return grpoConfigSchema
    .strip()
    .parse(Object.fromEntries(Object.entries(config).map(([key, value]) => [camelCase(key), value])))
}

/** Completion mask times tool mask. */
export function goldenMask({ completion_mask, tool_mask }: GoldenInputs): Matrix {
  return completion_mask.map((row, i) => row.map((kept, t) => kept * (tool_mask?.[i]?.[t] ?? 1)))
}

/** The tensors and numbers that grpoLoss takes. */
export function goldenTensors(
  inputs: GoldenInputs,
  config: GoldenLoss['config'],
  entropyCoef: number,
): LossInputs & { entropies: tf.Tensor2D } {
  const optional = (matrix: Matrix | null | undefined): tf.Tensor2D | null => (matrix ? tf.tensor2d(matrix) : null)
  const isTraining = config.mode !== 'eval'
  return {
    logProbs: tf.tensor2d(inputs.per_token_logps),
    entropies: tf.tensor2d(inputs.entropies),
    oldLogProbs: optional(inputs.old_per_token_logps),
    refLogProbs: optional(inputs.ref_per_token_logps),
    samplingLogProbs: optional(inputs.sampling_per_token_logps),
    completionMask: tf.tensor2d(goldenMask(inputs), undefined, 'float32'),
    advantages: tf.tensor1d(inputs.advantages),
    importanceSamplingRatio: optional(inputs.importance_sampling_ratio),
    numItemsInBatch: inputs.num_items_in_batch ?? 0,
    gradientAccumulationSteps: isTraining ? config.gradient_accumulation_steps : 1,
    stepsPerGeneration: isTraining ? config.steps_per_generation : 1,
    entropyCoef,
  }
}
