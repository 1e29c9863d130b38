import type { TokenIds } from '../engine/engine.js'
import { checkSampling } from '../engine/sampling.js'
import type { Completion, SamplingOptions } from '../engine/sampling.js'
import type { CausalLM } from './causalLM.js'

/**
 * Samples completions of each prompt. A completion depends on the seed, its prompt and its number only, not on the batch.
 * @returns for each prompt its `numGenerations` completions
 * @throws ConfigError for options out of range, and for a prompt that is empty or leaves no room for maxCompletionLength
 */
export async function generate(
  model: CausalLM,
  prompts: readonly TokenIds[],
  options: SamplingOptions,
): Promise<Completion[][]> {
  checkSampling({ config: model.config, hasTokenizer: model.tokenizer !== null }, prompts, options)
  return model.engineModel.generate(prompts, { eosTokenIds: model.eosTokenIds, ...options })
}
