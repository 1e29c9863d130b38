/** Finds what stands in \boxed{…} or \fbox{…}, braces inside it balanced; `\boxed 72` counts up to the next space. */
export interface Boxed {
  readonly start: number
  /** Behind the closing brace. */
  readonly end: number
  readonly content: string
}

const command = /\\(?:boxed|fbox)(?![A-Za-z])/g

/** Every closed box of a text in order; boxes inside a box belong to it. Takes linear time. */
export function findBoxed(text: string): Boxed[] {
  const boxes: Boxed[] = []
  const closing = matchingBraces(text)
  let last = 0
  for (const match of text.matchAll(command)) {
    if (match.index < last) continue
    let open = match.index + match[0].length
    while (text[open] === ' ') open++
    const end = text[open] === '{' ? closing.get(open) : undefined
    if (end !== undefined) {
      boxes.push({ start: match.index, end: end + 1, content: text.slice(open + 1, end) })
      last = end + 1
    } else if (text[open] !== '{' && text[open - 1] === ' ') {
      const bare = /^[^\s$]+/.exec(text.slice(open, open + 100))?.[0] ?? ''
      if (bare !== '') boxes.push({ start: match.index, end: open + bare.length, content: bare })
      last = open + bare.length
    }
  }
  return boxes
}

/**
 * The boxes of a text with their trimmed contents. Boxes that only `,`, `and` or `or` stand between are one list: `\boxed{1} and
 * \boxed{2}` is `1, 2`. A box in a box is opened.
 */
export function mergedBoxes(text: string): Boxed[] {
  const merged: Boxed[] = []
  for (const box of findBoxed(text)) {
    const content = unwrap(box.content)
    const last = merged.at(-1)
    if (last && isListSeparator(text.slice(last.end, box.start))) {
      merged[merged.length - 1] = { start: last.start, end: box.end, content: `${last.content}, ${content}`.trim() }
    } else merged.push({ start: box.start, end: box.end, content })
  }
  return merged
}

/** The content of the last box (see {@link mergedBoxes}). Null if there is none or it is empty. */
export function lastBoxed(text: string): string | null {
  const content = mergedBoxes(text).at(-1)?.content ?? ''
  return content === '' ? null : content
}

function isListSeparator(between: string): boolean {
  return (
    between.length <= 40 && /^[\s$\\().*]*(?:,|and|or|, ?and|, ?or|\\text\{ ?(?:and|or) ?\})[\s$\\(*]*$/.test(between)
  )
}

function unwrap(content: string): string {
  let inner = content.trim()
  for (let depth = 0; depth < 5; depth++) {
    const [box] = findBoxed(inner)
    if (box?.start !== 0 || box.end !== inner.length) return inner
    inner = box.content.trim()
  }
  return inner
}

/** For each opening brace the position of its closing one; escaped braces do not count. */
function matchingBraces(text: string): Map<number, number> {
  const closing = new Map<number, number>()
  const open: number[] = []
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '{') open.push(i)
    else if (text[i] === '}') {
      const start = open.pop()
      if (start !== undefined) closing.set(start, i)
    }
  }
  return closing
}
