import { mean } from '../../metrics/statistics.js'
import { percent, short } from '../../../io/units.js'
import { batchesWith, judgeOf } from '../finding.js'
import type { DiagnosisConfig, Rule, Statement } from '../finding.js'
import type { MetricHistory } from '../metricHistory.js'

/** Beyond this share of dead groups a step learns from less than a quarter of what it paid for. */
const DEAD_GROUPS = 0.75

/** Groups that are looked at: with 16, a share of 75 % is known to about ±20 points. */
const GROUPS = 16

/** Of the dead groups: from here on they are of one kind. */
const ONE_KIND = 2 / 3

/** Different completions of a group below which it cannot differ in its rewards, whatever the problem. */
const ALIKE = 2

/** Where all completions of a group are right they are right: with this much less (in share of completions) the reward is wrong. */
const NOT_RIGHT = 0.1

/** A share of completions without an answer that explains wrong ones better than hard problems do. */
const CUT_OFF = 0.5

const metric = /^rewards\/(.*)\/mean$/

/**
 * No reward variance: most groups have equal rewards, so that their advantages are 0. Tells completions that are all the same
 * from problems that are too hard, solved, or some of each, and from a reward that pays wrong answers, too.
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
  const accuracy = history.recent('accuracy', batches)
  if (accuracy && mean(accuracy) < allRight - NOT_RIGHT) {
    return [{ ...common, ...paidAlike(history, config, allRight, mean(accuracy)) }]
  }
  if (allWrong >= ONE_KIND * dead) {
    return [
      {
        ...common,
        name: 'all_wrong',
        severity: 'error',
        message: `${finding}: there is nothing to reinforce`,
        advice: adviceForWrong(history.recent('completions/clipped_ratio', batches), config),
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

function adviceForWrong(
  clipped: readonly number[] | null,
  { temperature, maxCompletionLength }: DiagnosisConfig,
): string {
  const cut = clipped ? mean(clipped) : 0
  if (cut >= CUT_OFF) {
    return `set maxCompletionLength to ${2 * maxCompletionLength}: ${percent(cut)} of the completions are cut off before an answer`
  }
  return temperature < 0.7
    ? `sample with temperature 1: at ${short(temperature)} completions hardly differ`
    : 'take easier problems, or show worked examples in the prompt (shots)'
}

/** All completions of most groups are paid, and many of them are wrong. */
function paidAlike(
  history: MetricHistory,
  config: DiagnosisConfig,
  allRight: number,
  accuracy: number,
): Pick<Statement, 'name' | 'subject' | 'severity' | 'message' | 'evidence' | 'advice'> {
  const functions = history.names().flatMap((name) => metric.exec(name)?.[1] ?? [])
  const others = functions.filter((name) => name !== judgeOf(functions, config))
  return {
    name: 'reward_hacking',
    subject: others.length === 1 ? others[0]! : null,
    severity: 'warning',
    message:
      `${percent(allRight)} of the groups are paid alike and above 0, although only ${percent(accuracy)} of the completions are right: ` +
      'the reward pays wrong answers like right ones',
    evidence: { 'groups/all_right': allRight, accuracy },
    advice: 'read some completions that were paid, and test the reward on cheats (rewards.lintReward)',
  }
}
