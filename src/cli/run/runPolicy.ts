import type { CausalLM, Policy } from '../../policy/causalLM.js'
import type { TrainConfig } from './trainConfig.js'

/** The policy that a run trains: a LoRA adapter over the model, or all of its weights. */
export function runPolicy(base: CausalLM, { run, lora }: TrainConfig): Policy {
  return run.usePeft ? base.withLora(lora) : base.trainable()
}
