import { mean } from '../../metrics/statistics.js'
import { percent, short } from '../../../io/units.js'
import type { Rule } from '../finding.js'

/** Generation batches that are looked at: one of them may be odd. */
const BATCHES = 3

/**
 * Mean difference of log-probabilities, in nats a token, above which it is not arithmetic alone: a server in bfloat16 was measured
 * at 0.027 against float32, one that had an earlier adapter at 0.084.
 */
const MISMATCH = 0.05

/** Mean of the bounded ratios below which most of what was sampled hardly counts. */
const LEFT = 0.5

/** A rollout engine samples from something else than the policy, or the correction for it leaves hardly anything to learn from. */
export const samplingMismatch: Rule = (history) => {
  const differences = history.recent('sampling/sampling_logp_difference/mean', BATCHES)
  if (!differences) return []
  const difference = mean(differences)
  // Without a correction there are no ratios.
  const ratios = history.recent('sampling/importance_sampling_ratio/mean', BATCHES)
  const left = mean(ratios ?? [1])
  if (difference <= MISMATCH && left >= LEFT) return []
  return [
    {
      name: 'sampling_mismatch',
      subject: null,
      severity: 'warning',
      message:
        `what samples gives the same tokens log-probabilities ${short(difference)} nats apart from the policy's, on average` +
        (ratios ? `; the correction lets ${percent(left)} of their weight count` : ', and nothing is corrected'),
      evidence: {
        'sampling/sampling_logp_difference/mean': difference,
        ...(ratios && { 'sampling/importance_sampling_ratio/mean': left }),
      },
      advice: !ratios
        ? 'set vllmImportanceSamplingCorrection to true'
        : difference > MISMATCH
          ? 'let the rollout engine take over the policy before it samples (sync), and compute as precisely as training'
          : 'set vllmImportanceSamplingMode to token_truncate, which long completions do not fall out of as a whole',
    },
  ]
}
