import type { z } from 'zod'
import { ConfigError } from '../../errors.js'
import { digest } from '../../io/digest.js'
import type { Policy } from '../../policy/causalLM.js'
import type { RewardFunction } from '../../rewards/reward.js'
import type { Task } from '../../tasks/task.js'
import type { Sampler } from '../rollouts/sampler.js'
import { dependsOnMaxSteps } from '../../optim/learningRateSchedule.js'
import { grpoConfigSchema, grpoOptions } from '../config/config.js'
import type { GRPOConfig } from '../config/config.js'

/** Everything that decides how a run goes on, as `name: value`; two runs with the same can continue each other. */
export type RunIdentity = Readonly<Record<string, unknown>>

/** Options that change what is written or shown, and when a run ends, but not what a step computes. */
const free: readonly (keyof GRPOConfig)[] = [
  'reportTo',
  'loggingSteps',
  'saveStrategy',
  'saveSteps',
  'saveTotalLimit',
  'logCompletionTokens',
  'loadBestModelAtEnd',
  'earlyStoppingPatience',
]

/**
 * What changes the order of sums alone. Where results depend on what else is computed with them, a run goes on with other ones, such as
 * on a card with more memory.
 */
const ofBits: readonly string[] = ['budgets', 'maxTokensPerPass']

/** Problems whose prompts are rendered for the comparison: enough to notice another template or system prompt. */
const RENDERED_PROMPTS = 16

/** The identity of a run that takes `maxSteps` steps. */
export function runIdentity(
  policy: Policy,
  task: Task,
  rewards: readonly Pick<RewardFunction, 'name' | 'weight'>[],
  config: GRPOConfig,
  maxSteps: number,
  rolloutEngine: Sampler['identity'] = null,
): RunIdentity {
  const { info } = policy.engine
  const options = Object.entries(config).filter(([name]) => !free.includes(name as keyof GRPOConfig))
  const prompts = task.problems.slice(0, RENDERED_PROMPTS).map((problem) => task.prompt(problem, policy.tokenizer))
  const identity = {
    ...Object.fromEntries(options),
    maxSteps,
    task: task.name,
    problems: `${task.problems.length} problems, ${digest(task.problems.map(({ id, question, answer }) => [id, question, answer]))}`,
    prompts: digest(prompts),
    rewards: rewards.map(({ name, weight }) => `${name} × ${weight}`).join(', '),
    model: `${policy.config.architecture}, ${digest(policy.config.raw)}`,
    adapter: policy.trained.identity,
    // As in the checkpoints of earlier versions, nothing stands for numbers as they are stored. The config of a GGUF file does not say what
    // its tensors hold.
    ...((policy.dtype !== 'auto' || policy.isQuantized) && { dtype: policy.weightFormat }),
    engine: `${info.name} (${info.device}, ${info.precision})`,
    budgets: Object.entries(info.budgets)
      .map(([name, size]) => `${name} ${size}`)
      .join(', '),
    // As in the checkpoints of earlier versions, nothing stands for the policy's own engine.
    ...(rolloutEngine !== null && { rolloutEngine }),
  }
  if (info.isBatchInvariant) return identity
  return Object.fromEntries(Object.entries(identity).filter(([name]) => !ofBits.includes(name)))
}

/**
 * Throws a ConfigError that lists what is different now, when it is something that decides how the run goes on. Another
 * number of steps is accepted where the learning rate does not depend on it.
 */
export function checkSameRun(
  folder: string,
  saved: RunIdentity,
  now: RunIdentity,
  config: GRPOConfig,
  acceptChangedData = false,
): void {
  const mayExtend = !dependsOnMaxSteps(config)
  // How many problems there are says how many steps the epochs have.
  const ofData = ['problems', 'prompts', ...(config.maxSteps > 0 ? [] : ['maxSteps'])]
  const differences = [...new Set([...Object.keys(saved), ...Object.keys(now)])].flatMap((name) => {
    if (mayExtend && (name === 'maxSteps' || name === 'numTrainEpochs')) return []
    if (acceptChangedData && ofData.includes(name)) return []
    // Earlier versions said neither what their engine was nor how much it computed at a time.
    if ((name === 'engine' || name === 'budgets') && !(name in saved)) return []
    if (ofBits.includes(name) && !(name in now)) return []
    const before = show(name in saved ? asOfNow(name, saved[name]) : defaultOf(name))
    const after = show(name in now ? now[name] : defaultOf(name))
    const why = name === 'maxSteps' ? ', on which the learning rate of every step depends' : ''
    return before === after ? [] : [{ name, text: `${name} was ${before} and is now ${after}${why}` }]
  })
  if (differences.length === 0) return
  throw new ConfigError(
    `the run cannot be continued from ${folder}, for it would not be the same run:\n  ` +
      `${differences.map(({ text }) => text).join('\n  ')}\n` +
      (differences.every(({ name }) => ofData.includes(name))
        ? 'Where rows were corrected or left out on purpose, say so: acceptChangedData (--accept-changed-data)'
        : 'Take the values of the run (its config.yaml), or start a new run in another folder'),
  )
}

/** A saved value as it is read now: earlier versions had other values for the same, such as minP null for 0. */
function asOfNow(name: string, value: unknown): unknown {
  const schema = (grpoConfigSchema.shape as Readonly<Record<string, z.ZodType>>)[name]
  return schema?.safeParse(value).data ?? value
}

/** What an option was in a run that does not say it: of a version that did not have it, or that left it at auto. */
function defaultOf(name: string): unknown {
  if (name === 'dtype') return 'auto'
  return grpoOptions().find((option) => option.name === name)?.defaultValue
}

function show(value: unknown): string {
  return value === undefined ? 'not there' : JSON.stringify(value)
}
