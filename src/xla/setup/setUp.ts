/** Brings a plugin of XLA with its libraries onto this machine, and takes it away again. */
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError, GrpoError } from '../../errors.js'
import { asWriteError } from '../../io/atomicWrite.js'
import { sha256Async } from '../../io/checksums.js'
import { withFileLock } from '../../io/fileLock.js'
import type { DeviceKind } from '../devices.js'
import { installFolder, pluginsFolder } from './installed.js'
import type { WheelSource } from './source.js'
import {
  downloadsFolder,
  finishFolder,
  isInstalled,
  missingWheels,
  noteUnpacked,
  prepareFolders,
  stagingFolder,
} from './staging.js'
import { unpackWheel } from './unpack.js'
import { wheelsOf } from './wheels.js'
import type { PluginRelease, Wheel } from './wheels.js'

/** Bytes that a disk should keep free. */
const SPARE_BYTES = 64 * 1024 * 1024

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
  const signal = options.signal ?? new AbortController().signal
  const onMessage = options.onMessage ?? (() => undefined)
  return withDeviceLock(release.device, { signal, onMessage }, async () => {
    if (await isIntact(release, { signal, onMessage })) return false
    const missing = missingWheels(release)
    source.check?.(missing)
    try {
      prepareFolders(release)
      checkFreeSpace(stagingFolder(release), missing, source)
      options.onPlan?.({
        wheels: missing,
        downloadBytes: sum(missing.map(({ bytes }) => bytes)),
        unpackedBytes: sum(wheelsOf(release).map(({ unpackedBytes }) => unpackedBytes)),
        folder: installFolder(release),
      })
      await unpackAll(release, missing, source, { ...options, signal })
      finishFolder(release)
    } catch (error) {
      throw asWriteError(stagingFolder(release), error)
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

/** Whether a plugin is installed and undamaged. */
async function isIntact(release: PluginRelease, { signal, onMessage }: Telling): Promise<boolean> {
  try {
    return await isInstalled(release, signal)
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error
    onMessage(`${error.message}; fetched anew`)
    return false
  }
}

async function unpackAll(
  release: PluginRelease,
  missing: readonly Wheel[],
  source: WheelSource,
  { onProgress, signal }: SetUpOptions & { signal: AbortSignal },
): Promise<void> {
  const totalBytes = sum(wheelsOf(release).map(({ bytes }) => bytes))
  let loadedBytes = totalBytes - sum(missing.map(({ bytes }) => bytes))
  for (const wheel of missing) {
    const onBytes = (bytes: number): void => {
      onProgress?.({ file: wheel.file, loadedBytes: loadedBytes + bytes, totalBytes })
    }
    const file = await source.fetch(wheel, downloadsFolder(release), { onBytes, signal })
    await checkWheel(file, wheel, source, signal)
    onBytes(wheel.bytes)
    noteUnpacked(release, wheel, await unpackWheel(file, wheel, stagingFolder(release), signal))
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
