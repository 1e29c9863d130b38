import fs from 'node:fs'
import { ConfigError } from '../../errors.js'
import { loadPjrtAddon } from './addon.js'
import type { ClientHandle, OpenedPlugin, OptionValue, PjrtAddon } from './addon.js'
import { asEngineError } from './pjrtErrors.js'
import { checkSharedLibrary } from './sharedLibrary.js'

/** How a plugin uses a GPU's memory; plugins for other devices pass over it. */
export interface ClientOptions {
  /** `default`, `bfc` (one block from which arrays are cut), `cuda_async` or `platform` (the driver's own). */
  readonly allocator?: 'default' | 'bfc' | 'cuda_async' | 'platform'
  /** Share of the device's memory that may be used, from 0 to 1. Default of XLA: 0.75. */
  readonly memoryFraction?: number
  /** Whether to take that share at once. Default of XLA: true. */
  readonly preallocate?: boolean
  /** Number of the GPU. Defaults to the first. */
  readonly visibleDevice?: number
}

/** A plugin's device, shared by the runners of the process. */
export interface Client {
  readonly addon: PjrtAddon
  readonly plugin: OpenedPlugin
  readonly handle: ClientHandle
  /** Gives back a use of it; the last one closes it. */
  release(): void
}

interface Entry {
  readonly options: string
  readonly opened: Promise<OpenedPlugin>
  users: number
}

/** Plugins that are open, by their files: another client of the same GPU would find its memory taken. */
const entries = new Map<string, Entry>()

/** Opens a plugin, or joins those who have it open. Throws an EngineError when it cannot be, a ConfigError for other options. */
export async function openClient(file: string, libraries: readonly string[], options: ClientOptions): Promise<Client> {
  const addon = loadPjrtAddon()
  const real = resolveFile(file)
  const named = nameOptions(options)
  const key = named.map(([name, value]) => `${name}=${String(value)}`).join(' ')
  let entry = entries.get(real)
  if (entry && entry.options !== key) {
    throw new ConfigError(
      `${file} is open in this process with other options (${entry.options || 'none'}); expected the same, got ${key || 'none'}`,
    )
  }
  if (!entry) {
    checkSharedLibrary(real)
    entry = {
      options: key,
      opened: addon.open(real, libraries.map((library) => `${library}\0`).join(''), named),
      users: 0,
    }
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
    return { addon, plugin, handle: plugin.handle, release: close }
  } catch (cause) {
    release()
    throw asEngineError(`${file} cannot be opened as a plugin of XLA`, cause)
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

function nameOptions({
  allocator,
  memoryFraction,
  preallocate,
  visibleDevice,
}: ClientOptions): [string, OptionValue][] {
  if (memoryFraction !== undefined && !(memoryFraction > 0 && memoryFraction <= 1)) {
    throw new ConfigError(`memoryFraction must be above 0 and at most 1, got ${memoryFraction}`)
  }
  if (visibleDevice !== undefined && !(Number.isSafeInteger(visibleDevice) && visibleDevice >= 0)) {
    throw new ConfigError(`visibleDevice must be the number of a GPU (0, 1, …), got ${visibleDevice}`)
  }
  const named: [string, OptionValue][] = []
  if (allocator !== undefined) named.push(['allocator', allocator])
  if (memoryFraction !== undefined) named.push(['memory_fraction', memoryFraction])
  if (preallocate !== undefined) named.push(['preallocate', preallocate])
  if (visibleDevice !== undefined) named.push(['visible_devices', BigInt64Array.of(BigInt(visibleDevice))])
  return named
}
