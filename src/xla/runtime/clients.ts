import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../../errors.js'
import { loadPjrtAddon } from './addon.js'
import type { ClientHandle, OpenedPlugin, OptionValue, PjrtAddon } from './addon.js'
import { asEngineError } from './pjrtErrors.js'
import { fingerprint } from './programCache.js'
import { checkSharedLibrary } from './sharedLibrary.js'

/** Which GPU a plugin uses, and its memory. Plugins for other devices have no such options: they are left out. */
export interface ClientOptions {
  /** `default`, `bfc` (one block from which arrays are cut), `cuda_async` or `platform` (the driver's own). */
  readonly allocator?: 'default' | 'bfc' | 'cuda_async' | 'platform'
  /** Share of the device's memory that may be used, from 0 to 1. Defaults to 0.9; XLA's own default is 0.75. */
  readonly memoryFraction?: number
  /** Whether to take that share at once. Defaults to false; XLA's own default is true. */
  readonly preallocate?: boolean
  /** Number of the GPU among those that the driver shows (CUDA_VISIBLE_DEVICES). Defaults to 0. */
  readonly visibleDevice?: number
}

/** A plugin's device, shared by the runners of the process. */
export interface Client {
  readonly addon: PjrtAddon
  readonly plugin: OpenedPlugin
  readonly handle: ClientHandle
  /** Which build of the plugin is open: another one may have taken the place of its file. */
  readonly fingerprint: string
  /** Gives back a use of it; the last one closes it. */
  release(): void
}

interface Entry {
  readonly options: string
  readonly fingerprint: string
  readonly opened: Promise<OpenedPlugin>
  users: number
}

/** Plugins that are open, by their files: another client of the same GPU would find its memory taken. */
const entries = new Map<string, Entry>()

/** Opens a plugin, or joins those who have it open. Throws an EngineError when it cannot be, a ConfigError for other options. */
export async function openClient(file: string, libraries: readonly string[], options: ClientOptions): Promise<Client> {
  const addon = loadPjrtAddon()
  const named = nameOptions(options)
  const key = named.map(([name, value]) => `${name}=${String(value)}`).join(' ')
  const real = resolveFile(file)
  let entry = entries.get(real)
  if (entry && entry.options !== key) {
    throw new ConfigError(
      `${file} is open in this process with other options (${entry.options}); expected the same, got ${key}`,
    )
  }
  if (!entry) {
    checkSharedLibrary(file)
    // Not the real path: a plugin finds libraries beside it, and may be a link among them.
    const build = fingerprint(file)
    const opened = open(addon, path.resolve(file), libraries, named)
    entry = { options: key, fingerprint: build, opened, users: 0 }
    entries.set(real, entry)
  }
  entry.users++
  const release = (): void => {
    if (--entry.users === 0 && entries.get(real) === entry) entries.delete(real)
  }
  try {
    const plugin = await entry.opened
    const close = (): void => {
      release()
      if (entry.users === 0) addon.close(plugin.handle)
    }
    return { addon, plugin, handle: plugin.handle, fingerprint: entry.fingerprint, release: close }
  } catch (cause) {
    release()
    throw asEngineError(`${file} cannot be opened as a plugin of XLA`, cause)
  }
}

/** Opens a plugin without the options that it does not have. */
async function open(
  addon: PjrtAddon,
  file: string,
  libraries: readonly string[],
  options: readonly (readonly [string, OptionValue])[],
): Promise<OpenedPlugin> {
  try {
    return await addon.open(file, libraries.map((library) => `${library}\0`).join(''), options)
  } catch (error) {
    const refused = /Unexpected option name passed to PJRT_Client_Create: (\w+)/.exec(String(error))?.[1]
    const others = options.filter(([name]) => name !== refused)
    if (others.length === options.length) throw error
    return open(addon, file, libraries, others)
  }
}

/** The file that a path leads to, so that a plugin is known again; the path itself when there is none. */
function resolveFile(file: string): string {
  try {
    return fs.realpathSync(file)
  } catch {
    return file
  }
}

function nameOptions(options: ClientOptions): [string, OptionValue][] {
  const { allocator, memoryFraction = 0.9, preallocate = false, visibleDevice = 0 } = options
  if (!(memoryFraction > 0 && memoryFraction <= 1)) {
    throw new ConfigError(`memoryFraction must be above 0 and at most 1, got ${memoryFraction}`)
  }
  if (!Number.isSafeInteger(visibleDevice) || visibleDevice < 0) {
    throw new ConfigError(`visibleDevice must be the number of a GPU (0, 1, …), got ${visibleDevice}`)
  }
  const named: [string, OptionValue][] = [
    ['visible_devices', BigInt64Array.of(BigInt(visibleDevice))],
    ['memory_fraction', memoryFraction],
    ['preallocate', preallocate],
  ]
  if (allocator !== undefined) named.push(['allocator', allocator])
  return named
}
