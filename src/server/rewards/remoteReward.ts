import { setImmediate } from 'node:timers/promises'
import type { Tokenizer } from '../../text/tokenizer.js'
import { HttpError } from '../http/httpError.js'
import type { RewardsResponse } from './protocol.js'
import { checkLengths, fieldsOf, listField, textField } from './requestFields.js'
import { noneOf } from './rewardsRequest.js'
import type { RewardedTask } from './rewardsRequest.js'
import type { ScoringSample } from './scoringJob.js'

/** What OpenRLHF's remote reward function takes (openrlhf/utils/agent.py of 0.11.2); it can do nothing with null. */
export interface RemoteRewards {
  /** [N] Weighted sum; 0 for a completion that no function judged. */
  readonly rewards: readonly number[]
  /** [N] From 0 to 1, for its dynamic filtering: 1 for a right answer, 0 for a wrong one; where nothing judges that, the reward. */
  readonly scores: readonly number[]
  /** [N] of each reward function, 0 where it did not judge; and `unjudged`, 1 for a completion that none judged. */
  readonly extra_logs: Readonly<Record<string, readonly number[]>>
}

/** Characters of a query: what tokenizes them does nothing else meanwhile. */
const MAX_QUERY_LENGTH = 2 ** 18

/**
 * The completions in a body of OpenRLHF's: `query`, prompt and completion as one text with the special tokens, `prompts`, and as
 * `labels` the ids of the problems. Throws an HttpError 400 that names the field and the place that are wrong.
 */
export async function parseRemoteRequest(body: unknown, rewarded: RewardedTask): Promise<ScoringSample[]> {
  const fields = fieldsOf(body, ['query', 'prompts', 'labels'])
  const query = listField(fields, 'query', textField)
  const prompts = listField(fields, 'prompts', textField)
  const labels = listField(fields, 'labels', textField)
  if (!query || !prompts || !labels) throw new HttpError(400, 'expected the lists query, prompts and labels')
  checkLengths({ query, prompts, labels })
  const { task, tokenizer } = rewarded
  if (!tokenizer) throw new HttpError(400, 'the model has no tokenizer that could take query apart; use /v1/rewards')
  const samples: ScoringSample[] = []
  for (const [i, text] of query.entries()) {
    const problemId = labels[i]!
    if (rewarded.promptOf(problemId) === null) {
      throw new HttpError(400, `labels[${i}] ${noneOf(task)}; expected the id of a problem as the label`)
    }
    if (text.length > MAX_QUERY_LENGTH) {
      throw new HttpError(400, `query[${i}] has ${text.length} characters; expected at most ${MAX_QUERY_LENGTH}`)
    }
    // Between two of them others have their turn.
    await setImmediate()
    const rest = afterPrompt(text, prompts[i]!, tokenizer)
    if (rest === null) throw new HttpError(400, `query[${i}] does not begin with prompts[${i}]`)
    samples.push({ problemId, prompt: prompts[i]!, ...completionOf(rest, rewarded, tokenizer) })
  }
  return samples
}

/** What follows the prompt, which stands at the beginning but for what the tokenizer puts before it. */
function afterPrompt(query: string, prompt: string, tokenizer: Tokenizer): string | null {
  // Decoding may write the prompt otherwise than it was.
  for (const form of [prompt, tokenizer.decode(tokenizer.encode(prompt))]) {
    const at = query.indexOf(form)
    if (at < 0) continue
    const before = tokenizer.encode(query.slice(0, at).trim())
    if (before.every((id) => isSpecial(id, tokenizer))) return query.slice(at + form.length)
  }
  return null
}

/** A completion whose special tokens are taken out, as where it is decoded without them; its last ones say how it ended. */
function completionOf(
  text: string,
  { eosTokenIds }: RewardedTask,
  tokenizer: Tokenizer,
): Pick<ScoringSample, 'completion' | 'ids' | 'finishReason'> {
  const ids = tokenizer.encode(text)
  const special = new Set(ids.filter((id) => isSpecial(id, tokenizer)))
  // Of the text and not of the ids, which need not give the same text again.
  const spellings = [...special].map((id) => tokenizer.idToToken(id)!)
  const completion = spellings.reduce((left, spelling) => left.replaceAll(spelling, ''), text)
  let last = ids.length - 1
  while (last >= 0 && special.has(ids[last]!) && !eosTokenIds.includes(ids[last]!)) last--
  const isEnded = last >= 0 && eosTokenIds.includes(ids[last]!)
  // What stands behind the end fills up a batch.
  return { completion, ids: isEnded ? ids.slice(0, last + 1) : ids, finishReason: isEnded ? 'stop' : 'length' }
}

function isSpecial(id: number, tokenizer: Tokenizer): boolean {
  return tokenizer.decode([id]) !== '' && tokenizer.decode([id], { skipSpecialTokens: true }) === ''
}

export function remoteRewards({ rewards, total, correct }: RewardsResponse): RemoteRewards {
  const zeros = (values: readonly (number | null)[]): number[] => values.map((value) => value ?? 0)
  return {
    rewards: zeros(total),
    scores: correct.map((isCorrect, i) =>
      isCorrect === null ? Math.min(Math.max(total[i] ?? 0, 0), 1) : Number(isCorrect),
    ),
    extra_logs: {
      ...Object.fromEntries(Object.entries(rewards).map(([name, values]) => [name, zeros(values)])),
      unjudged: total.map((value) => Number(value === null)),
    },
  }
}
