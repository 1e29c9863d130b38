import { mean } from '../../metrics/statistics.js'
import { short } from '../../../io/units.js'
import type { Rule } from '../finding.js'
import { change } from '../metricHistory.js'

/** A warm-up starts at 0 but does not stay there. */
const STEPS_AT_ZERO = 3

/** Steps before a flat curve means anything, and those at either end that are compared. */
const STEPS = 30
const STEPS_COMPARED = 10

/**
 * AdamW moves a weight by about the learning rate a step, so the sum of the learning rates bounds how far any weight can have
 * come. Runs of LoRA that learned something had moved by some 1e-3 (SmolLM2-135M at 2e-4: six steps).
 */
const DISTANCE = 5e-4

/** A change of the entropy too small to be learning, even where it is more than chance. */
const ENTROPY_CHANGE = 0.05

/** Share of groups that teach something; with less it is not the learning rate that stands still. */
const ALIVE = 0.25

/** Nothing moves although there is something to learn: the learning rate is 0, or far too small. */
export const idleLearningRate: Rule = (history, config) => {
  const rates = history.all('learning_rate')
  if (rates.length >= STEPS_AT_ZERO && rates.slice(-STEPS_AT_ZERO).every((rate) => rate === 0)) {
    return [
      {
        name: 'idle_learning_rate',
        subject: null,
        severity: 'error',
        message: `the learning rate was 0 in the last ${STEPS_AT_ZERO} steps: nothing is learned`,
        evidence: { learning_rate: 0 },
        advice: config.learningRate === 0 ? 'set learningRate to 1e-5' : 'shorten the warm-up',
      },
    ]
  }
  const [rewards, entropies] = [history.ends('reward', STEPS_COMPARED), history.ends('entropy', STEPS_COMPARED)]
  if (rates.length < STEPS || !rewards || !entropies) return []
  const dead = mean(history.all('groups/all_right').slice(-STEPS)) + mean(history.all('groups/all_wrong').slice(-STEPS))
  const distance = rates.reduce((sum, rate) => sum + rate, 0)
  const [reward, entropy] = [change(rewards), change(entropies)]
  const lengths = history.ends('completions/mean_length', STEPS_COMPARED)
  const length = lengths && change(lengths)
  const moves =
    Math.abs(reward.by) > 2 * reward.standardError ||
    // Batches of few problems scatter by more than that.
    Math.abs(entropy.by) > Math.max(ENTROPY_CHANGE * Math.abs(entropy.from), 2 * entropy.standardError) ||
    (length !== null && Math.abs(length.by) > 2 * length.standardError)
  if (dead > 1 - ALIVE || distance > DISTANCE || moves) return []
  return [
    {
      name: 'idle_learning_rate',
      subject: null,
      severity: 'warning',
      message:
        `in ${rates.length} steps neither reward (${short(reward.from)}, now ${short(reward.to)}) nor entropy (${short(entropy.from)}, now ` +
        `${short(entropy.to)}) moved: with these learning rates no weight can have moved by more than ${short(distance)}`,
      evidence: {
        learning_rate: rates.at(-1)!,
        'sum of learning_rate': distance,
        reward: reward.to,
        'reward at the start': reward.from,
        entropy: entropy.to,
        'entropy at the start': entropy.from,
      },
      advice: `raise learningRate to ${short(config.learningRate * 10)}`,
    },
  ]
}
