/**
 * Compiled programs on disk. An entry is what a plugin serialized, behind two lines that say what it is; whatever is not as it was
 * written counts as not there. The code in an entry is run: a cache folder is its user's own.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { atomicWriteFile, removeQuietly } from '../../io/atomicWrite.js'
import type { DeviceInfo, Program, ProgramMemory } from './runner.js'
import type { CompilerFlags } from './compileOptions.js'

/** Changes when entries are written otherwise. */
const FORMAT = 'grpo-ts-program-1'
const ENDING = '.program'
/** A program has 10 kB to a few MB. */
const LIMIT = 4e9

/** A compiled program as it is kept. */
export interface CachedProgram {
  readonly serialized: Uint8Array
  readonly memory: ProgramMemory | null
}

/** The second line of an entry, behind the SHA-256 of all that follows, and before what the plugin serialized. */
interface Header {
  readonly format: string
  readonly program: string
  readonly memory: ProgramMemory | null
}

/** The name of a program's entry: another text, flag, plugin, device or processor has another one. */
export function programKey(
  program: Program,
  flags: CompilerFlags,
  info: DeviceInfo,
  /** What {@link fingerprint} says of the plugin. */
  plugin: string,
): string {
  const ordered = Object.entries(flags).sort(([a], [b]) => (a < b ? -1 : 1))
  const host = info.platform === 'cpu' ? describeProcessor() : process.arch
  return sha256(
    JSON.stringify([FORMAT, program.text, ordered, info.compiler, plugin, info.platform, info.device, host]),
  )
}

/** The entry of a program; null when there is none that is whole. */
export function readCachedProgram(folder: string, key: string): CachedProgram | null {
  const file = path.join(folder, key + ENDING)
  try {
    const [sum, rest] = splitLine(fs.readFileSync(file))
    if (sum !== sha256(rest)) return null
    const [line, serialized] = splitLine(rest)
    const { format, memory } = JSON.parse(line) as Header
    if (format !== FORMAT) return null
    markUsed(file)
    return { serialized, memory }
  } catch {
    // Missing, damaged, or of somebody else: the program is compiled.
    return null
  }
}

/** Keeps a program, where the disk takes it: without, it is compiled again the next time. */
export function writeCachedProgram(
  folder: string,
  key: string,
  { name }: Program,
  entry: CachedProgram,
  /** Bytes that all entries may take; those that were not used for longest are removed. */
  limit = LIMIT,
): void {
  const { serialized, memory } = entry
  const header: Header = { format: FORMAT, program: name, memory }
  const rest = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), serialized])
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    atomicWriteFile(path.join(folder, key + ENDING), Buffer.concat([Buffer.from(`${sha256(rest)}\n`), rest]))
    removeOldest(folder, limit)
  } catch {
    // The disk is full, or the folder cannot be written to.
  }
}

function markUsed(file: string): void {
  const now = new Date()
  try {
    fs.utimesSync(file, now, now)
  } catch {
    // A cache that can be read only, such as that of an image, is as good.
  }
}

function splitLine(bytes: Buffer): [string, Buffer] {
  const end = bytes.indexOf('\n')
  return [bytes.toString('utf8', 0, end), bytes.subarray(end + 1)]
}

function removeOldest(folder: string, limit: number): void {
  const files = fs
    .readdirSync(folder)
    .filter((name) => name.includes(ENDING))
    .map((name) => ({
      file: path.join(folder, name),
      status: fs.statSync(path.join(folder, name), { throwIfNoEntry: false }),
    }))
    .sort((a, b) => (b.status?.mtimeMs ?? 0) - (a.status?.mtimeMs ?? 0))
  let total = 0
  for (const { file, status } of files) {
    total += status?.size ?? 0
    if (total > limit) removeQuietly(file)
  }
}

const SAMPLES = 64
const SAMPLE_BYTES = 65536

/**
 * Tells one build of a plugin from another, by parts from all over its file: all of it are 200 to 500 MB. Throws what the operating
 * system says when it cannot be read.
 */
export function fingerprint(file: string): string {
  const hash = createHash('sha256')
  const descriptor = fs.openSync(file, 'r')
  try {
    const { size } = fs.fstatSync(descriptor)
    hash.update(String(size))
    const sample = Buffer.alloc(SAMPLE_BYTES)
    for (let i = 0; i < SAMPLES; i++) {
      const at = Math.floor((Math.max(0, size - SAMPLE_BYTES) * i) / (SAMPLES - 1))
      hash.update(sample.subarray(0, fs.readSync(descriptor, sample, 0, SAMPLE_BYTES, at)))
    }
  } finally {
    fs.closeSync(descriptor)
  }
  return hash.digest('hex')
}

/** The processor that code is generated for, and how many threads share a product. */
function describeProcessor(): string {
  let features = ''
  try {
    features = /^(?:flags|Features)\s*:.*$/m.exec(fs.readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? ''
  } catch {
    // Only Linux has it.
  }
  return `${process.arch} ${os.cpus()[0]?.model ?? ''} ${os.availableParallelism()} ${features}`
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
