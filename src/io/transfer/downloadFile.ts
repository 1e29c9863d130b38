import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { asWriteError } from '../atomicWrite.js'
import { forEachLimited } from './forEachLimited.js'
import { PartJournal } from './parts.js'
import type { Part } from './parts.js'
import { TransientError, withRetries } from './remote.js'
import type { Remote } from './remote.js'
import { getOnce } from './request.js'

/** Parts of one file that are fetched at the same time. */
const PARALLEL_PARTS = 4
/** A file that arrives complete but wrong is fetched anew so many times. */
const ATTEMPTS_PER_FILE = 3
const READ_BYTES = 1024 * 1024

/** Which file to get, and where to put it. */
export interface FileTransfer {
  readonly url: string
  /** For messages: `config.json of owner/name`. */
  readonly what: string
  /** Bytes. */
  readonly size: number
  /** Its SHA-256, or the sha1 that git gives it, in hexadecimal digits. */
  readonly digest: string
  readonly hash: 'sha256' | 'git-sha1'
  /** Its place, taken when the file is complete and its hash is right. */
  readonly file: string
  /** Called with the bytes that are there so far. */
  readonly onBytes: (bytes: number) => void
}

/** Where the bytes are until all have come. The name ends as huggingface_hub's, whose tools then list and prune it. */
export function incompleteFile(file: string): string {
  return `${file}.grpo-ts.incomplete`
}

/**
 * Fetches a file: in parts, each going on where its connection broke, also in an earlier process; then checks its hash and
 * renames it. The caller sees to it that no other process does the same.
 *
 * Throws the remote's error when the network or the content stays wrong, and a GrpoError when the disk is full; what has come
 * stays for the next attempt.
 */
export async function downloadFile(remote: Remote, transfer: FileTransfer): Promise<void> {
  const { file, size, what } = transfer
  const dataFile = incompleteFile(file)
  for (let attempt = 1; ; attempt++) {
    const journal = new PartJournal(`${file}.grpo-ts.parts.incomplete`, size, remote.network.partBytes, dataFile)
    try {
      const handle = await open(dataFile, fs.existsSync(dataFile) ? 'r+' : 'w+')
      try {
        await fetchParts(remote, transfer, journal, handle)
        // Where an earlier attempt wrote further than the file is long.
        await handle.truncate(size)
        await handle.sync()
      } finally {
        await handle.close()
        if (journal.doneBytes > 0) journal.save()
      }
      const actual = await hashOf(dataFile, transfer, remote.signal)
      if (actual === transfer.digest) {
        fs.renameSync(dataFile, file)
        journal.remove()
        return
      }
    } catch (error) {
      throw asWriteError(dataFile, error)
    }
    // Which bytes are wrong nobody knows.
    fs.rmSync(dataFile, { force: true })
    journal.remove()
    transfer.onBytes(0)
    if (attempt >= ATTEMPTS_PER_FILE) {
      throw remote.failure(
        'integrity',
        `${what} arrived ${attempt} times with a wrong ${transfer.hash}; nothing was kept. ` +
          'A proxy may change what passes it: try another network',
      )
    }
  }
}

async function fetchParts(
  remote: Remote,
  transfer: FileTransfer,
  journal: PartJournal,
  handle: FileHandle,
): Promise<void> {
  transfer.onBytes(journal.doneBytes)
  const open = journal.parts.filter(({ begin, end, done }) => begin + done < end)
  const failed = new AbortController()
  const signal = remote.signal ? AbortSignal.any([remote.signal, failed.signal]) : failed.signal
  await forEachLimited(open, PARALLEL_PARTS, async (part) => {
    try {
      await fetchPart({ ...remote, signal }, transfer, journal, part, handle)
    } catch (error) {
      // The other parts need not come any more; their errors are only that.
      if (!failed.signal.aborted) failed.abort(error)
      throw failed.signal.reason
    }
  })
}

async function fetchPart(
  remote: Remote,
  transfer: FileTransfer,
  journal: PartJournal,
  part: Part,
  handle: FileHandle,
): Promise<void> {
  const { what, url, size } = transfer
  await withRetries(remote, `downloading ${what}`, async (progressed) => {
    const begin = part.begin + part.done
    // The last bytes came, and then the connection broke.
    if (begin === part.end) return
    const headers = { Range: `bytes=${begin}-${part.end - 1}` }
    await getOnce(remote, url, headers, async ({ response, chunks }) => {
      let position = firstByteOf(response, begin, size)
      for await (const chunk of chunks()) {
        // A server that ignores the range sends the file from its start on.
        const wanted = chunk.subarray(Math.max(0, part.begin + part.done - position), Math.max(0, part.end - position))
        position += chunk.length
        // Nothing that comes behind the last byte is waited for: it may never end.
        if (wanted.length === 0 && part.begin + part.done === part.end) return
        if (wanted.length === 0) continue
        await writeAt(handle, wanted, part.begin + part.done)
        journal.advance(part, wanted.length)
        progressed()
        transfer.onBytes(journal.doneBytes)
        // Otherwise the end of the body is awaited, so that the connection can be used again.
        if (part.begin + part.done === part.end && response.status === 200) return
      }
    })
    if (part.begin + part.done < part.end) {
      throw new TransientError(`the answer ended after ${part.done} of ${part.end - part.begin} bytes`)
    }
  })
}

function firstByteOf(response: Response, begin: number, size: number): number {
  if (response.status === 200) return 0
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '')
  if (range && Number(range[1]) === begin && (range[2] === '*' || Number(range[2]) === size)) return begin
  throw new TransientError(`asked for the bytes from ${begin} on of ${size}, got ${describeRange(response)}`)
}

function describeRange(response: Response): string {
  return `${response.status} with Content-Range ${response.headers.get('content-range')?.slice(0, 60) ?? 'missing'}`
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten
  }
}

/** sha256 of the content, or the sha1 that git gives a file. */
async function hashOf(file: string, { hash, size }: FileTransfer, signal: AbortSignal | null): Promise<string> {
  const digest = createHash(hash === 'sha256' ? 'sha256' : 'sha1')
  if (hash === 'git-sha1') digest.update(`blob ${size}\0`)
  for await (const chunk of fs.createReadStream(file, { highWaterMark: READ_BYTES })) {
    signal?.throwIfAborted()
    digest.update(chunk as Buffer)
  }
  return digest.digest('hex')
}
