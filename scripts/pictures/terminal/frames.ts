import type { Recording } from './recording.js'
import { Screen } from './screen.js'

/** A text that stands in a line from one frame on, until another (which no longer has it). */
export interface Stretch {
  /** The line, counted from the first that was ever written. */
  readonly line: number
  readonly text: string
  readonly from: number
  readonly to: number
}

/** A recording as frames at equal distances in time. */
export interface Frames {
  readonly count: number
  readonly stretches: readonly Stretch[]
  /** Of each frame, the line at the top of the screen. */
  readonly tops: readonly number[]
}

/** The screen of a shell in which the command has just been typed. */
function screenOf({ columns, rows, command }: Recording): Screen {
  const screen = new Screen(columns, rows)
  screen.write(`$ ${command}\r\n`)
  return screen
}

/** Plays a recording and looks at its screen `count` times, at the end last; what a line held in between is not kept. */
export function framesOf(recording: Recording, count: number): Frames {
  const { events, seconds } = recording
  const screen = screenOf(recording)
  const stretches: Stretch[] = []
  const tops: number[] = []
  let shown: { text: string; from: number }[] = []
  let next = 0
  for (let frame = 0; frame < count; frame++) {
    const time = (seconds * (frame + 1)) / count
    while (next < events.length && (events[next]![0] <= time || frame === count - 1)) screen.write(events[next++]![1])
    const { lines } = screen
    const changed = (line: number): boolean => shown[line]?.text !== lines[line]
    shown.forEach(({ text, from }, line) => {
      if (changed(line) && text !== '') stretches.push({ line, text, from, to: frame })
    })
    shown = lines.map((text, line) => (changed(line) ? { text, from: frame } : shown[line]!))
    tops.push(screen.top)
  }
  shown.forEach(({ text, from }, line) => {
    if (text !== '') stretches.push({ line, text, from, to: count })
  })
  return { count, stretches, tops }
}

/** What a recording leaves in the terminal: all lines, the command first, those that scrolled off included. */
export function finalLines(recording: Recording): string[] {
  const screen = screenOf(recording)
  for (const [, text] of recording.events) screen.write(text)
  const { lines } = screen
  while (lines.at(-1) === '') lines.pop()
  return lines
}
