import { GrpoError } from '../../errors.js'
import type { CausalLM } from '../../policy/causalLM.js'
import type { GRPOConfig } from '../config/config.js'
import { samplingMetrics } from '../losses/rolloutImportanceSampling.js'
import { lossMask } from '../update/trainingRow.js'
import type { TrainingRow } from '../update/trainingRow.js'
import type { SampledGroup } from './rollouts.js'
import type { Sampler } from './sampler.js'

/**
 * Mean difference of log-probabilities, in nats a token, from which on something else than the policy was sampled from. A server in
 * bfloat16 makes 0.03, one whose adapter is several steps old 0.1; another model, tokenizer or temperature makes 1 and more.
 */
const FAR_OFF = 1

/**
 * Completions with the log-probabilities and entropies of the policy's own engine: as `oldLogProbs` beside those of the sampler
 * where these are within a tolerance, in their place where they say nothing. What agrees exactly is returned as it is.
 */
export async function scoredByPolicy(
  policy: CausalLM,
  groups: readonly SampledGroup[],
  { temperature, maxTokensPerPass }: Pick<GRPOConfig, 'temperature' | 'maxTokensPerPass'>,
  agreement: Sampler['agreement'],
): Promise<readonly SampledGroup[]> {
  if (agreement === 'exact') return groups
  const rows = groups.flatMap(({ promptIds, completions }) =>
    completions.map(({ ids }) => ({ promptIds, completionIds: ids })),
  )
  const values = await policy.engineModel.values(rows, { temperature, maxTokens: maxTokensPerPass })
  let at = 0
  return groups.map((group) => ({
    ...group,
    completions: group.completions.map((completion) => {
      const [logProbs, entropies] = [[...values.logProbs[at]!], [...values.entropies[at]!]]
      at++
      if (agreement === 'recompute') return { ...completion, logProbs, entropies }
      return { ...completion, entropies, oldLogProbs: logProbs }
    }),
  }))
}

/**
 * How far a sampler with a tolerance is from the policy (see {@link samplingMetrics}), and with the names
 * `sampling/expected_logp_difference/mean` and `/max` how far its engine expects it to be; nothing for others.
 * @throws GrpoError when it is too far
 */
export function samplerMetrics(
  rows: readonly TrainingRow[],
  { agreement, identity, expectedDifference }: Sampler,
): Record<string, number> {
  if (agreement !== 'tolerance') return {}
  const scored = rows.map((row) => ({
    oldLogProbs: row.oldLogProbs!,
    samplingLogProbs: row.samplingLogProbs!,
    lossMask: lossMask(row),
  }))
  const ratios = rows
    .map(({ importanceSamplingRatio }) => importanceSamplingRatio ?? null)
    .filter((ratio) => ratio !== null)
  const metrics: Record<string, number> = {
    ...samplingMetrics(scored, ratios.length === rows.length ? ratios : null),
    ...(expectedDifference && {
      'sampling/expected_logp_difference/mean': expectedDifference.mean,
      'sampling/expected_logp_difference/max': expectedDifference.max,
    }),
  }
  const mean = metrics['sampling/sampling_logp_difference/mean']!
  if (!(mean > FAR_OFF)) return metrics
  throw new GrpoError(
    `what ${identity === null ? 'the engine' : `the rollout engine ${identity}`} sampled is not from this policy: the log-probabilities ` +
      `of the same tokens are ${mean.toPrecision(3)} nats apart on average, expected less than ${FAR_OFF}. The policy was left as it ` +
      'was. Does it hold the same model, the adapter of this step, the same tokenizer, and does it divide by the temperature?',
  )
}
