import fs from 'node:fs'
import { EngineError } from '../../errors.js'

/** Numbers of processors in ELF, by Node's names. */
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 }
const HEADER_BYTES = 64

/**
 * Throws an EngineError for what is no shared library for this machine, or only the beginning of one: the system would end the process
 * that loads it. Looks into libraries of Linux only.
 */
export function checkSharedLibrary(
  file: string,
  /** What it is, for messages. */
  what = 'the plugin of XLA',
): void {
  let descriptor: number
  try {
    descriptor = fs.openSync(file, 'r')
  } catch (cause) {
    throw new EngineError(`${what} ${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
  try {
    const status = fs.fstatSync(descriptor)
    if (!status.isFile()) throw new EngineError(`${what} ${file} is no file; expected a shared library`)
    if (process.platform === 'linux') checkElf(`${what} ${file}`, descriptor, status.size)
  } finally {
    fs.closeSync(descriptor)
  }
}

/** Fields of a 64-bit ELF: see elf(5). */
function checkElf(named: string, descriptor: number, size: number): void {
  const header = Buffer.alloc(HEADER_BYTES)
  fs.readSync(descriptor, header, 0, HEADER_BYTES, 0)
  if (
    header.toString('latin1', 0, 4) !== '\x7fELF' ||
    header[4] !== 2 ||
    header[5] !== 1 ||
    header.readUInt16LE(16) !== 3
  ) {
    throw new EngineError(`${named} is no shared library of 64 bits; expected a .so`)
  }
  if (header.readUInt16LE(18) !== MACHINES[process.arch]) {
    throw new EngineError(`${named} is for another processor; expected one for ${process.arch}`)
  }
  const tables = [
    { at: header.readBigUInt64LE(32), entry: header.readUInt16LE(54), count: header.readUInt16LE(56) },
    { at: header.readBigUInt64LE(40), entry: header.readUInt16LE(58), count: header.readUInt16LE(60) },
  ] as const
  let end = Math.max(...tables.map(({ at, entry, count }) => Number(at) + entry * count))
  const [segments] = tables
  if (end <= size && segments.entry >= 56) {
    const bytes = Buffer.alloc(segments.entry * segments.count)
    fs.readSync(descriptor, bytes, 0, bytes.length, Number(segments.at))
    for (let at = 0; at < bytes.length; at += segments.entry) {
      // Where the segment lies in the file, and how many bytes it has there.
      end = Math.max(end, Number(bytes.readBigUInt64LE(at + 8)) + Number(bytes.readBigUInt64LE(at + 32)))
    }
  }
  if (end <= size) return
  throw new EngineError(`${named} is cut off: it has ${size} of at least ${end} bytes; unpack or download it again`)
}
