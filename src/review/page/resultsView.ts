import type { ReviewSummary } from '../../eval/review/summary.js'
import { button, element } from '../../report/page/dom.js'
import { reviewView } from '../../report/page/review.js'
import type { ReviewState } from '../reviewData.js'

/** What all reviewers have said so far, at the end or in between. */
export function resultsView(
  summary: ReviewSummary,
  { given, total, canUndo }: ReviewState,
  { goOn, undo }: { readonly goOn: () => void; readonly undo: () => void },
): HTMLElement[] {
  const isOver = given >= total
  return [
    element('h2', {}, isOver ? `All ${total.toLocaleString('en')} pairs are judged` : 'Results so far'),
    element(
      'p',
      { class: 'muted' },
      isOver
        ? 'The verdicts are kept. You can close this page, and end the review in its terminal with Ctrl-C.'
        : 'The verdicts are kept. Who knows how a review stands may judge otherwise: go on only if that does not matter.',
    ),
    element(
      'div',
      { class: 'others' },
      ...(isOver ? [] : [button('Go on', {}, goOn)]),
      ...(isOver && canUndo ? [button('Undo the last verdict', { 'aria-keyshortcuts': 'u' }, undo)] : []),
    ),
    ...reviewView(summary),
  ]
}
