import type { TokenIds } from '../../../engine/engine.js'
import type { Completion } from '../../../engine/sampling.js'
import type { SamplingSettings } from '../../../engine/samplingSettings.js'
import type { ChatMessage } from '../../../text/tokenizer.js'
import type { SavedAdapter } from './adapterFolders.js'
import type { ServerConnection } from './connection.js'

/** What a server serves. */
export interface ServedModel {
  /** The base model, by the name that the server has for it. */
  readonly name: string
  /** Most tokens of prompt and completion; null where it does not say. */
  readonly maxLength: number | null
  /** Whether it is `grpo-ts serve`, which takes seeds and the files of adapters. */
  readonly isOurs: boolean
  /** Names of the adapters that it has. */
  readonly adapters: readonly string[]
}

/** Completions of one prompt that a server is asked for. */
export interface SampleRequest extends Omit<SamplingSettings, 'maxCompletionLength'> {
  /** Name of the adapter. */
  readonly model: string
  readonly promptIds: TokenIds
  readonly count: number
  readonly maxCompletionLength: number
  readonly eosTokenIds: TokenIds
  /** For servers that take one; null for none. */
  readonly seed: number | null
}

/** What a server sampled; its text is decoded here. */
export type SampledTokens = Pick<Completion, 'ids' | 'logProbs' | 'finishReason'>

/** How to ask, besides what is asked for. */
export interface Asking {
  readonly connection: ServerConnection
  /** Milliseconds for an answer. */
  readonly timeout: number
  readonly signal: AbortSignal
}

/** What servers are asked for, in the protocol that they speak. All of these throw what ServerConnection.ask throws. */
export interface ServerProtocol {
  /** Makes an adapter a model of the server by its name. */
  loadAdapter(asking: Asking, adapter: SavedAdapter, served: ServedModel): Promise<void>
  /** Forgets an adapter; one that it does not have is none of its concern. */
  unloadAdapter(asking: Asking, name: string): Promise<void>
  /** @throws TransientError when the server has lost the adapter; GrpoError for an answer that no run can use */
  sample(asking: Asking, request: SampleRequest): Promise<SampledTokens[]>
  /** Token ids of a text, or of messages in the format of its chat template; null where the server does not tell. */
  tokenize(asking: Asking, model: string, content: string | readonly ChatMessage[]): Promise<readonly number[] | null>
}

/** Most bytes of an answer without completions. */
export const SMALL_ANSWER = 2 ** 20

/** Bytes of an answer with completions: a token takes its id, its log-probability, its text and its place. */
export function answerBytes({ count, maxCompletionLength, promptIds }: SampleRequest): number {
  return SMALL_ANSWER + count * (512 * maxCompletionLength + 16 * promptIds.length)
}
