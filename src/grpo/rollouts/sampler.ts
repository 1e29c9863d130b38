import { checkSampling } from '../../engine/sampling.js'
import type { Completion, SamplingOptions } from '../../engine/sampling.js'
import type { SamplingDifference, TokenIds } from '../../engine/engine.js'
import { ConfigError, GrpoError } from '../../errors.js'
import { quote } from '../../io/json.js'
import { thrownMessage } from '../../io/thrown.js'
import { untilAborted } from '../../io/untilAborted.js'
import { runUserCode } from '../../io/userCode.js'
import type { CausalLM, Policy } from '../../policy/causalLM.js'
import { generate } from '../../policy/generate.js'
import { checkCompletions } from './checkCompletions.js'
import type { RolloutEngine } from './rolloutEngine.js'

const agreements: readonly RolloutEngine['agreement'][] = ['exact', 'tolerance', 'recompute']

/** What a run samples with: its policy, or a rollout engine that is kept up to date with it. */
export interface Sampler {
  /** What a run has to have in common with the one that it resumes; null for the policy's own engine. */
  readonly identity: string | null
  readonly agreement: RolloutEngine['agreement']
  /** With a tolerance: the differences that the policy's own engine expects; null where nobody knows. */
  readonly expectedDifference: SamplingDifference | null
  /** Completions by the policy as it is; `step` is the number of optimizer steps made. */
  sample(prompts: readonly TokenIds[], options: SamplingOptions, step: number): Promise<Completion[][]>
}

/** The policy itself as what samples. */
export function policySampler(policy: CausalLM): Sampler {
  const { samplingTolerance, expectedDifference } = policy.engine.info
  return {
    identity: null,
    agreement: samplingTolerance === null ? 'tolerance' : 'exact',
    expectedDifference,
    sample: (prompts, options) => generate(policy, prompts, options),
  }
}

/**
 * A rollout engine as what samples. It is synced before it samples when the policy has changed since. Whatever it throws becomes a
 * GrpoError with its name, and so does what it returns when no run can be trained on that.
 * @throws ConfigError when it is none
 */
export function rolloutSampler(engine: RolloutEngine, policy: Policy): Sampler {
  checkEngine(engine)
  const { name, agreement } = engine
  const called = `the rollout engine '${name}'`
  let synced: number | null = null

  /** What a method of the engine returns, unless the signal is aborted before. */
  async function call<T>(what: string, body: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted()
    try {
      // From JavaScript it may throw at once, or return anything.
      const result = runUserCode(called, async () => body())
      return await (signal ? untilAborted(result, signal) : result)
    } catch (cause) {
      if (signal?.aborted) throw cause
      const message = thrownMessage(cause)
      throw new GrpoError(`${called} failed to ${what}: ${message}`, { cause })
    }
  }

  return {
    identity: `${name} (${agreement})`,
    agreement,
    expectedDifference: null,
    async sample(prompts, options, step) {
      checkSampling({ config: policy.config, hasTokenizer: policy.tokenizer !== null }, prompts, options)
      const { signal } = options
      const { version } = policy.trained.parameters
      if (synced !== version) {
        await call(`take over the policy after step ${step}`, async () => engine.sync?.(policy, step), signal)
        synced = version
      }
      const given = await call(
        `sample ${prompts.length} prompts`,
        () => engine.generate(prompts, ownOptions(policy, options)),
        signal,
      )
      return checkCompletions(called, given, prompts.length, { ...options, agreement }, policy.config.vocabularySize)
    },
  }
}

/** The sampling options alone: what else is in them is this library's own. */
function ownOptions(policy: CausalLM, options: SamplingOptions): SamplingOptions {
  const { maxCompletionLength, temperature, topK, topP, minP, repetitionPenalty, numGenerations } = options
  const { seed, stopStrings, signal, onProgress, eosTokenIds = policy.eosTokenIds } = options
  const given = {
    maxCompletionLength,
    temperature,
    topK,
    topP,
    minP,
    repetitionPenalty,
    numGenerations,
    seed,
    eosTokenIds,
  }
  return { ...given, stopStrings, signal, onProgress }
}

function checkEngine(engine: RolloutEngine): void {
  const { name, agreement, generate: sample, sync } = engine as Partial<Record<keyof RolloutEngine, unknown>>
  const expect = (holds: boolean, what: string, expected: string): void => {
    if (!holds) throw new ConfigError(`rolloutEngine: ${what}; expected ${expected}`)
  }
  expect(typeof name === 'string' && name !== '', `name is ${quote(name)}`, 'a text that names it')
  expect(
    agreements.some((known) => known === agreement),
    `agreement is ${quote(agreement)}`,
    agreements.join(', '),
  )
  expect(typeof sample === 'function', `generate is ${quote(sample)}`, 'a method')
  expect(sync === undefined || typeof sync === 'function', `sync is ${quote(sync)}`, 'a method, or none')
}
