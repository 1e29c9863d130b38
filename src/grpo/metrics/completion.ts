import { mean } from './statistics.js'

/**
 * Completion metrics with TRL's names; lengths in tokens, end-of-sequence token included.
 *
 * `completions/clipped_ratio` is the fraction that was cut off at the maximum length. The `*_terminated_length`
 * metrics cover only the completions that ended by themselves, and are 0 when none did.
 */
export function completionMetrics(
  lengths: readonly number[], // [B]
  terminated: readonly boolean[], // [B]
): Record<string, number> {
  const ended = lengths.filter((_, i) => terminated[i])
  const terminatedLengths = ended.length > 0 ? ended : [0]
  return {
    'completions/mean_length': mean(lengths),
    'completions/min_length': Math.min(...lengths),
    'completions/max_length': Math.max(...lengths),
    'completions/clipped_ratio': 1 - ended.length / lengths.length,
    'completions/mean_terminated_length': mean(terminatedLengths),
    'completions/min_terminated_length': Math.min(...terminatedLengths),
    'completions/max_terminated_length': Math.max(...terminatedLengths),
  }
}
