import { mean } from '../../metrics/statistics.js'
import { percent, short } from '../../../io/units.js'
import { batchesWith } from '../finding.js'
import type { Rule } from '../finding.js'

/** Beyond this share of dead groups a step learns from less than a quarter of what it paid for. */
const DEAD_GROUPS = 0.75

/** Groups that are looked at: with 16, a share of 75 % is known to about ±20 points. */
const GROUPS = 16

/** Of the dead groups: from here on they are of one kind. */
const ONE_KIND = 2 / 3

/** Different completions of a group below which it cannot differ in its rewards, whatever the problem. */
const ALIKE = 2

/**
 * No reward variance: most groups have equal rewards, so that their advantages are 0. Tells completions that are all the same
 * from problems that are too hard, solved, or some of each.
 */
export const noRewardVariance: Rule = (history, config) => {
  const batches = batchesWith(GROUPS * config.numGenerations, config)
  const [right, wrong] = [history.recent('groups/all_right', batches), history.recent('groups/all_wrong', batches)]
  if (!right || !wrong) return []
  const [allRight, allWrong] = [mean(right), mean(wrong)]
  const dead = allRight + allWrong
  if (dead < DEAD_GROUPS) return []
  const [reward, unique] = [history.recent('reward', batches), history.recent('diversity/unique_completions', batches)]
  const common = {
    subject: null,
    evidence: {
      'groups/all_right': allRight,
      'groups/all_wrong': allWrong,
      batches,
      ...(reward && { reward: mean(reward) }),
      ...(unique && { 'diversity/unique_completions': mean(unique) }),
    },
  }
  const finding =
    `${percent(dead)} of the groups of the last ${batches} batches have ${config.numGenerations} equal rewards ` +
    `(${percent(allWrong)} all wrong, ${percent(allRight)} all right)`
  if (unique && mean(unique) < ALIKE) {
    return [
      {
        ...common,
        name: 'identical_completions',
        severity: 'error',
        message: `${finding}: the completions of a group are copies of each other (${short(mean(unique))} different ones)`,
        advice:
          config.temperature < 1
            ? `sample with temperature 1: at ${short(config.temperature)} completions hardly differ`
            : 'go back to an earlier checkpoint, with a lower learningRate or a small entropyCoef (0.001)',
      },
    ]
  }
  if (allWrong >= ONE_KIND * dead) {
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
  if (allRight >= ONE_KIND * dead) {
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
  return [
    {
      ...common,
      name: 'solved_or_out_of_reach',
      severity: 'warning',
      message: `${finding}: the problems are either solved or out of reach, with little between`,
      advice: 'take problems of middling difficulty, or let difficultyPools choose them',
    },
  ]
}
