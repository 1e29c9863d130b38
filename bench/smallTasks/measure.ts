import { evaluate } from '../../src/eval/evaluate.js'
import { GRPOTrainer } from '../../src/grpo/trainer.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { loadRewards } from '../../src/rewards/loadReward.js'
import { loadTask } from '../../src/tasks/loadTask.js'
import type { Task } from '../../src/tasks/task.js'

/** The tasks of the embedded model's own size: a word problem, a deduction, a program. */
export const smallTasks = ['word-problems', 'orderings', 'small-programs'] as const

/** What a model does on held-out problems. */
export interface Answered {
  /** Share of right answers by the likeliest tokens, and sampled at temperature 1. */
  readonly greedy: number
  readonly sampled: number
  /** Of the sampled answers: steps, and tokens. */
  readonly steps: number
  readonly tokens: number
}

/** A task before and after training. */
export interface SmallTaskResult {
  readonly task: string
  readonly base: Answered
  /** One for each seed, with the time of the training. */
  readonly trained: readonly (Answered & { readonly seconds: number })[]
}

/** How much is trained and measured. */
export interface SmallTaskSizes {
  readonly model: string
  readonly task: string
  /** Trainings, with the seeds 1 to this. */
  readonly seeds: number
  readonly steps: number
  readonly problems: number
  readonly learningRate: number
}

const MAX_COMPLETION_LENGTH = 96

/** Measures a model on held-out problems of a task, trains it on the others, and measures it again. */
export async function measureSmallTask(sizes: SmallTaskSizes): Promise<SmallTaskResult> {
  const { model, task, seeds, steps, problems, learningRate } = sizes
  const base = await loadModel(model)
  const heldOut = await loadTask(task, { split: 'test', limit: problems })
  const trained: SmallTaskResult['trained'][number][] = []
  try {
    const before = await answers(base, heldOut)
    for (let seed = 1; seed <= seeds; seed++) {
      const policy = base.withLora({ r: 16, alpha: 32, seed })
      try {
        const started = performance.now()
        const trainer = new GRPOTrainer({
          policy,
          task: await loadTask(task, { seed }),
          rewards: await loadRewards(['correctness'], {}),
          config: {
            numGenerations: 8,
            perDeviceTrainBatchSize: 64,
            maxCompletionLength: MAX_COMPLETION_LENGTH,
            maxSteps: steps,
            learningRate,
            seed,
          },
        })
        await trainer.train()
        const seconds = (performance.now() - started) / 1000
        trained.push({ ...(await answers(policy, heldOut)), seconds })
      } finally {
        policy.dispose()
      }
    }
    return { task, base: before, trained }
  } finally {
    base.dispose()
  }
}

async function answers(model: CausalLM, task: Task): Promise<Answered> {
  const { policies } = await evaluate({ model }, task, { samples: 1, maxCompletionLength: MAX_COMPLETION_LENGTH })
  const { greedy, sampled } = policies[0]!
  return {
    greedy: greedy!.accuracy.value,
    sampled: sampled!.accuracy.value,
    steps: sampled!.reasoning.meanSteps.value,
    tokens: sampled!.meanTokens.value,
  }
}
