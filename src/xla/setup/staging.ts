/** The folder that becomes an installed plugin, filled a wheel at a time: an attempt that was interrupted is taken up again. */
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../../errors.js'
import { atomicWriteFile } from '../../io/atomicWrite.js'
import { readChecksums, sha256Async, writeChecksums } from '../../io/checksums.js'
import type { Checksums } from '../../io/checksums.js'
import { installFolder } from './installed.js'
import { requirement, wheelsOf } from './wheels.js'
import type { PluginRelease, Wheel } from './wheels.js'

/** Says which wheels a folder was made for, as pip reads it. */
const REQUIREMENTS_FILE = 'requirements.txt'
/** In a folder that is being filled: for each wheel that was unpacked, the checksums of its files. */
const UNPACKED_FOLDER = '.unpacked'

/** Where files lie until the plugin is complete. */
export function stagingFolder(release: PluginRelease): string {
  return `${installFolder(release)}.incomplete`
}

/** Where wheels lie until they are unpacked. */
export function downloadsFolder(release: PluginRelease): string {
  return `${installFolder(release)}.downloads`
}

/** The wheels that were not unpacked yet. */
export function missingWheels(release: PluginRelease): readonly Wheel[] {
  const wheels = wheelsOf(release)
  if (!isOf(stagingFolder(release), wheels)) return wheels
  return wheels.filter((wheel) => !fs.existsSync(listFolder(release, wheel)))
}

/** Makes the folders to fill; what was left there of other wheels goes. */
export function prepareFolders(release: PluginRelease): void {
  const [staging, wheels] = [stagingFolder(release), wheelsOf(release)]
  fs.mkdirSync(downloadsFolder(release), { recursive: true })
  if (isOf(staging, wheels)) return
  fs.rmSync(staging, { recursive: true, force: true })
  fs.mkdirSync(path.join(staging, UNPACKED_FOLDER), { recursive: true })
  atomicWriteFile(path.join(staging, REQUIREMENTS_FILE), wheels.map(requirement).join(''))
}

/** Writes down that a wheel was unpacked, with the checksums of its files. */
export function noteUnpacked(release: PluginRelease, wheel: Wheel, checksums: Checksums): void {
  const list = listFolder(release, wheel)
  fs.mkdirSync(`${list}.new`, { recursive: true })
  writeChecksums(`${list}.new`, checksums)
  fs.renameSync(`${list}.new`, list)
}

/** Makes the folder, in which every wheel was unpacked, the installed plugin. */
export function finishFolder(release: PluginRelease): void {
  const staging = stagingFolder(release)
  const lists = wheelsOf(release).map((wheel) => readChecksums(listFolder(release, wheel)) ?? new Map<string, string>())
  writeChecksums(staging, new Map(lists.flatMap((list) => [...list])))
  fs.rmSync(path.join(staging, UNPACKED_FOLDER), { recursive: true })
  fs.rmSync(downloadsFolder(release), { recursive: true, force: true })
  fs.rmSync(installFolder(release), { recursive: true, force: true })
  fs.renameSync(staging, installFolder(release))
}

/**
 * Whether a plugin is installed, of the very wheels that are pinned.
 * @throws FileFormatError when a file is not as it was unpacked, the reason of the signal
 */
export async function isInstalled(release: PluginRelease, signal: AbortSignal): Promise<boolean> {
  const folder = installFolder(release)
  if (!isOf(folder, wheelsOf(release))) return false
  for (const [name, digest] of readChecksums(folder) ?? []) {
    const file = path.join(folder, name)
    if ((await sha256Async(file, signal)) !== digest) throw new FileFormatError(file, 'is not as it was unpacked')
  }
  return true
}

function isOf(folder: string, wheels: readonly Wheel[]): boolean {
  const file = path.join(folder, REQUIREMENTS_FILE)
  return fs.existsSync(file) && fs.readFileSync(file, 'utf8') === wheels.map(requirement).join('')
}

function listFolder(release: PluginRelease, wheel: Wheel): string {
  return path.join(stagingFolder(release), UNPACKED_FOLDER, wheel.file)
}
