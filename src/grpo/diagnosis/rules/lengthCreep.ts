import { lossTypes } from '../../losses/lossTypes.js'
import { short } from '../../../io/units.js'
import type { Rule } from '../finding.js'
import { change } from '../metricHistory.js'

/** Steps at either end of the run that are compared: a run that learns to reason grows longer first, and its reward follows. */
const STEPS = 15

/** Longer by half: more than the scatter of batches, and felt in the time of a step. */
const GROWTH = 1.5

/** Completions grow longer without earning more. */
export const lengthCreep: Rule = (history, config) => {
  const [lengths, rewards] = [history.ends('completions/mean_length', STEPS), history.ends('reward', STEPS)]
  if (!lengths || !rewards) return []
  const [length, reward] = [change(lengths), change(rewards)]
  const grew = length.to >= GROWTH * length.from && length.by > 2 * length.standardError
  // A rise that is not beyond doubt yet is not "no gain".
  if (!grew || reward.by > reward.standardError) return []
  return [
    {
      name: 'length_creep',
      subject: null,
      severity: 'warning',
      message:
        `completions grew from ${short(length.from)} to ${short(length.to)} tokens, while the reward went from ` +
        `${short(reward.from)} to ${short(reward.to)}: length without gain`,
      evidence: {
        'completions/mean_length': length.to,
        'completions/mean_length at the start': length.from,
        reward: reward.to,
        'reward at the start': reward.from,
      },
      advice:
        lossTypes[config.lossType].per === 'completion'
          ? `lossType ${config.lossType} divides by the length, so that long wrong answers are punished less for each token: set lossType dr_grpo with scaleRewards none`
          : 'add a reward that takes the length into account, such as the soft overlong penalty',
    },
  ]
}
