/** Brings a plugin of XLA with its libraries onto this machine, and takes it away again. */
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError, GrpoError } from '../../errors.js'
import { asWriteError, atomicWriteFile } from '../../io/atomicWrite.js'
import { readChecksums, sha256Async, writeChecksums } from '../../io/checksums.js'
import type { Checksums } from '../../io/checksums.js'
import { withFileLock } from '../../io/fileLock.js'
import type { DeviceKind } from '../devices.js'
import { installFolder, pluginsFolder } from './installed.js'
import type { WheelSource } from './source.js'
import { unpackWheel } from './unpack.js'
import { requirement } from './wheels.js'
import type { PluginRelease, Wheel } from './wheels.js'

/** Bytes that a disk should keep free. */
const SPARE_BYTES = 64 * 1024 * 1024
const REQUIREMENTS_FILE = 'requirements.txt'
/** In the folder that is being filled: for each wheel that was unpacked, the checksums of its files. */
const UNPACKED_FOLDER = '.unpacked'

/** What is going to be fetched. */
export interface SetUpPlan {
  readonly wheels: readonly Wheel[]
  readonly downloadBytes: number
  /** On the disk, in the end. */
  readonly unpackedBytes: number
  readonly folder: string
}

/** What `setUpPlugin` may be told. */
export interface SetUpOptions {
  /** Called before anything is fetched; not at all when all is there. */
  onPlan?: (plan: SetUpPlan) => void
  /** Called with the bytes of all wheels that have come, those of an interrupted attempt included. */
  onProgress?: (progress: { file: string; loadedBytes: number; totalBytes: number }) => void
  /** Called with a line that the user should see. */
  onMessage?: (message: string) => void
  /** Ends it: what was fetched stays, and the next attempt goes on there. */
  signal?: AbortSignal
}

/**
 * Fetches the wheels of a plugin, checks their sizes and hashes, and unpacks what is needed into `installFolder`, which appears when
 * it is complete. What is there already is checked only. Two at once wait for each other.
 * @returns whether anything had to be fetched
 * @throws GrpoError when a wheel cannot be had, is damaged or another one, or the disk is full; the reason of the signal
 */
export async function setUpPlugin(
  release: PluginRelease,
  source: WheelSource,
  options: SetUpOptions = {},
): Promise<boolean> {
  const wheels = wheelsOf(release)
  const signal = options.signal ?? new AbortController().signal
  const onMessage = options.onMessage ?? (() => undefined)
  return withDeviceLock(release.device, { signal, onMessage }, async () => {
    if (await isInstalled(release, wheels, { signal, onMessage })) return false
    const folder = installFolder(release)
    const staging = stagingFolder(release)
    // Of an attempt that was interrupted.
    const missing = isOf(staging, wheels) ? wheels.filter((wheel) => !fs.existsSync(listOf(staging, wheel))) : wheels
    source.check?.(missing)
    try {
      prepare(staging, wheels)
      checkFreeSpace(staging, missing, source)
      options.onPlan?.({
        wheels: missing,
        downloadBytes: sum(missing.map(({ bytes }) => bytes)),
        unpackedBytes: sum(wheels.map(({ unpackedBytes }) => unpackedBytes)),
        folder,
      })
      await fillFolder(release, missing, source, { ...options, signal })
      const checksums: Checksums = new Map(
        wheels.flatMap((wheel) => [...(readChecksums(listOf(staging, wheel)) ?? [])]),
      )
      writeChecksums(staging, checksums)
      fs.rmSync(path.join(staging, UNPACKED_FOLDER), { recursive: true })
      fs.rmSync(downloadsFolder(release), { recursive: true, force: true })
      fs.rmSync(folder, { recursive: true, force: true })
      fs.renameSync(staging, folder)
    } catch (error) {
      throw asWriteError(staging, error)
    }
    return true
  })
}

/** Takes the plugins of a device away, in all versions, with what was left of attempts to fetch them. Returns whether there were any. */
export async function removePlugins(device: DeviceKind, signal: AbortSignal): Promise<boolean> {
  const folder = path.join(pluginsFolder(), device)
  if (!fs.existsSync(folder)) return false
  return withDeviceLock(device, { signal, onMessage: () => undefined }, () => {
    try {
      fs.rmSync(folder, { recursive: true, force: true })
    } catch (error) {
      throw asWriteError(folder, error)
    }
    return Promise.resolve(true)
  })
}

interface Telling {
  readonly signal: AbortSignal
  readonly onMessage: (message: string) => void
}

async function withDeviceLock<T>(
  device: DeviceKind,
  { signal, onMessage }: Telling,
  body: () => Promise<T>,
): Promise<T> {
  const folder = pluginsFolder()
  try {
    fs.mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw asWriteError(folder, error)
  }
  const onWait = (): void => {
    onMessage('waiting for another grpo-ts that does the same')
  }
  return withFileLock(path.join(folder, `${device}.lock`), { signal, onWait }, body)
}

