import { element } from '../../report/page/dom.js'
import type { BlindCompletion, BlindPair } from '../session.js'

/** The problem and the two answers, as texts: whatever a model wrote is never markup. */
export function pairView({ question, answer, left, right }: BlindPair): HTMLElement[] {
  return [
    element('h2', { class: 'ask' }, 'Which answer reasons better?'),
    element(
      'section',
      { class: 'prompt', 'aria-label': 'Problem' },
      element('div', { class: 'text', dir: 'auto' }, question),
    ),
    element(
      'p',
      { id: 'expected', class: 'answer', hidden: true },
      element('strong', {}, 'Expected answer: '),
      element('span', { class: 'text', dir: 'auto' }, answer),
    ),
    element('div', { class: 'sides' }, side('Answer 1', left), side('Answer 2', right)),
  ]
}

function side(title: string, { text, isCut }: BlindCompletion): HTMLElement {
  return element(
    'article',
    { class: 'side completion', 'aria-label': title },
    element('header', {}, element('h3', {}, title), isCut ? element('span', { class: 'flag' }, 'cut off') : null),
    element(
      'div',
      { class: 'text', dir: 'auto', tabindex: 0 },
      text === '' ? element('span', { class: 'muted' }, '(no text)') : text,
    ),
  )
}
