import type { Completion } from '../../../src/engine/sampling.js'
import type { RolloutEngine } from '../../../src/grpo/rollouts/rolloutEngine.js'
import type { Policy } from '../../../src/policy/causalLM.js'
import { generate } from '../../../src/policy/generate.js'

/** A rollout engine for tests: it samples from the policy that it was synced with, and may change what it returns. */
export interface FakeRollouts extends RolloutEngine {
  /** The steps that it was synced at. */
  readonly synced: number[]
}

export function fakeRollouts(
  agreement: RolloutEngine['agreement'],
  change: (completion: Completion, i: number) => Completion = (completion) => completion,
): FakeRollouts {
  const synced: number[] = []
  let policy: Policy | null = null
  return {
    name: 'fake',
    agreement,
    synced,
    async sync(current, step) {
      await Promise.resolve()
      policy = current
      synced.push(step)
    },
    async generate(prompts, options) {
      const completions = await generate(policy!, prompts, options)
      const { length } = completions[0]!
      return completions.map((group, g) => group.map((completion, j) => change(completion, g * length + j)))
    },
  }
}

/** Of length 1, and the same for the same number. */
export function noise(i: number): number {
  const x = Math.sin(12.9898 * i + 78.233) * 43758.5453
  return x - Math.floor(x) - 0.5
}

/** A completion whose log-probabilities are off by up to half of `size` nats, as those of another arithmetic would be. */
export function noisy(size: number): (completion: Completion, i: number) => Completion {
  return (completion, i) => ({
    ...completion,
    entropies: [],
    logProbs: completion.logProbs.map((logProb, t) => Math.min(0, logProb + size * noise(31 * i + t))),
  })
}

/** An exact engine whose completions have two turns, with tokens between them that were given. */
export function twoTurns(given: readonly number[], tokensOfTurn: number): FakeRollouts {
  const fake = fakeRollouts('exact')
  let policy: Policy | null = null
  return {
    ...fake,
    async sync(current, step) {
      policy = current
      await fake.sync!(current, step)
    },
    async generate(prompts, options) {
      const turn = { ...options, maxCompletionLength: tokensOfTurn }
      const first = await fake.generate(prompts, turn)
      const second = await generate(
        policy!,
        first.flatMap((group, g) => group.map(({ ids }) => [...prompts[g]!, ...ids, ...given])),
        { ...turn, numGenerations: 1 },
      )
      const zeros = given.map(() => 0)
      return first.map((group, g) =>
        group.map((one, j): Completion => {
          const [two] = second[g * group.length + j]!
          return {
            ids: [...one.ids, ...given, ...two!.ids],
            logProbs: [...one.logProbs, ...zeros, ...two!.logProbs],
            entropies: [...one.entropies, ...zeros, ...two!.entropies],
            mask: [...one.ids.map(() => 1), ...zeros, ...two!.ids.map(() => 1)],
            finishReason: two!.finishReason,
            text: one.text + two!.text,
          }
        }),
      )
    },
  }
}
