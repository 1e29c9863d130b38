import type { GRPOConfig } from '../../src/grpo/config/config.js'
import { GRPOTrainer } from '../../src/grpo/trainer.js'
import type { GRPOTrainerOptions } from '../../src/grpo/trainer.js'
import type { TrainingStep } from '../../src/grpo/step.js'
import { loadModel } from '../../src/policy/loadModel.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import type { LoraOptions } from '../../src/model/loraOptions.js'
import type { RewardFunction, RewardSample } from '../../src/rewards/reward.js'
import type { Task } from '../../src/tasks/task.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'

/** Tokens of the model of the trainer's tests, which has no tokenizer and no EOS token. */
export const VOCABULARY = 20

/** Problems whose prompts are a few given tokens. */
export function tinyTask(numProblems = 3): Task {
  return {
    name: 'tiny',
    problems: Array.from({ length: numProblems }, (_, i) => ({
      id: `tiny/${i}`,
      question: `${i}`,
      answer: `${i * i}`,
    })),
    systemPrompt: null,
    prompt: ({ question }) => ({ text: `Q${question}`, ids: [1, 2 + Number(question)] }),
  }
}

/** The fraction of a completion's tokens that are a certain one. */
export function fractionOf(token: number, name = 'fraction'): RewardFunction {
  return rewardOf(({ ids }) => ids.filter((id) => id === token).length / ids.length, name)
}

/** A reward function; its result may be of a type that it should not be. */
export function rewardOf(score: (input: RewardSample) => unknown, name = 'fraction'): RewardFunction {
  return { name, weight: 1, score: score as RewardFunction['score'] }
}

/** Steps without the metrics that are times or memory, which differ between equal runs. */
export function withoutTimes(
  steps: readonly TrainingStep[],
): (Omit<TrainingStep, 'metrics'> & { metrics: Record<string, number | undefined> })[] {
  const times = ['step_time', 'sampling_time', 'tokens_per_second', 'memory/tensor_bytes', 'memory/process_bytes']
  return steps.map((step) => ({
    ...step,
    metrics: Object.fromEntries(Object.entries(step.metrics).filter(([name]) => !times.includes(name))),
  }))
}

/** What {@link withPolicy} makes for a test. */
export interface Trained {
  base: CausalLM
  policy: CausalLM
  /** A trainer of the policy: groups of four, six steps, one prompt each. */
  trainerOf: (options?: Partial<GRPOTrainerOptions>, config?: Partial<GRPOConfig>) => GRPOTrainer
}

/** Runs a test with a new policy of a tiny model on the current backend. */
export async function withPolicy(
  body: (trained: Trained) => Promise<void>,
  modelConfig: Record<string, unknown> = {},
  lora: LoraOptions = {},
): Promise<void> {
  const folder = temporaryTinyModel(
    { vocab_size: VOCABULARY, max_position_embeddings: 64, ...modelConfig },
    { tokenizer: false },
  )
  const base = await loadModel(folder)
  const policy = base.withLora({ r: 4, alpha: 8, ...lora })
  try {
    await body({
      base,
      policy,
      trainerOf: (options = {}, config = {}) =>
        new GRPOTrainer({
          policy,
          task: tinyTask(),
          rewards: [fractionOf(7)],
          ...options,
          config: {
            numGenerations: 4,
            perDeviceTrainBatchSize: 4,
            maxCompletionLength: 5,
            maxSteps: 6,
            seed: 1,
            learningRate: 0.02,
            lrSchedulerType: 'constant',
            ...config,
          },
        }),
    })
  } finally {
    policy.dispose()
    base.dispose()
  }
}
