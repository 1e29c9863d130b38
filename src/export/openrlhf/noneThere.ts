import { refused } from '../optionOutcome.js'
import type { OptionOutcome } from '../optionOutcome.js'

/** An option that OpenRLHF has no counterpart for; `off` is the value that does without. */
export function noneThere(off: string): OptionOutcome {
  return refused(`OpenRLHF has none; set it to ${off}`)
}
