import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { GRPOConfig } from '../../grpo/config/config.js'
import { GRPOTrainer } from '../../grpo/trainer.js'
import type { GRPOTrainerOptions } from '../../grpo/trainer.js'
import type { CausalLM } from '../../policy/causalLM.js'
import type { RewardFunction } from '../../rewards/reward.js'
import type { Task } from '../../tasks/task.js'

/** How long one step took, in seconds, and what it worked on, in tokens. */
export interface StepMeasurement {
  readonly seconds: number
  /** Sampling, and the little that judging takes. */
  readonly generationSeconds: number
  /** Gradients and the optimizer. */
  readonly trainingSeconds: number
  readonly completionTokens: number
  /** Prompt tokens, once for each completion as TRL counts them, and completion tokens. */
  readonly trainedTokens: number
}

/** A task whose prompts are random tokens, all of one length: as many problems as prompts are needed. */
export function randomPrompts(size: {
  readonly problems: number
  /** Tokens of a prompt. */
  readonly promptLength: number
  readonly vocabularySize: number
}): Task {
  const random = xoroshiro128plus(0)
  const prompts = Array.from({ length: size.problems }, () =>
    Array.from({ length: size.promptLength }, () => uniformInt(random, 0, size.vocabularySize - 1)),
  )
  return {
    name: 'random prompts',
    problems: prompts.map((_, index) => ({ id: `random/${index}`, question: '', answer: '' })),
    systemPrompt: null,
    prompt: ({ id }) => ({ text: '', ids: prompts[Number(id.split('/')[1])]! }),
  }
}

/** Judges completions +1 and −1 in turn, so that every one has an advantage and none can be left out of training. */
function alternatingReward(): RewardFunction {
  let count = 0
  return { name: 'alternating', weight: 1, score: () => (count++ % 2 === 0 ? 1 : -1) }
}

/** Makes every completion of a policy maxCompletionLength tokens long: no token ends one. */
export function ignoreEndOfSequence(policy: CausalLM): void {
  Object.defineProperty(policy, 'eosTokenIds', { value: [] })
}

/** Trains with alternating rewards and yields the measurement of each step of `config.maxSteps`. */
export async function* measureSteps(
  policy: CausalLM,
  task: Task,
  config: Partial<GRPOConfig>,
  options: Pick<GRPOTrainerOptions, 'onProgress' | 'signal'> = {},
): AsyncGenerator<StepMeasurement> {
  const trainer = new GRPOTrainer({
    policy,
    task,
    config,
    rewards: [alternatingReward()],
    ...options,
  })
  for await (const { metrics, groups } of trainer) {
    const seconds = metrics.step_time
    const generationSeconds = metrics.sampling_time
    let [completionTokens, trainedTokens] = [0, 0]
    for (const { promptIds, completions } of groups) {
      for (const { ids } of completions) {
        completionTokens += ids.length
        trainedTokens += promptIds.length + ids.length
      }
    }
    const trainingSeconds = seconds - generationSeconds
    yield { seconds, generationSeconds, trainingSeconds, completionTokens, trainedTokens }
  }
}
