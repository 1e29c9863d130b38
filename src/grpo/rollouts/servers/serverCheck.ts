import { DataError, GrpoError } from '../../../errors.js'
import type { TokenIds } from '../../../engine/engine.js'
import type { CausalLM } from '../../../policy/causalLM.js'
import type { ChatMessage, Tokenizer } from '../../../text/tokenizer.js'
import type { Asking, SampledTokens, ServedModel, ServerProtocol } from './serverProtocol.js'

/** Prompts that are continued for the comparison, completions of each, and their tokens. */
const PROMPTS = 4
const COMPLETIONS = 2
const TOKENS = 16

/**
 * Mean difference of log-probabilities, in nats a token, above which a server does not hold the policy. Measured on SmolLM2-135M: 0.027
 * for a server in bfloat16, 0.029 with weights in 8 bits, 0.084 with the adapter of an earlier step, 0.55 with weights rounded to 4 bits,
 * of which training would learn as little as of another model.
 */
const OTHER_MODEL = 0.3

/** Texts that tokenizers cut differently: numbers, spaces, lines, letters beyond ASCII, signs. */
const TEXTS = [
  'What is 12 + 305? Let me think: 12 + 305 = 317.',
  '  def f(x):\n\treturn x**2\r\n\n',
  'Naïve café – “東京” 🙂 ½',
]
const CHAT: readonly ChatMessage[] = [
  { role: 'user', content: 'How many legs do three cats have?' },
  { role: 'assistant', content: '12' },
  { role: 'user', content: 'And two birds?' },
]

/** How far the log-probabilities of a server are from the policy's, in nats a token. */
export interface ServerDifference {
  readonly mean: number
  readonly max: number
  /** Tokens that were compared. */
  readonly tokens: number
}

/** Throws a GrpoError when a server makes other tokens of texts, or of a chat, than the policy's tokenizer. */
export async function checkTokenizer(
  tokenizer: Tokenizer,
  protocol: ServerProtocol,
  asking: Asking,
  { name }: ServedModel,
): Promise<void> {
  const texts = TEXTS.map((text) => [JSON.stringify(text), text, encodeOr(() => tokenizer.encode(text))] as const)
  const chats = tokenizer.hasChatTemplate
    ? [['a chat', CHAT, encodeOr(() => tokenizer.encodeChat(CHAT, { allowSpecialTokens: true }))] as const]
    : []
  for (const [what, content, own] of [...texts, ...chats]) {
    const theirs = own && (await protocol.tokenize(asking, name, content))
    if (!theirs || theirs.join() === own.join()) continue
    const at = theirs.findIndex((id, i) => id !== own[i])
    throw new GrpoError(
      `the server ${asking.connection.url} (${name}) makes other tokens of ${what} than the policy: from place ${at < 0 ? theirs.length : at} on ` +
        `${describeIds(theirs, at)} for ${describeIds(own, at)}. It serves another model, or one with another tokenizer or chat template; ` +
        'serve the model that is trained',
    )
  }
}

/** Null for what the tokenizer has no tokens for, or its template refuses. */
function encodeOr(encode: () => number[]): number[] | null {
  try {
    return encode()
  } catch (error) {
    if (error instanceof DataError) return null
    throw error
  }
}

/**
 * Has a server continue some prompts at a temperature, and compares its log-probabilities with the policy's.
 * @throws GrpoError when it samples from something else than the policy
 */
export async function probeServer(
  policy: CausalLM,
  sample: (promptIds: TokenIds, count: number, maxCompletionLength: number) => Promise<SampledTokens[]>,
  {
    url,
    prompts,
    temperature,
    maxCompletionLength,
    alone,
  }: {
    url: string
    prompts: readonly TokenIds[]
    temperature: number
    maxCompletionLength: number
    /** Lets the policy compute when it computes nothing else. */
    alone: <T>(body: () => Promise<T>) => Promise<T>
  },
): Promise<ServerDifference> {
  const distinct = [...new Map(prompts.map((prompt) => [prompt.join(), prompt])).values()].slice(0, PROMPTS)
  const length = Math.min(TOKENS, maxCompletionLength)
  const groups = await Promise.all(
    distinct.map(async (promptIds) =>
      (await sample(promptIds, COMPLETIONS, length)).map((sampled) => ({ promptIds, ...sampled })),
    ),
  )
  const sampled = groups.flat()
  const unknown = sampled.flatMap(({ ids }) => ids).find((id) => id >= policy.config.vocabularySize)
  if (unknown !== undefined) {
    throw new GrpoError(
      `the server ${url} sampled the token ${unknown}, which the policy does not have (0 to ${policy.config.vocabularySize - 1}): it serves ` +
        'another model; serve the one that is trained',
    )
  }
  const rows = sampled.map(({ promptIds, ids }) => ({ promptIds, completionIds: ids }))
  const differenceAt = async (t: number): Promise<ServerDifference> => {
    const { logProbs } = await alone(() => policy.engineModel.values(rows, { temperature: t }))
    const values = sampled.flatMap((one, i) => one.logProbs.map((logProb, j) => Math.abs(logProb - logProbs[i]![j]!)))
    const sum = values.reduce((total, value) => total + value, 0)
    return { mean: sum / values.length, max: Math.max(...values), tokens: values.length }
  }
  const difference = await differenceAt(temperature)
  // Those at temperature 1 are then by far nearer.
  if (temperature !== 1 && (await differenceAt(1)).mean < difference.mean / 2) {
    throw new GrpoError(
      `the server ${url} tells log-probabilities at temperature 1, and the run samples at temperature ${temperature}: they are ` +
        `${difference.mean.toPrecision(3)} nats apart from the policy's on average; start it with --logprobs-mode processed_logprobs ` +
        '(SGLang: without SGLANG_RETURN_ORIGINAL_LOGPROB)',
    )
  }
  // NaN is no agreement.
  if (difference.mean <= OTHER_MODEL) return difference
  throw new GrpoError(
    `the server ${url} does not sample from this policy: its log-probabilities of ${difference.tokens} tokens are ` +
      `${difference.mean.toPrecision(3)} nats apart from the policy's on average, expected at most ${OTHER_MODEL}. Does it serve the model that is ` +
      'trained, and does it tell processed log-probabilities (vLLM: --logprobs-mode processed_logprobs)?',
  )
}

function describeIds(ids: readonly number[], at: number): string {
  const rest = ids.slice(at < 0 ? ids.length : at)
  return rest.length === 0 ? 'nothing' : `${rest.slice(0, 6).join(' ')}${rest.length > 6 ? ' …' : ''}`
}
