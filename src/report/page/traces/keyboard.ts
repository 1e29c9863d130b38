/** Whether keys that are pressed there belong to a control that takes text or uses the arrow keys itself. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('input, select, textarea, [contenteditable]') !== null
}

/** Moves the focus among the completions below `root`; whether there was one to go to. */
export function focusNextCompletion(root: HTMLElement, direction: 1 | -1): boolean {
  const cards = [...root.querySelectorAll<HTMLElement>('article')]
  if (cards.length === 0) return false
  const current = cards.findIndex((card) => card.contains(document.activeElement))
  const next = current < 0 ? 0 : Math.max(0, Math.min(cards.length - 1, current + direction))
  cards[next]!.focus()
  return true
}
