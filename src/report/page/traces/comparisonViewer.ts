import type { ComparedProblem, ComparedTrace, EvaluationReport } from '../../reportData.js'
import { byId, choice, element } from '../dom.js'
import { plural } from '../format.js'
import type { Run } from '../run.js'
import { textBlock } from './completionCard.js'
import { promptBlock } from './groupView.js'
import { isTyping } from './keyboard.js'
import { markMatches, matcherOf } from './search.js'
import { VirtualList } from './virtualList.js'

type Outcome = 'all' | 'gained' | 'lost' | 'right' | 'wrong'

/** Base and trained model on the same held-out problem, side by side. */
export function showComparison(run: Run): void {
  const section = byId('comparison')
  let shown: EvaluationReport | null = null
  const show = (): void => {
    section.hidden = !run.evaluation
    // The evaluation comes whole, once, at the end of a run.
    if (!run.evaluation || run.evaluation.createdAt === shown?.createdAt) return
    shown = run.evaluation
    buildViewer(run.evaluation)
  }
  run.onChange(show)
  show()
}

function buildViewer(evaluation: EvaluationReport): void {
  let problems: readonly ComparedProblem[] = []
  let outcome: Outcome = 'all'
  let query = ''
  const detail = element('div', { class: 'detail' })
  const count = element('p', { class: 'muted small', role: 'status' })
  const list = new VirtualList({
    label: 'Evaluated problems',
    row: (index) => listRow(problems[index]!),
    onSelect: (index) => {
      detail.replaceChildren(...problemView(problems[index]!, evaluation))
      detail.scrollTop = 0
    },
  })
  const update = (): void => {
    const matches = matcherOf(query)
    problems = evaluation.problems.filter(
      (problem) =>
        (outcome === 'all' || outcomeOf(problem) === outcome) &&
        (!matches || [problem.prompt, problem.id, ...tracesOf(problem).map(({ text }) => text)].some(matches)),
    )
    const total = plural(evaluation.problems.length, 'problem')
    count.textContent =
      problems.length === evaluation.problems.length ? total : `${problems.length.toLocaleString('en')} of ${total}`
    // What training brought is what one looks for first.
    const first = Math.max(
      0,
      problems.findIndex((problem) => outcomeOf(problem) === 'gained'),
    )
    list.update(problems.length, problems.length > 0 ? first : -1)
    if (problems.length > 0) list.select(first)
    else detail.replaceChildren(element('p', { class: 'muted' }, 'No problem fits. Change the search or the filter.'))
  }
  const search = element('input', {
    type: 'search',
    placeholder: 'Words in problems and answers',
    'aria-keyshortcuts': '/',
  })
  search.addEventListener('input', () => {
    query = search.value
    update()
  })
  detail.addEventListener('filled', () => {
    markMatches(detail, query)
  })
  const outcomes = choice(
    'Show',
    [
      ['all', 'All problems'],
      ['gained', 'Better after training'],
      ['lost', 'Worse after training'],
      ['right', 'Right before and after'],
      ['wrong', 'As wrong as before'],
    ],
    (value) => {
      outcome = value as Outcome
      update()
    },
  )
  const section = byId('comparison')
  section.addEventListener('keydown', (event) => {
    if (event.target === search && event.key === 'Escape') list.root.focus()
    if (event.key !== '/' || isTyping(event.target)) return
    event.preventDefault()
    search.focus()
  })
  byId('comparison-content').replaceChildren(
    element(
      'div',
      { class: 'toolbar', role: 'search' },
      element('label', { class: 'field field-wide' }, element('span', {}, 'Search'), search),
      outcomes.field,
    ),
    element(
      'p',
      { class: 'muted small keys' },
      'Keys: ↑ ↓ previous and next problem (in the list), / search, Esc leave the search.',
    ),
    element('div', { class: 'viewer' }, element('div', { class: 'viewer-list' }, count, list.root), detail),
  )
  update()
}

function problemView(problem: ComparedProblem, { baseName, trainedName }: EvaluationReport): HTMLElement[] {
  return [
    element('h3', {}, `Problem ${problem.id}`),
    promptBlock(problem.prompt),
    element(
      'p',
      { class: 'answer' },
      element('strong', {}, 'Expected answer: '),
      element('span', { class: 'text' }, problem.answer),
    ),
    element(
      'div',
      { class: 'sides' },
      side(baseName, problem.base),
      ...(trainedName === null ? [] : [side(trainedName, problem.trained)]),
    ),
  ]
}

function side(name: string, traces: readonly ComparedTrace[]): HTMLElement {
  return element(
    'div',
    { class: 'side' },
    element('h4', {}, name),
    ...traces.map(({ decoding, text, correct, onlyLenient, extracted, length, cut }) =>
      element(
        'article',
        { class: 'completion', tabindex: 0, 'aria-label': `${name}, ${decoding}` },
        element(
          'header',
          {},
          element('span', { class: `verdict verdict-${correct ? 'right' : 'wrong'}` }, correct ? '✓ right' : '✗ wrong'),
          onlyLenient ? element('span', { class: 'muted' }, 'right, but not in the form asked for') : null,
          element('span', { class: 'muted' }, `${decoding}, ${length.toLocaleString('en')} tokens`),
          cut ? element('span', { class: 'flag' }, 'cut off') : null,
          extracted === null ? null : element('span', { class: 'muted' }, `answer read: ${extracted}`),
        ),
        textBlock(text),
      ),
    ),
  )
}

function listRow(problem: ComparedProblem): Node[] {
  const verdicts = (traces: readonly ComparedTrace[]): string =>
    traces.map(({ correct }) => (correct ? '✓' : '✗')).join('')
  return [
    element('span', { class: 'row-title' }, problem.question.trim()),
    element('span', { class: 'row-value' }, { gained: '▲', lost: '▼', right: '✓', wrong: '✗' }[outcomeOf(problem)]),
    element(
      'span',
      { class: 'row-problem muted' },
      `${verdicts(problem.base)} → ${verdicts(problem.trained)} · ${problem.id}`,
    ),
  ]
}

function outcomeOf({ base, trained }: ComparedProblem): Exclude<Outcome, 'all'> {
  const share = (traces: readonly ComparedTrace[]): number =>
    traces.filter(({ correct }) => correct).length / Math.max(1, traces.length)
  const [before, after] = [share(base), share(trained)]
  if (after > before) return 'gained'
  if (after < before) return 'lost'
  return before === 1 ? 'right' : 'wrong'
}

function tracesOf({ base, trained }: ComparedProblem): readonly ComparedTrace[] {
  return [...base, ...trained]
}
