import type { CompletionLine } from '../run/completionsFile.js'
import { stepRewards } from './stepRewards.js'
import type { CompletionGroup, LoggedCompletion, StepRewards, TokenValues } from './reportData.js'
import { rounded } from './values.js'

/** About what the page may hold of completions, in characters. */
const PAGE_CHARACTERS = 24_000_000

interface PendingGroup {
  step: number
  index: number | null
  problem: string
  prompt: string
  answer: string | null
  completions: LoggedCompletion[]
}

/**
 * The lines of completions.jsonl as groups. What is too much for a page is thinned out evenly: every second step is kept, then
 * every fourth, and so on; the rewards of each step ({@link StepRewards}) are worked out from all of its completions before.
 */
export class CompletionLog {
  readonly rewardNames: string[] = []
  #steps: StepRewards[] = []
  #groups: CompletionGroup[] = []
  #leftOut = 0
  #characters = 0
  /** Steps whose number is a multiple of it are kept. */
  #stride = 1
  #pending: PendingGroup[] = []

  /** @param numGenerations completions of a group, which tells groups of the same prompt apart; null when unknown */
  constructor(private readonly numGenerations: number | null) {}

  get steps(): readonly StepRewards[] {
    return this.#steps
  }

  get groups(): readonly CompletionGroup[] {
    return this.#groups
  }

  get groupsLeftOut(): number {
    return this.#leftOut
  }

  add(line: CompletionLine): void {
    const { step, problem, prompt, answer, group: index = null } = line
    const last = this.#pending.at(-1)
    if (last && last.step !== step) this.flush()
    this.#goBackTo(step)
    const completion = this.#completion(line)
    const group = this.#pending.at(-1)
    const isSame =
      group?.problem === problem &&
      group.prompt === prompt &&
      (index === null ? group.completions.length !== this.numGenerations : group.index === index)
    if (isSame) group.completions.push(completion)
    else this.#pending.push({ step, index, problem, prompt, answer, completions: [completion] })
  }

  /** Ends the step whose lines were added last. */
  flush(): void {
    const [first] = this.#pending
    if (!first) return
    const groups = this.#pending.map((group, index): CompletionGroup => ({ ...group, index }))
    this.#pending = []
    this.#steps.push(stepRewards(first.step, groups))
    this.#groups.push(...groups)
    this.#characters += groups.reduce((sum, group) => sum + charactersOf(group), 0)
    this.#thinOut()
  }

  #completion(line: CompletionLine): LoggedCompletion {
    const { completion, rewards, reward, advantage, length, finish_reason: finishReason } = line
    for (const name of Object.keys(rewards)) if (!this.rewardNames.includes(name)) this.rewardNames.push(name)
    return {
      text: completion,
      reward: roundedOrNull(reward),
      rewards: this.rewardNames.map((name) => (Object.hasOwn(rewards, name) ? roundedOrNull(rewards[name]!) : null)),
      advantage: roundedOrNull(advantage),
      length,
      cut: finishReason === 'length',
      tokens: tokenValues(line),
    }
  }

  /** Forgets the steps from this one on: a run was resumed before it. More lines of the newest step go on with it. */
  #goBackTo(step: number): void {
    const newest = this.#steps.at(-1)?.step ?? -Infinity
    if (newest < step) return
    if (newest === step) {
      this.#pending = this.#groups.flatMap((group) =>
        group.step === step ? { ...group, completions: [...group.completions] } : [],
      )
    }
    this.#steps = this.#steps.filter((other) => other.step < step)
    this.#groups = this.#groups.filter((group) => group.step < step)
  }

  /** Drops steps until the rest fits; the last step is always kept. */
  #thinOut(): void {
    const last = this.#groups.at(-1)?.step
    const isKept = ({ step }: CompletionGroup): boolean => step % this.#stride === 0 || step === last
    let kept = this.#groups.filter(isKept)
    const characters = (groups: readonly CompletionGroup[]): number =>
      groups.reduce((sum, group) => sum + charactersOf(group), 0)
    if (kept.length < this.#groups.length) this.#characters = characters(kept)
    while (this.#characters > PAGE_CHARACTERS && kept.some(({ step }) => step !== last)) {
      this.#stride *= 2
      kept = kept.filter(isKept)
      this.#characters = characters(kept)
    }
    this.#leftOut += this.#groups.length - kept.length
    this.#groups = kept
  }
}

/** Tokens with their log-probabilities; null when the line has none, or their texts do not make up the completion. */
export function tokenValues(line: CompletionLine): TokenValues | null {
  const { completion, tokens, logprobs = [], ref_logprobs: before, mask } = line
  if (!tokens || tokens.length === 0 || tokens.length !== logprobs.length || tokens.join('') !== completion) return null
  let end = 0
  const logProbs = logprobs.map(thousandths)
  return {
    ends: tokens.map((token) => (end += token.length)),
    logProbs,
    changes:
      before?.length === tokens.length
        ? before.map((then, t) => {
            const now = logProbs[t] ?? null
            return now === null || then === null ? null : thousandths(now - then)
          })
        : null,
    ...(mask?.length === tokens.length && mask.includes(0) && { mask }),
  }
}

function thousandths(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1000) / 1000
}

function roundedOrNull(value: number | null): number | null {
  return value === null ? null : rounded(value)
}

/** About what a group takes in the page. */
function charactersOf({ prompt, completions }: CompletionGroup): number {
  return completions.reduce(
    (sum, { text, tokens }) => sum + text.length + 100 + (tokens?.ends.length ?? 0) * (tokens?.changes ? 18 : 11),
    prompt.length,
  )
}
