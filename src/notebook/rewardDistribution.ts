import type { TrainingStep } from '../grpo/step.js'
import type { RolloutGroup } from '../grpo/rollouts/rollouts.js'
import { plural } from '../report/page/format.js'
import { histogram } from './charts/plot.js'

/** Part of a run, at either end, that is shown. */
const SHARE = 0.1

/**
 * Shows how the rewards are distributed in the first and in the last tenth of some steps: how many completions of a group are right, or,
 * where no reward judges that, the mean reward of the groups.
 */
export function rewardDistribution(steps: readonly TrainingStep[]): void {
  const few = Math.max(1, Math.round(SHARE * steps.length))
  const groupsOf = (some: readonly TrainingStep[]): RolloutGroup[] => some.flatMap(({ groups }) => groups)
  const isJudged = groupsOf(steps).every(({ completions }) => completions.every(({ correct }) => correct !== null))
  const valueOf = ({ completions }: RolloutGroup): number =>
    isJudged
      ? completions.filter(({ correct }) => correct).length
      : completions.reduce((sum, { reward }) => sum + (reward ?? 0), 0) / completions.length
  const size = steps[0]?.groups[0]?.completions.length ?? 0
  histogram(
    {
      [`first ${plural(few, 'step')}`]: groupsOf(steps.slice(0, few)).map(valueOf),
      [`last ${plural(few, 'step')}`]: groupsOf(steps.slice(-few)).map(valueOf),
    },
    {
      title: isJudged ? 'Right completions in a group' : 'Mean reward of a group',
      xaxis: { title: isJudged ? `right of ${size}` : 'reward' },
      yaxis: { title: 'groups' },
    },
  )
}
