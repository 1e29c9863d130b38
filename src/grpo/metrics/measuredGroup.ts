/** What metrics of completions are worked out from; a ScoredCompletion is one, and so is what was recorded of it. */
interface MeasuredCompletion {
  readonly text: string
  readonly ids: readonly number[]
  /** By the name of the reward function; null where it did not judge. */
  readonly rewards: Readonly<Record<string, number | null>>
  readonly correct: boolean | null
  readonly reward: number | null
}

/** Completions of a prompt, as far as a metric looks at them. */
export interface MeasuredGroup<Values extends keyof MeasuredCompletion> {
  readonly completions: readonly Pick<MeasuredCompletion, Values>[]
}
