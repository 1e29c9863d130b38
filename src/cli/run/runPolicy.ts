import { ConfigError } from '../../errors.js'
import { resolveModel } from '../../hub/resolve.js'
import { notTrainable } from '../../model/modelParameters.js'
import { quantizedCopy } from '../../model/quantizedCopy.js'
import type { CausalLM, Policy } from '../../policy/causalLM.js'
import type { TrainConfig } from '../../grpo/config/trainConfig.js'

/** The policy that a run trains: a LoRA adapter over the model, or all of its weights. */
export function runPolicy(base: CausalLM, { run, lora }: TrainConfig): Policy {
  return run.usePeft ? base.withLora(lora) : base.trainable()
}

/** Throws a ConfigError for a run of all weights of a model whose config.json says that they are quantised, before they are read. */
export async function checkTrainable({ run }: Pick<TrainConfig, 'run'>): Promise<void> {
  if (run.usePeft) return
  const copy = quantizedCopy((await resolveModel(run.model)).folder)
  // A GGUF file may hold numbers: that is known when it is opened.
  if (copy === null || copy.method === 'GGUF') return
  throw new ConfigError(notTrainable(`the weights of ${run.model}`, copy.method))
}
