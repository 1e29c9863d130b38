/** Characters that take two columns of a terminal: those of East Asia, and emoji. */
const wide =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u
/** Those that take none: marks on others, and joiners. */
const narrow = /\p{Mn}|\p{Me}|\u200c|\u200d/u

/** A text as lines of at most so many columns, broken at blanks where there are any; a tab is four blanks. */
export function wrapLines(text: string, columns: number): string[] {
  const width = Math.max(10, columns)
  return text
    .replaceAll('\t', '    ')
    .split('\n')
    .flatMap((line) => wrapLine(line, width))
}

function wrapLine(line: string, width: number): string[] {
  const lines: string[] = []
  let [start, end, column] = [0, 0, 0]
  /** Behind the last blank of the line that is being filled. */
  let afterBlank = 0
  for (const character of line) {
    const columns = narrow.test(character) ? 0 : wide.test(character) ? 2 : 1
    if (column + columns > width) {
      const breakAt = character !== ' ' && afterBlank > start ? afterBlank : end
      lines.push(line.slice(start, breakAt).trimEnd())
      start = breakAt
      column = columnsOf(line.slice(start, end))
    }
    end += character.length
    column += columns
    if (character === ' ') afterBlank = end
  }
  return [...lines, line.slice(start)]
}

function columnsOf(text: string): number {
  let columns = 0
  for (const character of text) columns += narrow.test(character) ? 0 : wide.test(character) ? 2 : 1
  return columns
}
