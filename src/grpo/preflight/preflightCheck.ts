import type { PreflightFileCheck } from '../../run/preflightFile.js'

/** One thing that was looked at before training. */
export interface PreflightCheck extends PreflightFileCheck {
  /** What was looked at. */
  readonly name:
    | 'chat_template'
    | 'eos'
    | 'prompt_length'
    | 'completion_length'
    | 'pass_rate'
    | 'usable_groups'
    | 'gold_answers'
    | 'adversarial_answers'
    | 'memory'
    | 'time'
  /** The numbers behind it. */
  readonly evidence: Readonly<Record<string, number>>
}

/** A check with nothing to object to. */
export function ok(
  name: PreflightCheck['name'],
  message: string,
  evidence: PreflightCheck['evidence'] = {},
): PreflightCheck {
  return { name, status: 'ok', message, advice: null, evidence }
}
