/** A tab reaches to the next column that is a multiple of this. */
const TAB = 4
/** A fence is closed by one that is indented by so many columns more, at most. */
const MAX_FURTHER = 3

interface OpenBlock {
  /** Its character, and how often it stands there. */
  readonly fence: string
  /** Columns before the fence; so many are taken off each line. */
  readonly indentation: number
  /** Marks of block quotes that the fence stands behind, and with it every line. */
  readonly quotes: number
  readonly lines: string[]
}

/**
 * The contents of the blocks that fences of three or more backticks or tildes enclose, as Markdown (CommonMark 0.31, section
 * 4.5) has them: a fence is closed by one of the same character that is at least as long and stands alone; the last one, if
 * it is not closed, reaches to the end. Fences may stand in list items and block quotes; what a fence is indented by is taken
 * off each line of its block. Blank blocks are left out.
 */
export function fencedBlocks(text: string): string[] {
  const blocks: string[] = []
  let open: OpenBlock | null = null
  const close = (): void => {
    if (open?.lines.some((line) => line.trim() !== '') === true) blocks.push(open.lines.join('\n'))
    open = null
  }
  for (const line of text.split(/\r?\n/)) {
    // A block ends with the quote that it stands in.
    if (open !== null && open.quotes > 0 && quotesOf(line, open.quotes).count < open.quotes) close()
    if (open === null) {
      open = openingOf(line)
      continue
    }
    const content = quotesOf(line, open.quotes).rest
    if (isClosing(content, open)) close()
    else open.lines.push(withoutIndentation(content, open.indentation))
  }
  close()
  return blocks
}

/** The block that a line opens: a fence behind blanks, marks of block quotes and of list items. */
function openingOf(line: string): OpenBlock | null {
  // What a fence of backticks says of its block has no backticks: otherwise it is code within a line.
  const match = /^((?:[ \t]*(?:>|(?:[-*+]|\d{1,9}[.)])[ \t]))*[ \t]*)(?:(`{3,})[^`]*|(~{3,}).*)$/.exec(line)
  if (match === null) return null
  const before = match[1]!
  const quotes = before.split('>').length - 1
  // The blank behind the mark of a quote belongs to it.
  const inside = before.slice(before.lastIndexOf('>') + 1).replace(/^ /, quotes > 0 ? '' : ' ')
  return { fence: (match[2] ?? match[3])!, indentation: columnsOf(inside), quotes, lines: [] }
}

/** Takes at most `most` marks of block quotes off a line, each with the blank behind it. */
function quotesOf(line: string, most: number): { count: number; rest: string } {
  let [count, rest] = [0, line]
  while (count < most) {
    const match = /^[ \t]*> ?/.exec(rest)
    if (match === null) break
    rest = rest.slice(match[0].length)
    count++
  }
  return { count, rest }
}

function isClosing(line: string, { fence, indentation }: OpenBlock): boolean {
  const text = line.trim()
  if (text.length < fence.length || text !== fence.charAt(0).repeat(text.length)) return false
  return columnsOf(line.slice(0, line.indexOf(text))) <= indentation + MAX_FURTHER
}

/** Takes at most so many columns of blanks off a line; what a tab has beyond that is left as blanks. */
function withoutIndentation(line: string, columns: number): string {
  let [at, column] = [0, 0]
  while (column < columns && (line[at] === ' ' || line[at] === '\t')) {
    column += line[at] === '\t' ? TAB - (column % TAB) : 1
    at++
  }
  return ' '.repeat(Math.max(0, column - columns)) + line.slice(at)
}

/** The text without the blanks that all of its lines begin with. */
export function dedented(text: string): string {
  const lines = text.split('\n')
  const filled = lines.filter((line) => line.trim() !== '')
  const columns = filled.map((line) => columnsOf(/^[ \t]*/.exec(line)![0]))
  const common = columns.reduce((least, count) => Math.min(least, count), Infinity)
  return lines.map((line) => withoutIndentation(line, common)).join('\n')
}

function columnsOf(text: string): number {
  let column = 0
  for (const character of text) column += character === '\t' ? TAB - (column % TAB) : 1
  return column
}
