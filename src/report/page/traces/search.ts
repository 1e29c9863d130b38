/** Tests whether a text holds what was searched for, whatever its case; null when nothing is searched for. */
export type Matcher = ((text: string) => boolean) | null

export function matcherOf(query: string): Matcher {
  const pattern = patternOf(query)
  return pattern && ((text) => pattern.test(text))
}

/** Marks what was searched for in the texts of an element, where the browser can (CSS custom highlights). */
export function markMatches(root: HTMLElement, query: string): void {
  if (!('highlights' in CSS)) return
  const pattern = patternOf(query, 'g')
  const ranges: Range[] = []
  if (pattern) {
    for (const text of root.querySelectorAll<HTMLElement>('.text')) ranges.push(...matchesIn(text, pattern))
  }
  if (ranges.length === 0) CSS.highlights.delete('match')
  else CSS.highlights.set('match', new Highlight(...ranges))
}

/** More marks than anyone looks at only take time. */
const MOST_MARKS = 500

function matchesIn(root: HTMLElement, pattern: RegExp): Range[] {
  const nodes: { node: Node; start: number }[] = []
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  let whole = ''
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    nodes.push({ node, start: whole.length })
    whole += node.textContent ?? ''
  }
  const ranges: Range[] = []
  let at = 0
  for (const match of whole.matchAll(pattern)) {
    if (ranges.length >= MOST_MARKS) break
    const end = match.index + match[0].length
    while (at + 1 < nodes.length && nodes[at + 1]!.start <= match.index) at++
    let last = at
    while (last + 1 < nodes.length && nodes[last + 1]!.start < end) last++
    const range = document.createRange()
    range.setStart(nodes[at]!.node, match.index - nodes[at]!.start)
    range.setEnd(nodes[last]!.node, end - nodes[last]!.start)
    ranges.push(range)
  }
  return ranges
}

function patternOf(query: string, flags = ''): RegExp | null {
  const text = query.trim()
  return text === '' ? null : new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'), `i${flags}`)
}
