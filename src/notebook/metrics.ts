import type { TrainingStep } from '../grpo/step.js'
import { table } from './table.js'

/** What the metrics of a step mean that one looks at first; all of them are in docs/metrics.md. */
const meanings = {
  reward: 'mean reward of the completions: what training raises',
  reward_std: 'its standard deviation: 0 would mean that there is nothing to compare',
  frac_reward_zero_std: 'share of groups whose rewards are all equal: they teach nothing',
  'groups/all_right': 'share of groups that are right throughout: solved problems',
  'groups/all_wrong': 'share of groups that are wrong throughout: problems out of reach',
  'reward/best': 'best reward of a group, mean over the groups: what the model can do when it is lucky',
  'completions/mean_length': 'tokens of a completion',
  'completions/clipped_ratio': 'share cut off at maxCompletionLength, before an answer',
  'reasoning/steps': 'steps of reasoning in a completion',
  'reasoning/correct_calculations': 'share of the calculations that come out',
  'reasoning/self_corrections': 'places where a completion takes something back',
  'diversity/unique_completions': 'different completions in a group',
  entropy: 'how freely tokens are still chosen, in nats; near 0 nothing new is tried any more',
  kl: 'distance to the base model, in nats a token (measured with beta above 0)',
  grad_norm: 'length of the gradient: jumps announce instability',
  learning_rate: 'size of the update',
  'sampling/sampling_logp_difference/max':
    'largest difference between the log-probability when sampled and when trained on',
} as const

/** Shows the metrics that one looks at first, with what they mean and their values in the first and in the latest of some steps. */
export function metrics(steps: readonly TrainingStep[]): void {
  const [first, latest] = [steps[0], steps.at(-1)]
  if (!first || !latest) return
  table(
    Object.entries(meanings)
      .filter(([name]) => name in first.metrics || name in latest.metrics)
      .map(([name, meaning]) => ({
        metric: name,
        [`step ${first.step}`]: valueOf(first, name),
        ...(latest !== first && { [`step ${latest.step}`]: valueOf(latest, name) }),
        meaning,
      })),
    { limit: 30 },
  )
}

function valueOf(step: TrainingStep, name: string): number | undefined {
  return (step.metrics as unknown as Readonly<Record<string, number | undefined>>)[name]
}
