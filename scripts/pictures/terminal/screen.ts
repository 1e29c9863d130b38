/** Escape sequences, and single characters that move the cursor; all else is text. */
// eslint-disable-next-line no-control-regex
const pieces = /\x1b\[(\??)([\d;]*)([A-Za-z])|\x1b([78])|[\n\r\b]|[^\x1b\n\r\b]+/g

/**
 * A terminal's screen with everything that has scrolled off it: what a program that draws progress bars needs. It throws on
 * sequences that it does not know, so that no picture is wrong unnoticed. Colours are passed over.
 */
export class Screen {
  readonly columns: number
  readonly rows: number
  /** From the first line that was written, those that scrolled off included. */
  readonly #lines: string[] = ['']
  #row = 0
  #column = 0
  /** The line at the top of the screen. */
  #top = 0
  #saved: readonly [row: number, column: number] = [0, 0]

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.rows = rows
  }

  get top(): number {
    return this.#top
  }

  /** All lines, without the spaces at their ends. */
  get lines(): string[] {
    return this.#lines.map((line) => line.trimEnd())
  }

  write(text: string): void {
    for (const [piece, isPrivate, parameters, final, savedOrRestored] of text.matchAll(pieces)) {
      if (final !== undefined) this.#control(piece, isPrivate !== '', parameters!, final)
      else if (savedOrRestored === '7') this.#saved = [this.#row, this.#column]
      else if (savedOrRestored === '8') [this.#row, this.#column] = this.#saved
      else if (piece === '\n') this.#moveDown()
      else if (piece === '\r') this.#column = 0
      else if (piece === '\b') this.#column = Math.max(0, this.#column - 1)
      else for (const character of piece) this.#put(character)
    }
  }

  #put(character: string): void {
    // A full line is left when the next character comes, as terminals do.
    if (this.#column === this.columns) {
      this.#column = 0
      this.#moveDown()
    }
    const line = this.#lines[this.#row]!.padEnd(this.#column)
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1)
    this.#column++
  }

  #moveDown(): void {
    this.#row++
    while (this.#lines.length <= this.#row) this.#lines.push('')
    this.#top = Math.max(this.#top, this.#row - this.rows + 1)
  }

  #control(sequence: string, isPrivate: boolean, parameters: string, final: string): void {
    const numbers = parameters.split(';').map(Number)
    const count = Math.max(1, numbers[0]!)
    const line = this.#lines[this.#row]!
    // Cursor shown or hidden, lines wrapped or not, and colours.
    if ((isPrivate && 'hl'.includes(final)) || final === 'm') return
    if (final === 'A') this.#row = Math.max(this.#top, this.#row - count)
    else if (final === 'B') for (let i = 0; i < count; i++) this.#moveDown()
    else if (final === 'C') this.#column = Math.min(this.columns - 1, this.#column + count)
    else if (final === 'D') this.#column = Math.max(0, this.#column - count)
    else if (final === 'G') this.#column = count - 1
    else if (final === 'K' && numbers[0] === 0) this.#lines[this.#row] = line.slice(0, this.#column)
    else if (final === 'K' && numbers[0] === 1)
      this.#lines[this.#row] = ' '.repeat(this.#column) + line.slice(this.#column)
    else if (final === 'K' && numbers[0] === 2) this.#lines[this.#row] = ''
    else if (final === 'J' && numbers[0] === 0) {
      this.#lines[this.#row] = line.slice(0, this.#column)
      this.#lines.length = this.#row + 1
    } else {
      throw new Error(
        `the terminal's sequence ${JSON.stringify(sequence)} is not known here; add it to scripts/pictures/terminal/screen.ts`,
      )
    }
  }
}
