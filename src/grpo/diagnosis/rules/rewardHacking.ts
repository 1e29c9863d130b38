import { mean } from '../../metrics/statistics.js'
import { short } from '../../../io/units.js'
import { judgeOf } from '../finding.js'
import type { Rule } from '../finding.js'
import { change } from '../metricHistory.js'

/** Steps at either end of the run that are compared: form is learned first, so correctness gets time to follow. */
const STEPS = 15

/** A rise of another reward that counts: 15 % of a reward of 1. */
const RISE = 0.15

/** Less than this, in share of right answers, is no gain. */
const CORRECTNESS_GAIN = 0.02

/** Where most answers are right there is little left to gain. */
const MOSTLY_RIGHT = 0.8

/** While the other reward still rises by more than this from one half of the last steps to the next, it is too early to say. */
const STILL_RISING = 0.05

const metric = /^rewards\/(.*)\/mean$/

/** Another reward than correctness was learned, and correctness did not follow: form, length or a hole is what pays. */
export const rewardHacking: Rule = (history, config) => {
  const functions = history.names().flatMap((name) => metric.exec(name)?.[1] ?? [])
  const correctness = judgeOf(functions, config)
  const right = correctness === null ? null : history.ends(`rewards/${correctness}/mean`, STEPS)
  if (correctness === null || !right) return []
  const correct = change(right)
  if (correct.by >= CORRECTNESS_GAIN || correct.to >= MOSTLY_RIGHT) return []
  return functions.flatMap((subject) => {
    const values = subject === correctness ? null : history.ends(`rewards/${subject}/mean`, STEPS)
    if (!values) return []
    const other = change(values)
    const half = STEPS >> 1
    const rising = mean(values.last.slice(-half)) - mean(values.last.slice(0, half)) > STILL_RISING
    if (other.by < RISE || other.by <= 2 * other.standardError || rising) return []
    return {
      name: 'reward_hacking',
      subject,
      severity: 'warning',
      message:
        `the reward ${subject} rose from ${short(other.from)} to ${short(other.to)}, while ${correctness} stayed at ` +
        `${short(correct.to)} (${short(correct.from)} at the start): the policy earns without being right more often`,
      evidence: {
        [`rewards/${subject}/mean`]: other.to,
        [`rewards/${subject}/mean at the start`]: other.from,
        [`rewards/${correctness}/mean`]: correct.to,
        [`rewards/${correctness}/mean at the start`]: correct.from,
      },
      advice: `read some completions, and pay ${subject} only where ${correctness} is above 0, or lower its weight`,
    }
  })
}
