import type { CompletionGroup, LoggedCompletion } from '../../reportData.js'
import { disclosure, element } from '../dom.js'
import { formatNumber, plural } from '../format.js'
import { completionCard, textBlock } from './completionCard.js'
import { meanReward, spreadOf } from './groupFilter.js'
import type { ColorMode } from './tokenText.js'

export interface GroupViewOptions {
  readonly rewardNames: readonly string[]
  readonly mode: ColorMode
  readonly bestFirst: boolean
  /** The completions that were searched for come first; null when all count the same. */
  readonly isWanted: ((completion: LoggedCompletion) => boolean) | null
}

/** A prompt with all completions of its group. */
export function groupView(group: CompletionGroup, options: GroupViewOptions): HTMLElement[] {
  const { step, index, problem, prompt, answer, completions } = group
  const numbered = completions.map((completion, i) => ({ completion, number: i + 1 }))
  if (options.bestFirst) {
    numbered.sort((a, b) => (b.completion.reward ?? -Infinity) - (a.completion.reward ?? -Infinity))
  }
  const { isWanted } = options
  const wanted = isWanted ? numbered.filter(({ completion }) => isWanted(completion)) : numbered
  // Where the words stand only in the prompt every completion is of interest.
  const shown = wanted.length > 0 ? wanted : numbered
  const others = numbered.filter((item) => !shown.includes(item))
  const card = ({ completion, number }: (typeof numbered)[number]): HTMLElement =>
    completionCard(completion, { number, ...options })
  return [
    element(
      'header',
      { class: 'group-header' },
      element('h3', {}, `Step ${step}, group ${index + 1}`),
      element(
        'p',
        { class: 'muted small' },
        `Problem ${problem} · ${plural(completions.length, 'completion')} · mean reward ${formatNumber(meanReward(group))}`,
        spreadOf(group) === 0 ? ' · all rewards equal: this group taught nothing' : '',
      ),
    ),
    element('h4', { class: 'label' }, 'Prompt'),
    promptBlock(prompt),
    ...(answer === null
      ? []
      : [
          element(
            'p',
            { class: 'answer' },
            element('strong', {}, 'Expected answer: '),
            element('span', { class: 'text' }, answer),
          ),
        ]),
    ...shown.map(card),
    ...(others.length === 0
      ? []
      : [
          disclosure(`${plural(others.length, 'other completion')} of the group`, () =>
            element('div', {}, ...others.map(card)),
          ),
        ]),
  ]
}

/** A prompt; one with worked examples is long, and its end is what matters. */
export function promptBlock(prompt: string): HTMLElement {
  const isLong = prompt.length > 1200
  const block = element('div', { class: 'prompt' })
  if (!isLong) block.append(textBlock(prompt))
  else {
    block.append(
      disclosure(`Whole prompt (${prompt.length.toLocaleString('en')} characters)`, () => textBlock(prompt)),
      textBlock(`… ${prompt.slice(-600)}`),
    )
  }
  return block
}
