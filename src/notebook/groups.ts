import type { RolloutGroup, ScoredCompletion } from '../grpo/rollouts/rollouts.js'
import { traces } from './traces.js'

/** How groups are shown. */
export interface GroupsOptions {
  /** Only the completion with the highest and the one with the lowest advantage of each group. Defaults to false: all. */
  extremes?: boolean
  /** What stands before the problem of each group, such as `Step 20`. Defaults to nothing. */
  title?: string
}

/** Shows the completions of each group side by side, with reward and advantage and whether they are right. */
export function groups(shown: readonly RolloutGroup[], options: GroupsOptions = {}): void {
  const { extremes = false, title = '' } = options
  for (const { problem, completions } of shown) {
    const numbered = completions.map((completion, i) => ({ completion, title: `Completion ${i + 1}` }))
    const ranked = numbered.toSorted((a, b) => b.completion.advantage - a.completion.advantage)
    const [best, worst] = [ranked[0], ranked.at(-1)]
    const cards =
      extremes && best && worst
        ? [
            { ...best, title: 'Best of the group' },
            { ...worst, title: 'Worst of the group' },
          ]
        : numbered
    traces(
      cards.map(({ completion, title: heading }) => ({ title: heading, ...describe(completion) })),
      `${title === '' ? '' : `${title}: `}${problem.question} (answer: ${problem.answer})`,
    )
  }
}

function describe({ text, correct, reward, advantage, ids }: ScoredCompletion): {
  text: string
  correct?: boolean
  facts: Record<string, number>
} {
  return {
    text,
    ...(correct !== null && { correct }),
    facts: { ...(reward !== null && { reward }), advantage, tokens: ids.length },
  }
}
