import { mean } from '../../metrics/statistics.js'
import { percent, short } from '../../../io/units.js'
import { batchesWith } from '../finding.js'
import type { Rule } from '../finding.js'
import { change } from '../metricHistory.js'

/** Groups that a stretch of the run holds: with fewer, the problems of a few steps may be hard by chance. */
const GROUPS = 16

/** What is left of the best stretch of the run. */
const LEFT = 0.5

/** What is left of a learning rate that is too high: as in the rule on spikes. */
const LOWER = 0.1

/** What was gained is lost again: the reward fell to less than half of its best. */
export const rewardCollapse: Rule = (history, config) => {
  const rewards = history.all('reward')
  const batches = batchesWith(GROUPS * config.numGenerations, config)
  const last = history.recent('reward', batches)
  if (!last || rewards.length < 2 * batches) return []
  const stretches = Array.from({ length: rewards.length - 2 * batches + 1 }, (_, i) => rewards.slice(i, i + batches))
  const best = stretches.reduce((found, stretch) => (mean(stretch) > mean(found) ? stretch : found))
  const reward = change({ first: best, last })
  if (reward.from <= 0 || reward.to >= LEFT * reward.from || -reward.by <= 2 * reward.standardError) return []
  const cut = history.recent('completions/clipped_ratio', batches)
  return [
    {
      name: 'reward_collapse',
      subject: null,
      severity: 'error',
      message:
        `the reward fell to ${short(reward.to)}, its best was ${short(reward.from)} (means of ${batches} batches): the policy loses what it could do` +
        (cut ? `; ${percent(mean(cut))} of the completions are cut off now` : ''),
      evidence: {
        reward: reward.to,
        'best reward': reward.from,
        batches,
        ...(cut && { 'completions/clipped_ratio': mean(cut) }),
      },
      advice:
        `go back to a checkpoint before that, with learningRate ${short(config.learningRate * LOWER)}` +
        (config.maxGradNorm === 0 ? ' and maxGradNorm 1' : ''),
    },
  ]
}
