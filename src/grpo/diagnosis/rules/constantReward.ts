import { EQUAL_REWARDS } from '../../metrics/signal.js'
import { short } from '../../../io/units.js'
import { batchesWith, judgeOf } from '../finding.js'
import type { Rule } from '../finding.js'

/** A reward that fires once in 64 completions would have been seen in as many with a probability of 63 %, in 192 with 95 %. */
const COMPLETIONS = 192

const metric = /^rewards\/(.*)\/mean$/

/** A reward function that pays the same for everything: 0 (it never fires) or something else (it always does). */
export const constantReward: Rule = (history, config) => {
  const batches = batchesWith(COMPLETIONS, config)
  const functions = history.names().flatMap((name) => metric.exec(name)?.[1] ?? [])
  const correctness = judgeOf(functions, config)
  return functions.flatMap((subject) => {
    const means = history.recent(`rewards/${subject}/mean`, batches)
    const stds = history.recent(`rewards/${subject}/std`, batches)
    if (!means || !stds) return []
    const value = means[0]!
    const isConstant = [...stds, ...means.map((each) => Math.abs(each - value))].every((x) => x <= EQUAL_REWARDS)
    if (!isConstant) return []
    const completions = batches * config.generationBatchSize
    const evidence = { [`rewards/${subject}/mean`]: value, [`rewards/${subject}/std`]: 0, completions }
    if (Math.abs(value) <= EQUAL_REWARDS) {
      // One that paid earlier can: it is the completions that have changed.
      if (history.all(`rewards/${subject}/mean`).some((earlier) => Math.abs(earlier) > EQUAL_REWARDS)) return []
      return {
        name: 'reward_never_fires',
        subject,
        severity: 'warning',
        evidence,
        message: `the reward ${subject} was 0 for each of the last ${completions} completions: it teaches nothing`,
        advice: `give ${subject} a completion that it should pay for, and see whether it does (a penalty that stays at 0 is as it should be)`,
      }
    }
    // All answers right: that is for the rule on groups to say.
    if (subject === correctness && value > 0) return []
    return {
      name: 'reward_always_fires',
      subject,
      severity: 'warning',
      evidence,
      message: `the reward ${subject} was ${short(value)} for each of the last ${completions} completions: it teaches nothing`,
      advice: `leave ${subject} out, or make it harder to earn`,
    }
  })
}
