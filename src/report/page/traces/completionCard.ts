import type { LoggedCompletion, TokenValues } from '../../reportData.js'
import { button, element } from '../dom.js'
import { formatNumber, formatSigned } from '../format.js'
import { tokenTable, tokenText } from './tokenText.js'
import type { ColorMode } from './tokenText.js'

/** Characters of a text that are shown before someone asks for all of it. */
const SHOWN_CHARACTERS = 4000

/** A completion with its rewards; its text is filled in when it comes into view. */
export function completionCard(
  completion: LoggedCompletion,
  options: { readonly number: number; readonly rewardNames: readonly string[]; readonly mode: ColorMode },
): HTMLElement {
  const { text, reward, rewards, advantage, length, cut, tokens } = completion
  const { number, rewardNames, mode } = options
  const components = rewardNames.map((name, i) =>
    element('div', {}, element('dt', {}, name), element('dd', {}, formatNumber(rewards[i] ?? null))),
  )
  const sign = advantage === null || advantage === 0 ? 'zero' : advantage > 0 ? 'up' : 'down'
  return element(
    'article',
    { class: 'completion', tabindex: 0, 'aria-label': `Completion ${number}`, 'data-number': number },
    element(
      'header',
      {},
      element('h4', {}, `Completion ${number}`),
      element('span', { class: 'reward-value' }, `reward ${formatNumber(reward)}`),
      element('span', { class: `advantage advantage-${sign}` }, `advantage ${formatSigned(advantage)}`),
      length === null ? null : element('span', { class: 'muted' }, `${length.toLocaleString('en')} tokens`),
      cut ? element('span', { class: 'flag' }, 'cut off') : null,
      tokens?.mask ? element('span', { class: 'token given' }, 'given, not sampled') : null,
    ),
    element('dl', { class: 'components' }, ...components),
    textBlock(text, tokens, mode),
    tokens ? tokenTable(text, tokens) : null,
  )
}

/** A text as the model wrote it, its line breaks kept; a long one is shown in part. */
export function textBlock(text: string, tokens: TokenValues | null = null, mode: ColorMode = 'none'): HTMLElement {
  const block = element('div', { class: 'text', dir: 'auto' })
  const fill = (whole: boolean): void => {
    const isLong = text.length > SHOWN_CHARACTERS && !whole
    const part = isLong ? text.slice(0, SHOWN_CHARACTERS) : text
    if (text === '') block.append(element('span', { class: 'muted' }, '(no text)'))
    else if (tokens && (mode !== 'none' || tokens.mask))
      block.append(tokenText(part, isLong ? upTo(tokens, part.length) : tokens, mode))
    else block.append(part)
    if (!isLong) return
    const more = button(`… show all ${text.length.toLocaleString('en')} characters`, { class: 'more' }, () => {
      block.replaceChildren()
      fill(true)
    })
    block.append(more)
  }
  whenVisible(block, () => {
    fill(false)
  })
  // Keeps about the place that the text will take, so that the page does not jump.
  block.style.minHeight = `${Math.min(30, Math.ceil(text.length / 90) + (text.match(/\n/g)?.length ?? 0)) * 1.4}em`
  return block
}

/** The tokens that lie within the first characters. */
function upTo(tokens: TokenValues, characters: number): TokenValues {
  const count = tokens.ends.findIndex((end) => end > characters)
  return { ...tokens, ends: tokens.ends.slice(0, count) }
}

const pending = new WeakMap<Element, () => void>()
const observer = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue
      observer.unobserve(target)
      const block = target as HTMLElement
      pending.get(block)?.()
      block.style.minHeight = ''
      block.dispatchEvent(new CustomEvent('filled', { bubbles: true }))
    }
  },
  { rootMargin: '600px' },
)

function whenVisible(block: HTMLElement, fill: () => void): void {
  pending.set(block, fill)
  observer.observe(block)
}
