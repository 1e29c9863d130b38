import { z } from 'zod'
import { lengthOption, samplingOptions } from '../engine/samplingOptions.js'
import { option } from '../options/schema.js'

/** How policies are evaluated: options of `evaluate`, and what eval.json tells of them. */
export const evaluationOptions = {
  ...samplingOptions,
  maxCompletionLength: lengthOption,
  temperature: option(z.number().nonnegative(), 1, 'Of the sampled completions.'),
  greedy: option(z.boolean(), true, 'Answers each problem once by the likeliest tokens (temperature 0).'),
  samples: option(
    z.int().nonnegative(),
    4,
    'Completions of each problem to sample; pass@k is told for k up to it; 0 = none.',
  ),
  seed: option(
    z.int().nonnegative(),
    0,
    'Of sampling and of the resampling for intervals. The same seed gives the same evaluation.',
  ),
  confidence: option(z.number().gt(0).lt(1), 0.95, 'Of all intervals.'),
  resamples: option(z.int().nonnegative(), 10_000, 'Draws of a bootstrap interval or a permutation test.'),
}
