import { percent, short } from '../../../io/units.js'
import type { Rule, Statement } from '../finding.js'
import { change } from '../metricHistory.js'
import type { MetricHistory } from '../metricHistory.js'

/** Steps at either end of the run that are compared. */
const STEPS = 5

/** Below this share of calculations that come out, what is written down does not carry the answer. */
const SOUND = 0.5

/** A rise of the reward that counts, in standard errors. */
const STANDARD_ERRORS = 2

/** Of the answers that were right at the start: with fewer left, more reasoning does harm. */
const RIGHT_LEFT = 0.5

/**
 * The reward rises while what is written does not carry an answer: calculations do not come out, or steps become more and right answers
 * fewer. Reasoning is written, not done.
 */
export const unsoundReasoning: Rule = (history) => {
  const [rewards, steps] = [history.ends('reward', STEPS), history.ends('reasoning/steps', STEPS)]
  if (!rewards || !steps) return []
  const [reward, written] = [change(rewards), change(steps)]
  if (reward.by <= STANDARD_ERRORS * reward.standardError) return []
  const fault = wrongCalculations(history) ?? (written.by > 2 * written.standardError ? fewerRight(history) : null)
  if (!fault) return []
  return [
    {
      name: 'unsound_reasoning',
      subject: null,
      severity: 'warning',
      message:
        `the reward rose from ${short(reward.from)} to ${short(reward.to)} and completions hold ${short(written.to)} steps ` +
        `(${short(written.from)} at the start), but only ${fault.message}: what is paid for is not sound reasoning`,
      evidence: {
        ...fault.evidence,
        'reasoning/steps': written.to,
        reward: reward.to,
        'reward at the start': reward.from,
      },
      advice: 'pay for right answers (correctness), and fine calculations that do not come out (step_arithmetic)',
    },
  ]
}

type Fault = Pick<Statement, 'message' | 'evidence'>

function wrongCalculations(history: MetricHistory): Fault | null {
  const calculations = history.ends('reasoning/correct_calculations', STEPS)
  if (!calculations) return null
  const sound = change(calculations)
  if (sound.to >= SOUND || sound.by > 2 * sound.standardError) return null
  return {
    message: `${percent(sound.to)} of their calculations come out (${percent(sound.from)} at the start)`,
    evidence: {
      'reasoning/correct_calculations': sound.to,
      'reasoning/correct_calculations at the start': sound.from,
    },
  }
}

function fewerRight(history: MetricHistory): Fault | null {
  const accuracy = history.ends('accuracy', STEPS)
  if (!accuracy) return null
  const right = change(accuracy)
  if (right.to >= RIGHT_LEFT * right.from || -right.by <= 2 * right.standardError) return null
  return {
    message: `${percent(right.to)} of the answers are right (${percent(right.from)} at the start)`,
    evidence: { accuracy: right.to, 'accuracy at the start': right.from },
  }
}
