import { mean } from '../../metrics/statistics.js'
import { batchesWith, percent, short } from '../finding.js'
import type { Rule } from '../finding.js'

/** Beyond this share of dead groups a step learns from less than a quarter of what it paid for. */
const DEAD_GROUPS = 0.75

/** Groups that are looked at: with 16, a share of 75 % is known to about ±20 points. */
const GROUPS = 16

/** No reward variance: most groups have equal rewards, so that their advantages are 0. Tells all right from all wrong. */
export const noRewardVariance: Rule = (history, config) => {
  const batches = batchesWith(GROUPS * config.numGenerations, config)
  const [right, wrong] = [history.recent('groups/all_right', batches), history.recent('groups/all_wrong', batches)]
  if (!right || !wrong) return []
  const [allRight, allWrong] = [mean(right), mean(wrong)]
  if (allRight + allWrong < DEAD_GROUPS) return []
  const reward = history.recent('reward', batches)
  const common = {
    subject: null,
    evidence: {
      ...{ 'groups/all_right': allRight, 'groups/all_wrong': allWrong, batches },
      ...(reward && { reward: mean(reward) }),
    },
  }
  const finding =
    `${percent(allRight + allWrong)} of the groups of the last ${batches} batches have ${config.numGenerations} equal rewards ` +
    `(${percent(allWrong)} all wrong, ${percent(allRight)} all right)`
  if (allWrong >= allRight) {
    return [
      {
        ...common,
        name: 'all_wrong',
        severity: 'error',
        message: `${finding}: there is nothing to reinforce`,
        advice:
          config.temperature < 0.7
            ? `sample with temperature 1: at ${short(config.temperature)} completions hardly differ`
            : 'take easier problems, or show worked examples in the prompt (shots)',
      },
    ]
  }
  return [
    {
      ...common,
      name: 'all_right',
      severity: 'info',
      message: `${finding}: these problems are solved`,
      advice: 'go on with harder problems, or stop here',
    },
  ]
}
