import { readReviewResults } from '../../../eval/review/readResults.js'
import type { ReviewRow } from '../../../eval/review/summary.js'
import { visibleLine } from '../../../io/visibleText.js'
import { formatTable } from '../../terminal/table.js'

/** What people have said of a run so far, as tables and sentences. */
export async function describeReviewResults(run: string): Promise<string> {
  const { heading, counts, measures, sentences } = (await readReviewResults(run)).summary
  return [
    `${visibleLine(heading)}\n`,
    formatRows('', counts),
    sentences.map((sentence) => `${visibleLine(sentence)}\n`).join(''),
    formatRows('when one was preferred, it was the one that …', measures),
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function formatRows(heading: string, rows: readonly ReviewRow[]): string {
  return formatTable<ReviewRow>(
    [
      { heading, text: ([label]) => visibleLine(label), left: true },
      { heading: 'verdicts', text: ([, verdicts]) => verdicts },
      { heading: 'share', text: ([, , share]) => share, left: true },
    ],
    rows,
  )
}
