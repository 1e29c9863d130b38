import { GrpoError } from '../errors.js'
import type { Problem } from '../grading/problem.js'
import { scoreCompletions } from '../rewards/scoreCompletions.js'
import type { EngineCompletion } from './engineOutput.js'
import type { ImportContext } from './importContext.js'

/** What the engine's sum and ours may differ by: it is a float32. */
const TOLERANCE = 1e-4

/** What is known of a completion beside what the engine kept. */
interface Known {
  readonly problem: Problem | null
  readonly prompt: string
  readonly ids: readonly number[]
  readonly finishReason: 'stop' | 'length' | null
}

/**
 * The rewards of completions by their functions. An engine that kept the sum alone has it divided among the functions of the
 * configuration by asking them again; the engine's own sum is what counts, and where theirs is another it stands alone, as `score`.
 */
export class ImportedRewards {
  readonly #weights: ReadonlyMap<string, number>
  #askedAgain = 0
  #otherSums = 0
  #notAsked = 0

  constructor(private readonly context: ImportContext) {
    const { config, rewards } = context
    this.#weights = new Map(rewards.map(({ name, weight }, k) => [name, config?.run.rewardWeights?.[k] ?? weight]))
  }

  /** Throws the reason of the signal. */
  async of(completion: EngineCompletion, known: Known, signal?: AbortSignal): Promise<EngineCompletion['rewards']> {
    const { rewards, reward: score } = completion
    if (score === undefined) return rewards
    const names = [...this.#weights.keys()]
    // verl also keeps what the reward function returned beside the score.
    if (names.length > 0 && names.every((name) => Object.hasOwn(rewards, name))) {
      return Object.fromEntries(names.map((name) => [name, rewards[name] ?? null]))
    }
    if (known.problem === null || names.length === 0) {
      if (names.length > 0) this.#notAsked++
      return { score }
    }
    const asked = await this.#ask(completion.completion, known, known.problem, signal)
    this.#askedAgain++
    const sum = asked && (this.sum(asked) ?? 0)
    if (
      asked !== null &&
      sum !== null &&
      score !== null &&
      Math.abs(sum - score) <= TOLERANCE * Math.max(1, Math.abs(score))
    ) {
      return asked
    }
    this.#otherSums++
    return { score }
  }

  /** Weighted sum; null when no function judged. A function whose weight is not known counts once, as in TRL. */
  sum(rewards: EngineCompletion['rewards']): number | null {
    const judged = Object.entries(rewards).flatMap(([name, value]) =>
      value === null ? [] : [value * (this.#weights.get(name) ?? 1)],
    )
    return judged.length === 0 ? null : judged.reduce((sum, value) => sum + value, 0)
  }

  /** What had to be worked out, in sentences. */
  get notes(): string[] {
    return [
      this.#askedAgain > 0 &&
        `the engine kept the sum of the rewards alone; of ${this.#askedAgain} completions the functions were asked again here` +
          (this.#otherSums === 0
            ? ', and their sums are those of the engine'
            : `, and ${this.#otherSums} have another sum than the engine had: these have one reward, score`),
      this.#notAsked > 0 && `${this.#notAsked} completions of unknown problems have one reward, score`,
    ].filter((note) => note !== false)
  }

  async #ask(
    completion: string,
    { prompt, ids, finishReason }: Known,
    problem: Problem,
    signal: AbortSignal | undefined,
  ): Promise<Record<string, number | null> | null> {
    const { rewards } = this.context
    const meta = { problem, finishReason: finishReason ?? ('stop' as const) }
    try {
      const { values } = await scoreCompletions(
        rewards,
        [{ prompt, completion, answer: problem.answer, ids, meta }],
        signal,
      )
      return Object.fromEntries(rewards.map(({ name }, k) => [name, values[0]![k] ?? null]))
    } catch (error) {
      // A function that fails now has said nothing.
      if (!(error instanceof GrpoError) || signal?.aborted) throw error
      return null
    }
  }
}
