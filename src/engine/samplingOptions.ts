import { z } from 'zod'
import { option } from '../options/schema.js'

const positiveInteger = z.int().positive()

/** How completions are drawn: options of training, of evaluation and of `generate` alike. */
export const samplingOptions = {
  maxCompletionLength: option(positiveInteger, 512, 'Longest completion, in tokens.'),
  temperature: option(z.number().nonnegative(), 1, 'Divides the logits; 0 takes the likeliest token.'),
  topK: option(z.int().nonnegative(), 0, 'Sample among the k most likely tokens; 0 = all.'),
  topP: option(
    z.number().positive().max(1),
    1,
    'Sample among the most likely tokens that together have this probability.',
  ),
  minP: option(
    // TRL's default, and that of earlier versions, is null.
    z.number().min(0).max(1).nullable().transform((share) => share ?? 0), // prettier-ignore
    0,
    'Sample among tokens with at least this fraction of the probability of the most likely one; 0 = all.',
  ),
  repetitionPenalty: option(
    z.number().positive(),
    1,
    'Divides positive (multiplies negative) logits of tokens that already occurred; 1 = off.',
  ),
  stopStrings: option(z.array(z.string().min(1)), [], 'A completion ends when its text contains one of these.'),
}

/** The length of completions where it depends on the model. */
export const lengthOption = positiveInteger
  .optional()
  .describe('Longest completion, in tokens. Defaults to 512, or half of the positions of a model with fewer than 1024.')

/** Which completions are drawn. */
export const drawOptions = {
  numGenerations: option(positiveInteger, 1, 'Completions for each prompt; they share its prefill.'),
  seed: option(
    z.int().nonnegative(),
    0,
    'The same seed gives the same completions of a prompt, whatever else is generated with it.',
  ),
}
