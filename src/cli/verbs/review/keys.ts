import { createInterface } from 'node:readline'
import { untilAborted } from '../../../io/untilAborted.js'
import { interruptBy } from '../../terminal/interruptible.js'
import type { Streams } from '../../terminal/streams.js'

/** A key within so many milliseconds of the one before is the same one held down, or part of a text that was pasted. */
const HELD = 200
/** So many milliseconds after something new is shown a key is still meant for what was there before; longer than until a held key repeats. */
const SETTLING = 600

/** A terminal that can give each key at once. */
type Terminal = NodeJS.ReadableStream & { isTTY: true; setRawMode(isRaw: boolean): void }

/** What is pressed: a character, or `left` and `right` for the arrows. */
export interface Keys {
  /** Something new is shown. On a terminal no key counts for a moment. */
  settle(): void
  /** The next key; null when there are no more. Throws the reason of the signal. */
  next(): Promise<string | null>
  /** Gives the terminal back as it was. */
  close(): void
}

/**
 * Keys as they are pressed on a terminal, which Ctrl-C still interrupts; from anything else, such as a pipe, the first character
 * of each line.
 */
export function readKeys(stdin: Streams['stdin'], signal: AbortSignal): Keys {
  return isTerminal(stdin) ? terminalKeys(stdin, signal) : lineKeys(stdin, signal)
}

function isTerminal(stdin: Streams['stdin']): stdin is Terminal {
  return 'isTTY' in stdin && stdin.isTTY === true && 'setRawMode' in stdin
}

function lineKeys(stdin: Streams['stdin'], signal: AbortSignal): Keys {
  const lines = createInterface({ input: stdin })
  const iterator = lines[Symbol.asyncIterator]()
  return {
    settle: () => undefined,
    async next() {
      for (;;) {
        const line = await untilAborted(iterator.next(), signal)
        if (line.done === true) return null
        const key = line.value.trim()
        if (key !== '') return key.toLowerCase().charAt(0)
      }
    },
    close() {
      lines.close()
    },
  }
}

function terminalKeys(stdin: Terminal, signal: AbortSignal): Keys {
  let waiting: ((key: string | null) => void) | null = null
  let last = -Infinity
  let settledAt = -Infinity
  let isOver = false
  const take = (key: string | null): void => {
    waiting?.(key)
    waiting = null
  }
  const onEnd = (): void => {
    isOver = true
    take(null)
  }
  const onData = (data: Buffer): void => {
    const bytes = data.toString('utf8')
    // In raw mode the terminal does not make signals of these any more.
    if (bytes.includes('\u0003')) {
      interruptBy('SIGINT')
      return
    }
    if (bytes.includes('\u0004')) {
      onEnd()
      return
    }
    const now = performance.now()
    const isMeant = now - last >= HELD && now >= settledAt
    last = now
    const key = keyOf(bytes)
    if (isMeant && key !== null) take(key)
  }
  stdin.setRawMode(true)
  stdin.on('data', onData)
  stdin.on('end', onEnd)
  stdin.resume()
  return {
    settle() {
      settledAt = performance.now() + SETTLING
    },
    next: () =>
      untilAborted(
        new Promise<string | null>((resolve) => {
          if (isOver) resolve(null)
          else waiting = resolve
        }),
        signal,
      ),
    close() {
      stdin.off('data', onData)
      stdin.off('end', onEnd)
      stdin.setRawMode(false)
      stdin.pause()
    },
  }
}

/** Null for a key that says nothing here, such as F5, and for a text that was pasted. */
function keyOf(bytes: string): string | null {
  if (bytes === '\u001b[D' || bytes === '\u001bOD') return 'left'
  if (bytes === '\u001b[C' || bytes === '\u001bOC') return 'right'
  return /^[\x20-\x7e]$/.test(bytes) ? bytes.toLowerCase() : null
}
