import { ConfigError } from '../errors.js'
import type { CausalLM } from './causalLM.js'
import { scoreTokens } from './score.js'

/** What two models think of the tokens of a text. */
export interface ComparedTokens {
  /** [L] the tokens of the text. */
  readonly ids: readonly number[]
  /** [L] log p of each by the first model, in nats. */
  readonly before: readonly number[]
  /** [L] log p of each by the second model, in nats. */
  readonly after: readonly number[]
  /** [L] `after` less `before`: above 0 where the second model finds the token likelier. */
  readonly change: readonly number[]
}

/**
 * Has two models read the same text behind the same prompt, and compares what they think of each token: what a training changed, or,
 * with an adapter that was saved and loaded again, that nothing was lost.
 * @throws ConfigError for a model without tokenizer or an empty text
 */
export async function compareTokens(
  before: CausalLM,
  after: CausalLM,
  { promptIds, text }: { readonly promptIds: readonly number[]; readonly text: string },
): Promise<ComparedTokens> {
  const ids = after.tokenizer?.encode(text) ?? []
  if (ids.length === 0) {
    throw new ConfigError('compareTokens: there are no tokens to compare; give a text, and a model with a tokenizer')
  }
  const sequences = [{ inputIds: [...promptIds, ...ids], promptLength: promptIds.length }]
  const [first] = await scoreTokens(before, sequences)
  const [second] = await scoreTokens(after, sequences)
  const [old, now] = [first!.logProbs, second!.logProbs]
  return { ids, before: old, after: now, change: now.map((value, i) => value - old[i]!) }
}
