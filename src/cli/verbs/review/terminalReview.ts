import type { ReviewVerdict } from '../../../run/reviewsFile.js'
import type { BlindCompletion, BlindPair, ReviewSession } from '../../../review/session.js'
import type { Streams } from '../../terminal/streams.js'
import { readKeys } from './keys.js'
import { wrapLines } from './wrapLines.js'

/** What keys stand for. */
const verdictOf: Readonly<Record<string, ReviewVerdict>> = {
  '1': 'left',
  left: 'left',
  '2': 'right',
  right: 'right',
  '3': 'tie',
  '4': 'both_bad',
}
const verdictTexts: Readonly<Record<ReviewVerdict, string>> = {
  left: 'answer 1 is better',
  right: 'answer 2 is better',
  tie: 'equally good',
  both_bad: 'both bad',
}

const QUESTION =
  'Which answer reasons better?  1 answer 1   2 answer 2   3 equally good   4 both bad\n' +
  '                              e expected answer   u undo   q quit\n'

/** Characters of an answer that are shown: a terminal would scroll away what comes before. */
const SHOWN = 20_000
/** Widest line: longer ones are hard to read. */
const WIDEST = 100

/**
 * Asks in a terminal about one pair after the other until all are judged, or the reviewer ends it. What is shown is text with a bar
 * before each line of the models', so that it cannot be taken for what we say. Throws the reason of the signal.
 */
export async function reviewInTerminal(session: ReviewSession, streams: Streams, signal: AbortSignal): Promise<void> {
  const { stdout } = streams
  const width = Math.min(WIDEST, (stdout.columns ?? 80) - 1)
  const keys = readKeys(streams.stdin, signal)
  try {
    for (let pair = session.next(); pair !== null;) {
      const { given, total } = session.progress
      stdout.write(formatPair(pair, `${given + 1} of ${total}`, width))
      const said = await askForVerdict(pair)
      if (said === 'quit') return
      if (said === 'undo') {
        const before = await session.undo()
        stdout.write(before ? 'taken back\n' : 'there is no verdict of this session to take back\n')
        pair = before ?? pair
        continue
      }
      await session.give(pair.number, said.verdict, said)
      stdout.write(`${verdictTexts[said.verdict]}\n`)
      pair = session.next()
    }
  } finally {
    keys.close()
  }

  async function askForVerdict(
    pair: BlindPair,
  ): Promise<'quit' | 'undo' | { verdict: ReviewVerdict; answerShown: boolean }> {
    stdout.write(QUESTION)
    keys.settle()
    for (let answerShown = false; ;) {
      const key = await keys.next()
      if (key === null || key === 'q') return 'quit'
      if (key === 'u') return 'undo'
      const verdict = verdictOf[key]
      if (verdict) return { verdict, answerShown }
      if (key === 'e') {
        answerShown = true
        stdout.write(`expected answer\n${quoted(pair.answer, width)}`)
      } else stdout.write(QUESTION)
    }
  }
}

function formatPair({ question, left, right }: BlindPair, place: string, width: number): string {
  return [
    `\n=== Pair ${place} ${'='.repeat(Math.max(3, width - 10 - place.length))}\n`,
    quoted(question, width),
    formatAnswer('Answer 1', left, width),
    formatAnswer('Answer 2', right, width),
    '\n',
  ].join('')
}

function formatAnswer(title: string, { text, isCut }: BlindCompletion, width: number): string {
  const shown = text.slice(0, SHOWN)
  const hidden = text.length - shown.length
  return [
    `\n${title}${isCut ? ' (cut off)' : ''}\n`,
    text === '' ? '(no text)\n' : quoted(shown, width),
    hidden === 0 ? '' : `(${hidden.toLocaleString('en')} more characters; --page shows them)\n`,
  ].join('')
}

/** Lines of a model, each behind a bar. */
function quoted(text: string, width: number): string {
  return wrapLines(text, width - 2)
    .map((line) => `| ${line}`.trimEnd() + '\n')
    .join('')
}
