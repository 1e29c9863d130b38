import { button, byId, element } from '../../report/page/dom.js'
import type { ReviewVerdict } from '../../run/reviewsFile.js'
import type { ReviewState } from '../reviewData.js'

/** What the reviewer can do. */
interface Actions {
  readonly give: (verdict: ReviewVerdict) => void
  readonly undo: () => void
  readonly showAnswer: () => void
  readonly finish: () => void
}

const verdicts: readonly (readonly [verdict: ReviewVerdict, label: string, keys: readonly string[]])[] = [
  ['left', 'Answer 1 is better', ['1', 'ArrowLeft']],
  ['right', 'Answer 2 is better', ['2', 'ArrowRight']],
  ['tie', 'Equally good', ['3']],
  ['both_bad', 'Both bad', ['4']],
]

/** The buttons at the lower edge of the page, and their keys. */
export function choiceBar({ give, undo, showAnswer, finish }: Actions): {
  update(state: ReviewState): void
  hide(): void
} {
  const bar = byId('choices')
  const undoButton = labelled('Undo', 'u', undo)
  bar.append(
    element(
      'div',
      { class: 'verdicts', role: 'group', 'aria-label': 'Which answer reasons better?' },
      ...verdicts.map(([verdict, label, [key = '']]) =>
        labelled(label, key, () => {
          give(verdict)
        }),
      ),
    ),
    element(
      'div',
      { class: 'others' },
      labelled('Expected answer', 'e', showAnswer),
      undoButton,
      button('Finish', {}, finish),
    ),
  )
  addEventListener('keydown', (event) => {
    const { key, repeat, ctrlKey, metaKey, altKey } = event
    if (repeat || ctrlKey || metaKey || altKey) return
    if (key === 'u') undo()
    if (bar.hidden) return
    if (key === 'e') showAnswer()
    const chosen = verdicts.find(([, , keys]) => keys.includes(key))
    if (!chosen) return
    event.preventDefault()
    give(chosen[0])
  })
  return {
    update({ canUndo }) {
      bar.hidden = false
      undoButton.disabled = !canUndo
    },
    hide() {
      bar.hidden = true
    },
  }
}

function labelled(label: string, key: string, onClick: () => void): HTMLButtonElement {
  const result = button(label, { 'aria-keyshortcuts': key }, onClick)
  result.prepend(element('kbd', { 'aria-hidden': 'true' }, key))
  return result
}
