import type { CompletionGroup, LoggedCompletion } from '../../reportData.js'
import { matcherOf } from './search.js'

/** What the reader wants to see. */
export interface GroupFilter {
  readonly query: string
  readonly kind: 'all' | 'spread' | 'no-spread' | 'cut'
  /** Limits of the reward of a completion; null for none. */
  readonly lowest: number | null
  readonly highest: number | null
  readonly order: 'step' | 'newest' | 'best' | 'worst' | 'spread'
}

/** The groups that fit, in the order asked for. */
export function filterGroups(groups: readonly CompletionGroup[], filter: GroupFilter): readonly CompletionGroup[] {
  const matches = completionFilter(filter)
  const matchesText = matcherOf(filter.query)
  const isWanted = (group: CompletionGroup): boolean => {
    if (filter.kind === 'spread' && spreadOf(group) === 0) return false
    if (filter.kind === 'no-spread' && spreadOf(group) > 0) return false
    if (filter.kind === 'cut' && !group.completions.some(({ cut }) => cut)) return false
    // The words may stand in the prompt; the limits are about completions.
    if (matchesText && (matchesText(group.prompt) || matchesText(group.problem))) {
      return !hasLimits(filter) || group.completions.some(withinLimits(filter))
    }
    return !matches || group.completions.some(matches)
  }
  return sorted(groups.filter(isWanted), filter.order)
}

/** Whether a completion is among what was searched for; null when nothing narrows completions down. */
export function completionFilter(filter: GroupFilter): ((completion: LoggedCompletion) => boolean) | null {
  const matchesText = matcherOf(filter.query)
  if (!matchesText && !hasLimits(filter)) return null
  const isWithin = withinLimits(filter)
  return (completion) => isWithin(completion) && (!matchesText || matchesText(completion.text))
}

export function meanReward({ completions }: CompletionGroup): number | null {
  const rewards = completions.flatMap(({ reward }) => reward ?? [])
  return rewards.length === 0 ? null : rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length
}

/** Best less worst reward of a group. */
export function spreadOf({ completions }: CompletionGroup): number {
  const rewards = completions.flatMap(({ reward }) => reward ?? [])
  if (rewards.length === 0) return 0
  const spread = rewards.reduce((a, b) => Math.max(a, b)) - rewards.reduce((a, b) => Math.min(a, b))
  return spread < 1e-6 ? 0 : spread
}

function hasLimits({ lowest, highest }: GroupFilter): boolean {
  return lowest !== null || highest !== null
}

function withinLimits({ lowest, highest }: GroupFilter): (completion: LoggedCompletion) => boolean {
  return ({ reward }) =>
    (lowest === null || (reward !== null && reward >= lowest)) &&
    (highest === null || (reward !== null && reward <= highest))
}

function sorted(groups: CompletionGroup[], order: GroupFilter['order']): readonly CompletionGroup[] {
  const by = (value: (group: CompletionGroup) => number): CompletionGroup[] =>
    groups
      .map((group) => ({ group, key: value(group) }))
      .sort((a, b) => b.key - a.key)
      .map(({ group }) => group)
  switch (order) {
    case 'step':
      return groups
    case 'newest':
      return groups.toReversed()
    case 'best':
      return by((group) => meanReward(group) ?? -Infinity)
    case 'worst':
      return by((group) => -(meanReward(group) ?? Infinity))
    case 'spread':
      return by(spreadOf)
  }
}
