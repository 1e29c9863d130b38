import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../errors.js'
import { atomicWriteFile } from './atomicWrite.js'

/** In the format of coreutils: `sha256sum -c SHA256SUMS` checks it too. */
const CHECKSUMS_FILE = 'SHA256SUMS'
const CHUNK_BYTES = 4 * 1024 * 1024

/** The SHA-256 of files in hexadecimal digits, by their names: relative to a folder, with slashes. */
export type Checksums = ReadonlyMap<string, string>

/** The SHA-256 of all files of a folder and of the folders in it. Throws a FileFormatError when one cannot be read. */
export function checksumsOf(folder: string): Checksums {
  return new Map(filesOf(folder).map((name) => [name, sha256(path.join(folder, name))]))
}

/** Writes `SHA256SUMS` into a folder. Throws a GrpoError when the operating system refuses. */
export function writeChecksums(folder: string, checksums: Checksums): void {
  const lines = [...checksums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, digest]) => `${digest}  ${name}\n`)
  atomicWriteFile(path.join(folder, CHECKSUMS_FILE), lines.join(''))
}

/** The content of a folder's SHA256SUMS; null when it has none. Throws a FileFormatError when that is damaged. */
export function readChecksums(folder: string): Checksums | null {
  const file = path.join(folder, CHECKSUMS_FILE)
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new FileFormatError(file, `cannot be read (${(cause as Error).message})`, { cause })
  }
  const lines = text.split('\n')
  const entries = lines.slice(0, -1).map((line) => /^([0-9a-f]{64}) {2}(\S(?:.*\S)?)$/.exec(line))
  const isWhole = lines.length > 1 && lines.at(-1) === '' && entries.every((entry) => entry && isWithin(entry[2]!))
  if (!isWhole) throw new FileFormatError(file, 'is damaged: expected a SHA-256 and the name of a file in each line')
  return new Map(entries.map((entry) => [entry![2]!, entry![1]!]))
}

/**
 * Compares the files of a folder with the SHA-256 that its SHA256SUMS holds. Files that it does not name are not looked at.
 * Throws a FileFormatError that names the first file that is missing or is not as it was.
 */
export function checkChecksums(folder: string, checksums: Checksums): void {
  for (const [name, digest] of checksums) {
    const file = path.join(folder, name)
    if (sha256(file) === digest) continue
    throw new FileFormatError(
      file,
      `is not as it was saved: its SHA-256 is not the one in ${CHECKSUMS_FILE}, so it is damaged, or of another save`,
    )
  }
}

/** The SHA-256 of a file. Throws a FileFormatError when it cannot be read. */
export function sha256(file: string): string {
  const hash = createHash('sha256')
  try {
    // A pipe would be waited for, and a device has no end.
    if (!fs.statSync(file).isFile()) throw new Error('it is not a regular file')
    const descriptor = fs.openSync(file, 'r')
    try {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      for (let read = CHUNK_BYTES; read > 0;) {
        read = fs.readSync(descriptor, chunk)
        hash.update(chunk.subarray(0, read))
      }
    } finally {
      fs.closeSync(descriptor)
    }
  } catch (cause) {
    throw new FileFormatError(file, `cannot be read (${(cause as Error).message})`, { cause })
  }
  return hash.digest('hex')
}

/** As {@link sha256}, letting others work meanwhile. Throws the reason of the signal too. */
export async function sha256Async(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  try {
    if (!fs.statSync(file).isFile()) throw new Error('it is not a regular file')
    for await (const chunk of fs.createReadStream(file, { highWaterMark: CHUNK_BYTES, signal })) {
      hash.update(chunk as Buffer)
    }
  } catch (cause) {
    signal.throwIfAborted()
    throw new FileFormatError(file, `cannot be read (${(cause as Error).message})`, { cause })
  }
  return hash.digest('hex')
}

/** Whether a relative path with slashes stays in its folder. */
function isWithin(name: string): boolean {
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\:\0]/.test(part))
}

/** The files of a folder and of the folders in it, with slashes, but for SHA256SUMS itself. */
function filesOf(folder: string, prefix = ''): string[] {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const name = `${prefix}${entry.name}`
    if (entry.isDirectory()) return filesOf(path.join(folder, entry.name), `${name}/`)
    return name === CHECKSUMS_FILE ? [] : [name]
  })
}
