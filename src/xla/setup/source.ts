/** Where wheels come from. */
import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../../errors.js'
import { requirement } from './wheels.js'
import type { Wheel } from './wheels.js'

/** How a wheel is brought here. */
export interface WheelSource {
  /** For messages: `pip`, a folder, the address of an index. */
  readonly name: string
  /** Whether what it brings is a copy that goes once it is unpacked. */
  readonly isCopy: boolean
  /** Looks whether it has the wheels, where that costs nothing. Throws a GrpoError when it does not. */
  check?(wheels: readonly Wheel[]): void
  /** Brings a wheel, into `folder` where it is a copy, and returns its file. What the file holds is checked by who asks. */
  fetch(wheel: Wheel, folder: string, transfer: Transfer): Promise<string>
}

/** How a transfer tells how far it is, and is ended. */
export interface Transfer {
  /** Called with the bytes that are there so far. */
  readonly onBytes: (bytes: number) => void
  readonly signal: AbortSignal
}

/** Wheels that lie in a folder, under their names. */
export function folderSource(folder: string): WheelSource {
  return {
    name: folder,
    isCopy: false,
    check(wheels) {
      const missing = wheels.filter(({ file }) => !fs.existsSync(path.join(folder, file)))
      if (missing.length === 0) return
      const names = missing.map(({ file }) => `  ${file}\n`).join('')
      throw new ConfigError(
        `${folder} lacks ${missing.length} of the ${wheels.length} wheels:\n${names}` +
          'On a machine with a network, these lines in a file requirements.txt bring them with ' +
          `'pip download --no-deps --require-hashes --requirement requirements.txt':\n${missing.map(requirement).join('')}`.trimEnd(),
      )
    },
    fetch: ({ file }) => Promise.resolve(path.join(folder, file)),
  }
}

/** A text of others for a message: addresses without names and passwords. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/\/\/[^/@\s]+@/g, '//***@')
}
