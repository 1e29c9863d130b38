import { mean } from '../../metrics/statistics.js'
import { percent, short } from '../../../io/units.js'
import type { Rule, Statement } from '../finding.js'
import type { MetricHistory } from '../metricHistory.js'

/** Steps at either end of the run that are compared. */
const STEPS = 5

/** A quarter of what it was, and so little (nats a token) that the likeliest token is nearly certain (about 97 %). */
const ENTROPY_LEFT = 0.25
const LOW_ENTROPY = 0.15

/** Half of the different completions that there were, or a third of the distance between them. */
const UNIQUE_LEFT = 0.5
const DISTANCE_LEFT = 1 / 3

/** A policy that is certain because it is right has not collapsed: half of the groups all right, or most completions. */
const SOLVED = 0.5
const MOSTLY_RIGHT = 0.8

/** The policy becomes certain before it is right: entropy, or the variety of a group, collapses. */
export const collapse: Rule = (history, config) => {
  if (mean(history.recent('groups/all_right', STEPS) ?? [0]) >= SOLVED) return []
  if (mean(history.recent('accuracy', STEPS) ?? [0]) >= MOSTLY_RIGHT) return []
  const entropy = fall(history, 'entropy')
  const unique = fall(history, 'diversity/unique_completions')
  const distance = fall(history, 'diversity/pairwise_distance')
  const statements: Statement[] = []
  if (entropy && entropy.to < ENTROPY_LEFT * entropy.from && entropy.to < LOW_ENTROPY) {
    statements.push({
      name: 'entropy_collapse',
      subject: null,
      severity: 'warning',
      message: `the entropy fell from ${short(entropy.from)} to ${short(entropy.to)} nats a token: the policy hardly tries anything else any more`,
      evidence: { entropy: entropy.to, 'entropy at the start': entropy.from },
      advice: `lower learningRate to ${short(config.learningRate / 3)}`,
    })
  }
  const fewer = unique && unique.to < UNIQUE_LEFT * unique.from && unique.to <= config.numGenerations / 2
  const closer = distance && distance.to < DISTANCE_LEFT * distance.from
  if (fewer || closer) {
    statements.push({
      name: 'diversity_collapse',
      subject: null,
      severity: 'warning',
      message: fewer
        ? `of ${config.numGenerations} completions of a group ${short(unique.to)} differ, at the start it was ${short(unique.from)}`
        : `the completions of a group came closer: their distance fell from ${percent(distance!.from)} to ${percent(distance!.to)}`,
      evidence: {
        ...(unique && {
          'diversity/unique_completions': unique.to,
          'diversity/unique_completions at the start': unique.from,
        }),
        ...(distance && {
          'diversity/pairwise_distance': distance.to,
          'diversity/pairwise_distance at the start': distance.from,
        }),
      },
      advice:
        config.temperature < 1
          ? 'sample with temperature 1'
          : 'set a small entropyCoef (0.001), or stop training at an earlier step',
    })
  }
  return statements
}

function fall(history: MetricHistory, name: string): { from: number; to: number } | null {
  const ends = history.ends(name, STEPS)
  return ends && { from: mean(ends.first), to: mean(ends.last) }
}
