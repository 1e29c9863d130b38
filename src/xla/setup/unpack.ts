/** Takes what is needed out of a wheel. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import yauzl from 'yauzl'
import type { Entry } from 'yauzl'
import { FileFormatError, GrpoError } from '../../errors.js'
import { asWriteError } from '../../io/atomicWrite.js'
import { isNeeded } from './wheels.js'
import type { Wheel } from './wheels.js'

const FILE_TYPE = 0o170000
const REGULAR_FILE = 0o100000

/**
 * Unpacks the needed files of a wheel into a folder, over what an interrupted attempt left there.
 * @returns their SHA-256 by their names in the folder
 * @throws FileFormatError for a zip file that is damaged, or that would write elsewhere or more than the wheel is known to;
 *   GrpoError when the disk is full; the reason of the signal
 */
export async function unpackWheel(
  file: string,
  wheel: Wheel,
  folder: string,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const checksums = new Map<string, string>()
  let zip: yauzl.ZipFile | null = null
  try {
    zip = await yauzl.openPromise(file, { strictFileNames: true, autoClose: false })
    const entries: Entry[] = []
    // The library checks that names stay in the folder, and that no entry is larger than it says.
    for await (const entry of zip.eachEntry()) if (isNeeded(entry.fileName)) entries.push(entry)
    checkEntries(file, wheel, entries)
    for (const entry of entries) {
      const target = path.join(folder, entry.fileName)
      fs.mkdirSync(path.dirname(target), { recursive: true })
      const hash = createHash('sha256')
      const hashed = new Transform({
        transform(chunk: Buffer, _, done) {
          hash.update(chunk)
          done(null, chunk)
        },
      })
      const mode = entry.fileName.includes('/bin/') ? 0o755 : 0o644
      await pipeline(
        await zip.openReadStreamPromise(entry),
        hashed,
        fs.createWriteStream(target, { mode, flush: true }),
        {
          signal,
        },
      )
      checksums.set(entry.fileName, hash.digest('hex'))
    }
    return checksums
  } catch (error) {
    signal.throwIfAborted()
    const refused = asWriteError(folder, error)
    if (refused instanceof GrpoError) throw refused
    throw new FileFormatError(file, `is no wheel that can be unpacked (${(error as Error).message})`, { cause: error })
  } finally {
    zip?.close()
  }
}

function checkEntries(file: string, wheel: Wheel, entries: readonly Entry[]): void {
  const names = new Set<string>()
  let bytes = 0
  for (const { fileName, externalFileAttributes, uncompressedSize } of entries) {
    const type = (externalFileAttributes >>> 16) & FILE_TYPE
    if (type !== REGULAR_FILE && type !== 0) throw new FileFormatError(file, `${fileName} is a link or a device`)
    if (names.has(fileName)) throw new FileFormatError(file, `holds ${fileName} twice`)
    names.add(fileName)
    bytes += uncompressedSize
  }
  if (bytes === wheel.unpackedBytes) return
  throw new FileFormatError(file, `unpacks to ${bytes} bytes; expected ${wheel.unpackedBytes}`)
}