async function isInstalled(
  release: PluginRelease,
  wheels: readonly Wheel[],
  { signal, onMessage }: Telling,
): Promise<boolean> {
  const folder = installFolder(release)
  if (!fs.existsSync(folder)) return false
  try {
    const checksums = readChecksums(folder)
    if (checksums === null || !isOf(folder, wheels)) return false
    for (const [name, digest] of checksums) {
      const file = path.join(folder, name)
      if ((await sha256Async(file, signal)) !== digest) throw new FileFormatError(file, 'is not as it was unpacked')
    }
    return true
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error
    onMessage(`${error.message}; fetched anew`)
    return false
  }
}

/** Whether a folder was made for these wheels and no others. */
function isOf(folder: string, wheels: readonly Wheel[]): boolean {
  const file = path.join(folder, REQUIREMENTS_FILE)
  return fs.existsSync(file) && fs.readFileSync(file, 'utf8') === wheels.map(requirement).join('')
}

function wheelsOf(release: PluginRelease): readonly Wheel[] {
  return release.wheels[process.arch] ?? []
}

/** What becomes the installed folder. */
function stagingFolder(release: PluginRelease): string {
  return `${installFolder(release)}.incomplete`
}

function downloadsFolder(release: PluginRelease): string {
  return `${installFolder(release)}.downloads`
}

/** Where it is written down what a wheel brought. */
function listOf(staging: string, wheel: Wheel): string {
  return path.join(staging, UNPACKED_FOLDER, wheel.file)
}

function prepare(staging: string, wheels: readonly Wheel[]): void {
  if (isOf(staging, wheels)) return
  fs.rmSync(staging, { recursive: true, force: true })
  fs.mkdirSync(path.join(staging, UNPACKED_FOLDER), { recursive: true })
  atomicWriteFile(path.join(staging, REQUIREMENTS_FILE), wheels.map(requirement).join(''))
}

async function fillFolder(
  release: PluginRelease,
  missing: readonly Wheel[],
  source: WheelSource,
  { onProgress, signal }: SetUpOptions & { signal: AbortSignal },
): Promise<void> {
  const staging = stagingFolder(release)
  const downloads = downloadsFolder(release)
  fs.mkdirSync(downloads, { recursive: true })
  const totalBytes = sum(wheelsOf(release).map(({ bytes }) => bytes))
  let loadedBytes = totalBytes - sum(missing.map(({ bytes }) => bytes))
  for (const wheel of missing) {
    const onBytes = (bytes: number): void => {
      onProgress?.({ file: wheel.file, loadedBytes: loadedBytes + bytes, totalBytes })
    }
    const file = await source.fetch(wheel, downloads, { onBytes, signal })
    await checkWheel(file, wheel, source, signal)
    onBytes(wheel.bytes)
    const checksums = await unpackWheel(file, wheel, staging, signal)
    const list = `${listOf(staging, wheel)}.new`
    fs.mkdirSync(list, { recursive: true })
    writeChecksums(list, checksums)
    fs.renameSync(list, listOf(staging, wheel))
    if (source.isCopy) fs.rmSync(file)
    loadedBytes += wheel.bytes
  }
}

async function checkWheel(file: string, wheel: Wheel, source: WheelSource, signal: AbortSignal): Promise<void> {
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0
  const digest = size === wheel.bytes ? await sha256Async(file, signal) : null
  if (digest === wheel.sha256) return
  if (source.isCopy) fs.rmSync(file, { force: true })
  const what =
    digest === null
      ? `has ${size} bytes; expected ${wheel.bytes}`
      : `has the SHA-256 ${digest}; expected ${wheel.sha256}`
  throw new FileFormatError(
    file,
    `${what}: it is damaged, or not the wheel that was tried. Nothing of it was unpacked; fetch it from another place (--index, --wheels)`,
  )
}

/** Better than finding out after an hour. */
function checkFreeSpace(folder: string, missing: readonly Wheel[], source: WheelSource): void {
  const copies = source.isCopy ? Math.max(0, ...missing.map(({ bytes }) => bytes)) : 0
  const needed = sum(missing.map(({ unpackedBytes }) => unpackedBytes)) + copies + SPARE_BYTES
  const { bavail, bsize } = fs.statfsSync(folder)
  if (needed <= bavail * bsize) return
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`
  throw new GrpoError(
    `${folder}: the disk has ${megabytes(bavail * bsize)} free, ${megabytes(needed)} are needed; free some space, or set ` +
      'GRPO_TS_CACHE to a folder on a larger disk',
  )
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
