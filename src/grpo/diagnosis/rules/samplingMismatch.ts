import { mean } from '../../metrics/statistics.js'
import { percent, short } from '../../../io/units.js'
import type { Rule } from '../finding.js'
import type { MetricHistory } from '../metricHistory.js'

/** Generation batches that are looked at: one of them may be odd. */
const BATCHES = 3

/**
 * Mean difference of log-probabilities, in nats a token, above which it is not arithmetic alone where nothing is known of what
 * samples: a server in bfloat16 was measured at 0.027 against float32, one that had an earlier adapter at 0.084.
 */
const MISMATCH = 0.05

/** Mean of the bounded ratios below which most of what was sampled hardly counts. */
const LEFT = 0.5

/** What samples is farther from the policy than it may be, or the correction for it leaves hardly anything to learn from. */
export const samplingMismatch: Rule = (history) => {
  const differences = history.recent('sampling/sampling_logp_difference/mean', BATCHES)
  if (!differences) return []
  const difference = mean(differences)
  // Without a correction there are no ratios.
  const ratios = history.recent('sampling/importance_sampling_ratio/mean', BATCHES)
  const left = mean(ratios ?? [1])
  const expected = expectation(history)
  const isFar =
    expected === null ? difference > MISMATCH : difference > expected.mean || expected.largest > expected.max
  if (!isFar && left >= LEFT) return []
  const beside = expected
    ? ` and ${short(expected.largest)} at most (its engine expects ${short(expected.mean)} and ${short(expected.max)})`
    : ''
  return [
    {
      name: 'sampling_mismatch',
      subject: null,
      severity: 'warning',
      message:
        `what samples gives the same tokens log-probabilities ${short(difference)} nats apart from the policy's on average${beside}` +
        (ratios ? `; the correction lets ${percent(left)} of their weight count` : ', and nothing is corrected'),
      evidence: {
        'sampling/sampling_logp_difference/mean': difference,
        ...(expected && {
          'sampling/sampling_logp_difference/max': expected.largest,
          'sampling/expected_logp_difference/mean': expected.mean,
          'sampling/expected_logp_difference/max': expected.max,
        }),
        ...(ratios && { 'sampling/importance_sampling_ratio/mean': left }),
      },
      advice: adviceFor({ isCorrected: ratios !== null, isFar, isOwnEngine: expected !== null }),
    },
  ]
}

/**
 * The differences that the policy's own engine expects, and what the largest one of each of the last batches comes up to; null where
 * it expects none, or something else samples.
 */
function expectation(history: MetricHistory): { mean: number; max: number; largest: number } | null {
  const largest = history.recent('sampling/sampling_logp_difference/max', BATCHES)
  const [expectedMean, max] = ['mean', 'max'].map((of) => history.all(`sampling/expected_logp_difference/${of}`).at(-1))
  if (!largest || expectedMean === undefined || max === undefined) return null
  return { mean: expectedMean, max, largest: Math.min(...largest) }
}

function adviceFor(is: { isCorrected: boolean; isFar: boolean; isOwnEngine: boolean }): string {
  if (!is.isCorrected) return 'set vllmImportanceSamplingCorrection to true'
  if (!is.isFar) {
    return 'set vllmImportanceSamplingMode to token_truncate, which long completions do not fall out of as a whole'
  }
  return is.isOwnEngine
    ? 'train in precision float32; where that does not help, it is a defect of the engine: report it with the output of grpo-ts doctor'
    : 'let the rollout engine take over the policy before it samples (sync), and compute as precisely as training: servers of vLLM with ' +
        '--logprobs-mode processed_logprobs and weights in 16 bits or more'
}
