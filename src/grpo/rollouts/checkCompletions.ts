import type { Completion } from '../../engine/sampling.js'
import { GrpoError } from '../../errors.js'
import { isJsonObject, quote } from '../../io/json.js'
import { numSampled } from '../update/trainingRow.js'
import type { RolloutEngine } from './rolloutEngine.js'

/** log p of a token that is nearly certain may come out above 0 by rounding, in nats. */
const ROUNDING = 1e-3

/** What completions were asked for. */
interface Asked {
  readonly maxCompletionLength: number
  readonly numGenerations?: number
  readonly agreement: RolloutEngine['agreement']
}

/**
 * What a rollout engine returned as completions, in single precision as checkpoints store them; a mask of ones alone is left out,
 * and given tokens have log-probability and entropy 0.
 * @throws GrpoError that says what was returned and what was expected
 */
export function checkCompletions(
  /** What the engine is called in errors. */
  engine: string,
  given: unknown,
  numPrompts: number,
  asked: Asked,
  vocabularySize: number,
): Completion[][] {
  const refuse = (got: string, expected: string): GrpoError =>
    new GrpoError(`${engine} returned ${got}; expected ${expected}. Nothing was trained on it`)
  if (!Array.isArray(given) || given.length !== numPrompts) {
    const got = Array.isArray(given) ? `completions of ${given.length} prompts` : quote(given)
    throw refuse(got, `an array with the completions of each of ${numPrompts} prompts`)
  }
  const { numGenerations = 1 } = asked
  return Array.from(given as unknown[], (group, i) => {
    if (!Array.isArray(group) || group.length !== numGenerations) {
      const got = Array.isArray(group) ? `${group.length} completions` : quote(group)
      throw refuse(`${got} for prompt ${i}`, `${numGenerations}, as numGenerations says`)
    }
    return Array.from(group as unknown[], (completion, j) =>
      checkCompletion(completion, asked, vocabularySize, (got, expected) =>
        refuse(`for prompt ${i} as completion ${j} one whose ${got}`, expected),
      ),
    )
  })
}

function checkCompletion(
  given: unknown,
  { maxCompletionLength, agreement }: Asked,
  vocabularySize: number,
  refuse: (got: string, expected: string) => GrpoError,
): Completion {
  if (!isJsonObject(given)) throw refuse(`value is ${quote(given)}`, 'a Completion')
  const { ids, mask, logProbs, entropies, finishReason, text } = given

  if (!Array.isArray(ids)) throw refuse(`ids are ${quote(ids)}`, 'an array of tokens')
  const { length } = ids
  if (length === 0) throw refuse('ids are empty', 'at least one token: one that ended at once has its EOS token')
  if (length > maxCompletionLength) {
    throw refuse(`ids are ${length} tokens`, `at most maxCompletionLength = ${maxCompletionLength}`)
  }
  const isToken = (id: unknown): boolean =>
    Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabularySize
  const inMask = (value: unknown): boolean => value === 0 || value === 1
  const isLogProb = (value: unknown): boolean => Number.isFinite(value) && (value as number) <= ROUNDING
  const isEntropy = (value: unknown): boolean => Number.isFinite(value) && (value as number) >= -ROUNDING

  checkNumbers('ids', ids, isToken, `a token from 0 to ${vocabularySize - 1}`)
  const given01 = mask === undefined || mask === null ? null : checkNumbers('mask', mask, inMask, '0 or 1')
  if (given01 && numSampled(ids, given01) === 0) throw refuse('mask has no 1', 'at least one token that was sampled')
  const isGiven = (t: number): boolean => given01?.[t] === 0
  if (finishReason !== 'stop' && finishReason !== 'length') {
    throw refuse(`finishReason is ${quote(finishReason)}`, "'stop' or 'length'")
  }
  if (typeof text !== 'string') throw refuse(`text is ${quote(text)}`, 'a text')
  const isComputedAnew = agreement !== 'exact'
  return {
    ids: [...(ids as number[])],
    logProbs:
      agreement === 'recompute'
        ? []
        : ofSampled('logProbs', logProbs, isLogProb, 'a log-probability in nats, at most 0'),
    // Other engines may not know them; those of the policy's engine are taken.
    entropies: isComputedAnew ? [] : ofSampled('entropies', entropies, isEntropy, 'an entropy in nats, at least 0'),
    finishReason,
    text,
    ...(given01?.includes(0) && { mask: given01 }),
  }

  /** Numbers of which there is one for each token. */
  function checkNumbers(
    name: string,
    values: unknown,
    holds: (value: unknown, t: number) => boolean,
    expected: string,
  ): number[] {
    if (!Array.isArray(values)) throw refuse(`${name} are ${quote(values)}`, 'an array with a number for each token')
    if (values.length !== length) throw refuse(`${name} are ${values.length} for ${length} tokens`, 'one for each')
    // A hole in the array is undefined, which findIndex sees.
    const wrong = values.findIndex((value, t) => !holds(value, t))
    if (wrong >= 0) throw refuse(`${name} have ${quote(values[wrong])} at token ${wrong}`, expected)
    return [...(values as number[])]
  }

  /** The same of the tokens that were sampled; 0 for the others, of which nothing is expected. */
  function ofSampled(name: string, values: unknown, holds: (value: unknown) => boolean, expected: string): number[] {
    const numbers = checkNumbers(name, values, (value, t) => isGiven(t) || holds(value), expected)
    return numbers.map((value, t) => (isGiven(t) ? 0 : Math.fround(value)))
  }
}
