import { byId } from '../../report/page/dom.js'
import { setUpTheme } from '../../report/page/theme.js'
import type { ReviewVerdict } from '../../run/reviewsFile.js'
import type { ReviewSummary } from '../../eval/review/summary.js'
import type { GivenVerdict, ReviewPageData, ReviewState } from '../reviewData.js'
import { choiceBar } from './choices.js'
import { pairView } from './pairView.js'
import { resultsView } from './resultsView.js'

/** Milliseconds for which a new pair takes no verdict: the key or the click was still meant for the one before. */
const SETTLING = 400

const { token } = JSON.parse(byId('review-data').textContent) as ReviewPageData
let state: ReviewState | null = null
let answerShown = false
let shownAt = 0
let isBusy = false

const choices = choiceBar({ give, undo, showAnswer, finish })

/** Asks the server; tells of its answer when that is a refusal, or of its end. Null then. */
async function ask<Answer>(path: string, body?: unknown): Promise<Answer | null> {
  const trouble = byId('trouble')
  try {
    const response = await fetch(path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { Authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    trouble.hidden = response.ok
    if (response.ok) return (await response.json()) as Answer
    trouble.textContent = await response.text()
  } catch {
    trouble.hidden = false
    trouble.textContent =
      'The review has ended in its terminal. All verdicts so far are kept; grpo-ts review goes on where it stopped.'
  }
  return null
}

/** Asks one thing after the other: what is clicked meanwhile is not meant for what comes. */
async function once(work: () => Promise<void>): Promise<void> {
  if (isBusy) return
  isBusy = true
  try {
    await work()
  } finally {
    isBusy = false
  }
}

function give(verdict: ReviewVerdict): void {
  const pair = state?.pair
  if (!pair || performance.now() - shownAt < SETTLING) return
  void once(async () => {
    const given: GivenVerdict = { number: pair.number, verdict, answerShown }
    await show(await ask<ReviewState>('/give', given))
  })
}

function undo(): void {
  if (state?.canUndo !== true) return
  void once(async () => show(await ask<ReviewState>('/undo', {})))
}

function showAnswer(): void {
  const answer = document.getElementById('expected')
  if (!answer) return
  answer.hidden = false
  answerShown = true
}

function finish(): void {
  void once(showResults)
}

/** Shows the next pair, or the results where there is none. */
async function show(next: ReviewState | null): Promise<void> {
  if (!next) return
  state = next
  const bar = byId('bar') as HTMLProgressElement
  bar.max = next.total
  bar.value = next.given
  byId('count').textContent = `${next.given.toLocaleString('en')} of ${next.total.toLocaleString('en')}`
  if (!next.pair) {
    await showResults()
    return
  }
  answerShown = false
  shownAt = performance.now()
  choices.update(next)
  byId('review').replaceChildren(...pairView(next.pair))
  scrollTo(0, 0)
}

async function showResults(): Promise<void> {
  const results = await ask<ReviewSummary>('/results')
  if (!results || !state) return
  choices.hide()
  const goOn = (): void => void once(async () => show(await ask<ReviewState>('/next')))
  byId('review').replaceChildren(...resultsView(results, state, { goOn, undo }))
  scrollTo(0, 0)
}

setUpTheme(() => undefined)
void once(async () => show(await ask<ReviewState>('/next')))
