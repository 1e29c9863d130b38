/**
 * What one optimizer step measured, by TRL's names and some more (docs/metrics.md). Lengths are in tokens, entropies and divergences
 * in nats, times in seconds. What sampling measures is missing in a step that trains again on earlier completions, and what an
 * option measures where that option is off.
 */
export interface TrainingMetrics {
  /** What was minimised. It says nothing by itself: look at `reward` and at `groups/all_wrong`. */
  readonly loss: number
  /** Norm of all gradients together, before clipping. 0 where no group teaches anything. */
  readonly grad_norm: number
  /** The part of module q_proj in `grad_norm`, if it is adapted; the squares of all add up to its square. */
  readonly 'grad_norm/q_proj'?: number
  /** The part of module k_proj in `grad_norm`, if it is adapted; the squares of all add up to its square. */
  readonly 'grad_norm/k_proj'?: number
  /** The part of module v_proj in `grad_norm`, if it is adapted; the squares of all add up to its square. */
  readonly 'grad_norm/v_proj'?: number
  /** The part of module o_proj in `grad_norm`, if it is adapted; the squares of all add up to its square. */
  readonly 'grad_norm/o_proj'?: number
  /** The part of module gate_proj in `grad_norm`, if it is adapted; the squares of all add up to its square. */
  readonly 'grad_norm/gate_proj'?: number
  /** The part of module up_proj in `grad_norm`, if it is adapted; the squares of all add up to its square. */
  readonly 'grad_norm/up_proj'?: number
  /** The part of module down_proj in `grad_norm`, if it is adapted; the squares of all add up to its square. */
  readonly 'grad_norm/down_proj'?: number
  /** Learning rate of this step. */
  readonly learning_rate: number
  /** Steps so far whose gradients were not finite numbers, so that the adapter was left as it was. */
  readonly skipped_steps: number
  /** Tokens so far, of prompts and sampled; a prompt counts once for each of its completions. */
  readonly num_tokens: number
  /** Passes over the problems so far. */
  readonly epoch: number
  /** Seconds that the step took. */
  readonly step_time: number
  /** Seconds of it that sampling took. */
  readonly sampling_time: number
  /** Completion tokens sampled in a second of the whole step. */
  readonly tokens_per_second: number
  /** Bytes that the engine holds in tensors: weights, adapter, and whatever was not freed. */
  readonly 'memory/tensor_bytes': number
  /** Bytes of main memory that the process holds (resident set). */
  readonly 'memory/process_bytes': number

  /** Mean weighted reward of the completions. */
  readonly reward?: number
  /** Share of the completions that are right, of those that a reward judges; absent where no reward judges correctness. */
  readonly accuracy?: number
  /** Standard deviation of the weighted reward over the batch. */
  readonly reward_std?: number
  /** The best reward of a group, mean over the groups: what the model can do already. */
  readonly 'reward/best'?: number
  /** The worst reward of a group, mean over the groups. */
  readonly 'reward/worst'?: number
  /** Mean of a reward function, by its name, over the completions that it judged. */
  readonly [mean: `rewards/${string}/mean`]: number | undefined
  /** Standard deviation of a reward function over the completions that it judged. */
  readonly [std: `rewards/${string}/std`]: number | undefined
  /** Share of the groups in which the values of a reward function differ; a function at 0 teaches nothing. */
  readonly [alive: `rewards/${string}/alive`]: number | undefined
  /** Completions that a reward function with a time limit took too long for. */
  readonly [timeouts: `rewards/${string}/timeouts`]: number | undefined
  /** Completions that a reward function did not judge because a grader failed on them; absent where there are none. */
  readonly [errors: `rewards/${string}/grading_errors`]: number | undefined
  /** Share of the completions in whose group all rewards are equal, so that it teaches nothing. Blind with batch scaling. */
  readonly frac_reward_zero_std?: number
  /** Share of the groups that teach nothing because all completions are right. */
  readonly 'groups/all_right'?: number
  /** Share of the groups that teach nothing because all completions are wrong. */
  readonly 'groups/all_wrong'?: number

