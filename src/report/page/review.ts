import type { ReviewSummary } from '../../eval/review/summary.js'
import { byId, element, table } from './dom.js'
import type { Run } from './run.js'

/** What people said of the answers of both models, where somebody has reviewed the run. */
export function showReview(run: Run): void {
  const { review } = run.data
  byId('review').hidden = review === null
  if (review) byId('review-content').replaceChildren(...reviewView(review))
}

/** The results of a review: tables, and what they show. */
export function reviewView({ heading, counts, measures, sentences }: ReviewSummary): HTMLElement[] {
  return [
    element('p', { class: 'muted' }, heading),
    ...(counts.length === 0 ? [] : [table('Which answer people preferred', ['', 'Verdicts', 'Share'], counts)]),
    ...sentences.map((sentence) => element('p', {}, sentence)),
    ...(measures.length === 0
      ? []
      : [
          table(
            'Where one answer was preferred, how often it was the one that …',
            ['', 'Verdicts', 'Share and interval'],
            measures,
            { stacked: true },
          ),
        ]),
  ]
}
