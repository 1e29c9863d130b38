import { mean } from '../../metrics/statistics.js'
import { percent, short } from '../../../io/units.js'
import { batchesWith } from '../finding.js'
import type { Rule } from '../finding.js'

/** Above this share the answers that are cut off, and hence wrong, weigh as much as a hard problem set. A judgement, not a law. */
const TRUNCATED = 0.2

/** At this share practically nothing ends by itself: that is another trouble than long answers. */
const NEVER_ENDS = 0.99

/** Completions that are looked at. */
const COMPLETIONS = 32

/** Completions that are cut off at maxCompletionLength; all of them: the EOS token never comes. */
export const truncation: Rule = (history, config) => {
  const batches = batchesWith(COMPLETIONS, config)
  const ratios = history.recent('completions/clipped_ratio', batches)
  if (!ratios) return []
  const share = mean(ratios)
  if (share < TRUNCATED) return []
  const limit = config.maxCompletionLength
  const ended = mean(history.recent('completions/mean_terminated_length', batches) ?? [0])
  const evidence = {
    'completions/clipped_ratio': share,
    'completions/mean_terminated_length': ended,
    max_completion_length: limit,
  }
  if (share >= NEVER_ENDS) {
    return [
      {
        name: 'eos_never',
        subject: null,
        severity: 'error',
        evidence,
        message: `${percent(share)} of the completions of the last ${batches} batches were cut off at ${limit} tokens: the token that ends an answer never comes`,
        advice:
          "compare the model's eos_token_id (generation_config.json) with what its chat template ends a turn with, or name the end of an answer in stopStrings",
      },
    ]
  }
  const loops = ended > 0 && ended < limit / 2
  return [
    {
      name: 'truncation',
      subject: null,
      severity: 'warning',
      evidence,
      message:
        `${percent(share)} of the completions of the last ${batches} batches were cut off at ${limit} tokens before their answer; ` +
        `those that end take ${short(ended)} tokens`,
      advice: loops
        ? 'completions that end are short, so the others probably go round in circles: set maskTruncatedCompletions'
        : `set maxCompletionLength to ${2 * limit}`,
    },
  ]
}