  /** Mean length of the completions, in sampled tokens, the EOS token included. */
  readonly 'completions/mean_length'?: number
  /** Shortest completion, in tokens. */
  readonly 'completions/min_length'?: number
  /** Longest completion, in tokens. */
  readonly 'completions/max_length'?: number
  /** Share of the completions that were cut off at `maxCompletionLength`. */
  readonly 'completions/clipped_ratio'?: number
  /** Mean length of the completions that ended by themselves, in tokens; 0 when none did. */
  readonly 'completions/mean_terminated_length'?: number
  /** Shortest completion that ended by itself, in tokens; 0 when none did. */
  readonly 'completions/min_terminated_length'?: number
  /** Longest completion that ended by itself, in tokens; 0 when none did. */
  readonly 'completions/max_terminated_length'?: number
  /** Different token sequences in a group, mean over the groups. */
  readonly 'diversity/unique_completions'?: number
  /** Different final answers in a group, mean over the groups. */
  readonly 'diversity/distinct_answers'?: number
  /** Mean Jaccard distance between the token trigrams of two completions of a group, from 0 (equal) to 1. */
  readonly 'diversity/pairwise_distance'?: number
  /** Mean number of reasoning steps in a completion, by their form. */
  readonly 'reasoning/steps'?: number
  /** Mean number of self-corrections in a completion, by their words. */
  readonly 'reasoning/self_corrections'?: number
  /** Share of the calculations in the completions that come out; absent when they hold none. */
  readonly 'reasoning/correct_calculations'?: number

  /** Mean entropy of the policy at a token, in nats. */
  readonly entropy?: number
  /** Mean estimate (k3) of the divergence from the reference model, in nats a token; with `beta`. */
  readonly kl?: number
  /** Share of the tokens whose ratio was clipped because it fell below 1 - epsilon with a negative advantage. */
  readonly 'clip_ratio/low_mean'?: number
  /** The smallest such share of a completion. */
  readonly 'clip_ratio/low_min'?: number
  /** Share of the tokens whose ratio was clipped because it rose above 1 + epsilonHigh with a positive advantage. */
  readonly 'clip_ratio/high_mean'?: number
  /** The largest such share of a completion. */
  readonly 'clip_ratio/high_max'?: number
  /** Share of the tokens whose ratio was clipped at either bound. */
  readonly 'clip_ratio/region_mean'?: number
  /** With lossType cispo: share of the tokens whose ratio was capped at epsilonHigh with a positive advantage. */
  readonly cispo_clip_ratio?: number
  /** With lossType vespo: mean weight of a completion. */
  readonly 'vespo/phi_seq_mean'?: number
  /** With an entropy bonus: the loss without it. */
  readonly policy_loss?: number
  /** With an entropy bonus: its coefficient. */
  readonly entropy_coef?: number
  /** Mean difference between the log-probability of a token when sampled and in training, in nats; 0 on the cpu engine. */
  readonly 'sampling/sampling_logp_difference/mean'?: number
  /** The largest such difference, in nats; where both should be equal, the run stops above the engine's tolerance, 0.01 on the cpu engine. */
  readonly 'sampling/sampling_logp_difference/max'?: number
  /** On an engine that samples otherwise than it trains: the mean difference that it expects, in nats. */
  readonly 'sampling/expected_logp_difference/mean'?: number
  /** On such an engine: the largest difference that it expects in a batch, in nats. */
  readonly 'sampling/expected_logp_difference/max'?: number
  /** Where what samples differs within a tolerance: the smallest π_old / π_sampler, as bounded, of a token or completion. */
  readonly 'sampling/importance_sampling_ratio/min'?: number
  /** Where what samples differs within a tolerance: the mean of these ratios. */
  readonly 'sampling/importance_sampling_ratio/mean'?: number
  /** Where what samples differs within a tolerance: the largest of these ratios. */
  readonly 'sampling/importance_sampling_ratio/max'?: number

  /** With dynamicSampling: rounds of sampling for the batch. */
  readonly 'dynamic_sampling/num_gen_batches'?: number
  /** With dynamicSampling: share of the sampled groups that are not trained on. */
  readonly 'dynamic_sampling/dropped_groups'?: number
  /** With dynamicSampling: mean reward of all that was sampled; `reward` is of the groups trained on. */
  readonly 'dynamic_sampling/reward'?: number
  /** With difficultyPools: share of the problems tried that are hardly ever solved. */
  readonly 'difficulty_pools/hard'?: number
  /** With difficultyPools: share of the problems tried that are solved at times. */
  readonly 'difficulty_pools/normal'?: number
  /** With difficultyPools: share of the problems tried that are nearly always solved. */
  readonly 'difficulty_pools/easy'?: number

  /** After an evaluation: share of the completions of held-out problems that are right; absent where no reward judges correctness. */
  readonly eval_accuracy?: number
  /** After an evaluation: mean weighted reward over the held-out problems. */
  readonly eval_reward?: number
  /** After an evaluation: mean of a reward function, by its name. */
  readonly [evaluation: `eval_rewards/${string}/mean`]: number | undefined
  /** After an evaluation: mean length of the completions, in tokens. */
  readonly 'eval_completions/mean_length'?: number
  /** After an evaluation: share of the completions that were cut off. */
  readonly 'eval_completions/clipped_ratio'?: number

  /** Any of them by a name that is only known when the program runs. */
  readonly [name: string]: number | undefined
}
