import cliProgress from 'cli-progress'
import type { MultiBar, SingleBar } from 'cli-progress'
import type { Streams } from './streams.js'
import { duration } from '../../io/units.js'

type Stream = Streams['stderr']

/** A redraw takes the time of some terminal output: not more of them than one can see. */
const MILLISECONDS_PER_REDRAW = 100
const MAXIMUM_BAR_COLUMNS = 30
const MINIMUM_BAR_COLUMNS = 8

/** Without a terminal: milliseconds to the first line that says how far it is, and from one to the next. */
const FIRST_SIGN = 3000
const NEXT_SIGN = 10_000
/** A long wait is told of less often: after such a share of the time that has passed. */
const SIGN_SHARE = 0.1

/** What shows progress on a stream now. */
const shown = new WeakMap<Stream, Progress>()

/** Prints a line, above the progress bar where the stream has one. */
export function printLine(stream: Stream, line: string): void {
  const progress = shown.get(stream)
  if (progress) progress.log(line)
  else stream.write(`${line}\n`)
}

/** What a {@link Progress} may be told; tests give their own clock. */
export interface ProgressOptions {
  /** Where the work began, for the time that is left. Defaults to 0. */
  first?: number
  /** The time in milliseconds. Defaults to the process's own clock. */
  now?: () => number
}

/**
 * A progress bar with the time left on a terminal; elsewhere lines: those that are logged and, when there was none for a
 * while, one that says how far it is.
 */
export class Progress {
  readonly #stream: Stream
  readonly #bars: MultiBar | null
  readonly #bar: SingleBar | null
  readonly #total: number
  readonly #unit: string
  readonly #first: number
  readonly #now: () => number
  readonly #started: number
  #redrawn = -Infinity
  /** When the next line that shows life is due. */
  #nextSign: number

  constructor(stream: Stream, total: number, unit: string, options: ProgressOptions = {}) {
    this.#stream = stream
    this.#total = total
    this.#unit = unit
    this.#first = options.first ?? 0
    this.#now = options.now ?? (() => performance.now())
    this.#started = this.#now()
    this.#nextSign = this.#started + FIRST_SIGN
    this.#bars = stream.isTTY
      ? new cliProgress.MultiBar(
          {
            stream,
            format: formatBar,
            forceRedraw: true,
            clearOnComplete: true,
            // These would change the state of the terminal, or handle Ctrl-C, and nothing would undo it if we are killed.
            linewrap: true,
            hideCursor: false,
            gracefulExit: false,
          },
          cliProgress.Presets.shades_classic,
        )
      : null
    this.#bar = this.#bars?.create(total, 0, { text: this.#describe(0, '') }) ?? null
    shown.set(stream, this)
  }

  /** Moves the bar; `text` stands beside it. */
  update(value: number, text = ''): void {
    const now = this.#now()
    if (!this.#bars) {
      if (now >= this.#nextSign) this.log(this.#describe(value, text))
      return
    }
    this.#bar?.update(value, { text: this.#describe(value, text) })
    // Computing seldom lets timers run, which the library redraws by.
    if (now - this.#redrawn < MILLISECONDS_PER_REDRAW) return
    this.#redrawn = now
    this.#bars.update()
  }

  /** `3/10 steps`, the text, and the time left. */
  #describe(value: number, text: string): string {
    // Of the first moment nothing can be told.
    const left = this.#now() - this.#started < 1000 ? null : this.timeLeft(value)
    return [`${value}/${this.#total} ${this.#unit}`, text, left]
      .filter((part) => part !== null && part !== '')
      .join('  ')
  }

  /** `3 min 20 s left` by the speed so far; null before there is one, and at the end. */
  timeLeft(value: number): string | null {
    const done = value - this.#first
    if (done <= 0 || value >= this.#total) return null
    return `${duration(((this.#now() - this.#started) / 1000 / done) * (this.#total - value))} left`
  }

  /** Prints a line, above the bar where there is one. */
  log(line: string): void {
    if (this.#bars) {
      this.#bars.log(`${line}\n`)
      this.#bars.update()
    } else this.#stream.write(`${line}\n`)
    const now = this.#now()
    this.#nextSign = now + Math.max(NEXT_SIGN, SIGN_SHARE * (now - this.#started))
  }

  /** Removes the bar. */
  stop(): void {
    if (shown.get(this.#stream) === this) shown.delete(this.#stream)
    if (this.#bars?.isActive) this.#bars.stop()
  }
}

/** The bar and the text beside it, in one line of the terminal: the bar gives way first. */
function formatBar(
  options: Parameters<typeof cliProgress.Format.BarFormat>[1],
  params: { progress: number; maxWidth: number },
  { text }: { text: string },
): string {
  const columns = Math.min(MAXIMUM_BAR_COLUMNS, params.maxWidth - text.length - 2)
  if (columns < MINIMUM_BAR_COLUMNS) return text.slice(0, params.maxWidth - 1)
  return `${cliProgress.Format.BarFormat(params.progress, { ...options, barsize: columns })} ${text}`
}
