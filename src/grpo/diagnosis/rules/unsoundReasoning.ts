import { percent, short } from '../../../io/units.js'
import type { Rule } from '../finding.js'
import { change } from '../metricHistory.js'

/** Steps at either end of the run that are compared. */
const STEPS = 5

/** Below this share of calculations that come out, what is written down does not carry the answer. */
const SOUND = 0.5

/** A rise of the reward that counts, in standard errors. */
const STANDARD_ERRORS = 2

/** The reward rises while the calculations in the completions do not come out: reasoning is written, not done. */
export const unsoundReasoning: Rule = (history) => {
  const [calculations, rewards] = [history.ends('reasoning/correct_calculations', STEPS), history.ends('reward', STEPS)]
  const steps = history.ends('reasoning/steps', STEPS)
  if (!calculations || !rewards || !steps) return []
  const [sound, reward, written] = [change(calculations), change(rewards), change(steps)]
  if (sound.to >= SOUND || sound.by > 2 * sound.standardError) return []
  if (reward.by <= STANDARD_ERRORS * reward.standardError) return []
  return [
    {
      name: 'unsound_reasoning',
      subject: null,
      severity: 'warning',
      message:
        `the reward rose from ${short(reward.from)} to ${short(reward.to)} and completions hold ${short(written.to)} steps ` +
        `(${short(written.from)} at the start), but only ${percent(sound.to)} of their calculations come out ` +
        `(${percent(sound.from)} at the start): what is paid for is not sound reasoning`,
      evidence: {
        'reasoning/correct_calculations': sound.to,
        'reasoning/correct_calculations at the start': sound.from,
        'reasoning/steps': written.to,
        reward: reward.to,
        'reward at the start': reward.from,
      },
      advice: 'pay for right answers (correctness), and fine calculations that do not come out (step_arithmetic)',
    },
  ]
}
