/** One thing that was looked at before training. */
export interface PreflightCheck {
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
  /** `warning`: training works, but wastes time or quality; `problem`: hardly anything would be learned. */
  readonly status: 'ok' | 'warning' | 'problem'
  /** What was found, with its numbers. */
  readonly message: string
  /** What to change; null where nothing has to be. */
  readonly advice: string | null
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
