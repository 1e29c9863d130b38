import type { TokenIds } from '../../engine/engine.js'
import type { Completion, SamplingOptions } from '../../engine/sampling.js'
import type { Policy } from '../../policy/causalLM.js'

/** What samples the completions to train on in place of the policy's own engine, such as a server that holds a copy of the policy. */
export interface RolloutEngine {
  /** Its name, with all that decides what it samples: a run that was begun with it can only be resumed with the same. */
  readonly name: string
  /**
   * How its log-probabilities are related to those of training:
   *
   * - `exact`: equal but for rounding, which each step checks; they are taken as the old ones.
   * - `tolerance`: of the same distribution in other arithmetic, or of a somewhat older policy. The old ones are computed by the
   *   policy's engine, and the loss is corrected by the ratio of both (`vllmImportanceSamplingCorrection`).
   * - `recompute`: they say nothing, and may be missing. All are computed by the policy's engine; nothing is corrected.
   */
  readonly agreement: 'exact' | 'tolerance' | 'recompute'
  /**
   * `numGenerations` completions of each prompt, in order, by the policy as it was last synced. `keep` is never among the options;
   * when the signal is aborted, the result is not waited for any more. Entropies may be empty unless the agreement is exact.
   */
  generate(prompts: readonly TokenIds[], options: SamplingOptions): Promise<Completion[][]>
  /** Takes over the policy's values, before sampling whenever they have changed; `step` is the number of optimizer steps made. */
  sync?(policy: Policy, step: number): Promise<void>
}
