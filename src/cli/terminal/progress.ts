import cliProgress from 'cli-progress'
import type { MultiBar, SingleBar } from 'cli-progress'
import type { Streams } from '../commandLine.js'

type Stream = Streams['stderr']

/** A redraw takes the time of some terminal output: not more of them than one can see. */
const MILLISECONDS_PER_REDRAW = 100
const MAXIMUM_BAR_COLUMNS = 30
const MINIMUM_BAR_COLUMNS = 8

/** A progress bar on a terminal; elsewhere only its lines are printed. */
export class Progress {
  readonly #stream: Stream
  readonly #bars: MultiBar | null
  readonly #bar: SingleBar | null
  #redrawn = -Infinity

  constructor(stream: Stream, total: number, unit: string) {
    this.#stream = stream
    this.#bars = stream.isTTY
      ? new cliProgress.MultiBar(
          {
            ...{ stream, format: formatBar, forceRedraw: true, clearOnComplete: true },
            // These would change the state of the terminal, or handle Ctrl-C, and nothing would undo it if we are killed.
            ...{ linewrap: true, hideCursor: false, gracefulExit: false },
          },
          cliProgress.Presets.shades_classic,
        )
      : null
    this.#bar = this.#bars?.create(total, 0, { unit, text: '' }) ?? null
  }

  /** Moves the bar; `text` stands beside it until the next one. */
  update(value: number, text?: string): void {
    this.#bar?.update(value, text === undefined ? {} : { text })
    // Computing seldom lets timers run, which the library redraws by.
    const now = performance.now()
    if (now - this.#redrawn < MILLISECONDS_PER_REDRAW) return
    this.#redrawn = now
    this.#bars?.update()
  }

  /** Prints a line, above the bar where there is one. */
  log(line: string): void {
    if (this.#bars) {
      this.#bars.log(`${line}\n`)
      this.#bars.update()
    } else this.#stream.write(`${line}\n`)
  }

  /** Removes the bar. */
  stop(): void {
    if (this.#bars?.isActive) this.#bars.stop()
  }
}

/** The bar, `3/10 steps` and the text beside it, in one line of the terminal: the bar gives way first. */
function formatBar(
  options: Parameters<typeof cliProgress.Format.BarFormat>[1],
  params: { progress: number; value: number; total: number; maxWidth: number },
  payload: { unit: string; text: string },
): string {
  const numbers = `${params.value}/${params.total} ${payload.unit}`
  const text = payload.text === '' ? numbers : `${numbers}  ${payload.text}`
  const columns = Math.min(MAXIMUM_BAR_COLUMNS, params.maxWidth - text.length - 2)
  if (columns < MINIMUM_BAR_COLUMNS) return text.slice(0, params.maxWidth - 1)
  return `${cliProgress.Format.BarFormat(params.progress, { ...options, barsize: columns })} ${text}`
}

/** A duration in the two units that matter: `5 s`, `3 min 20 s`, `2 h 05 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds)
  const two = (value: number): string => value.toString().padStart(2, '0')
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`
}
