/** The plugins of XLA that are on this machine. */
import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, UnsupportedError } from '../../errors.js'
import { cacheFolder } from '../../io/cacheFolder.js'
import { pluginFor, pluginReleases } from './wheels.js'
import type { DeviceKind } from '../devices.js'
import type { PluginRelease } from './wheels.js'
import { statusOf } from '../../io/statusOf.js'

type Variables = Readonly<Record<string, string | undefined>>

/** A plugin that can be loaded. */
export interface InstalledPlugin {
  /** Null for that of GRPO_TS_XLA_PLUGIN, which may be for any. */
  readonly device: DeviceKind | null
  /** The package that it came from, or the name of its file. */
  readonly name: string
  /** Null where that is not known. */
  readonly version: string | null
  /** The shared library to load. ptxas and libdevice lie where it looks: in `nvidia/`, two folders above its own. */
  readonly file: string
  /** Shared libraries to open before it, in this order: not all of them lie where it looks. */
  readonly libraries: readonly string[]
}

/** Libraries that the CUDA plugin opens by name, as jax_plugins/xla_cuda12/__init__.py opens them before it. */
const CUDA_LIBRARIES = [
  /^libcudart\.so/,
  /^libnvrtc\.so/,
  /^libcublas\.so/,
  /^libcublasLt\.so/,
  /^libnccl\.so/,
  /^libcupti\.so/,
  /^libcusparse\.so/,
  /^libcusolver\.so/,
  /^libcufft\.so/,
  /^libnvshmem_host\.so/,
  /^libcudnn\.so/,
]

/** Where the plugins of all devices lie: GRPO_TS_XLA_FOLDER, as in the container, whose cache is a volume; else `xla` in the cache. */
export function pluginsFolder(variables: Variables = process.env): string {
  const own = variables.GRPO_TS_XLA_FOLDER ?? ''
  return own === '' ? path.join(cacheFolder(variables), 'xla') : path.resolve(own)
}

/** Where a plugin lies once it is installed, with what it needs: it is there as a whole, or not at all. */
export function installFolder(release: PluginRelease, variables: Variables = process.env): string {
  return path.join(pluginsFolder(variables), release.device, release.version)
}

/** All that are installed, in the order of `pluginReleases`, behind the one that GRPO_TS_XLA_PLUGIN names. */
export function installedPlugins(variables: Variables = process.env): InstalledPlugin[] {
  const own = ownPlugin(variables)
  const found = pluginReleases.map((release) => describe(release, variables)).filter((plugin) => plugin !== null)
  return own === null ? found : [own, ...found]
}

/**
 * The plugin for a device: the one that the environment variable GRPO_TS_XLA_PLUGIN names, which stands for every device, or the
 * first one that is installed; null when there is none.
 * @throws ConfigError when GRPO_TS_XLA_PLUGIN names no file
 */
export function findPlugin(
  device: DeviceKind,
  {
    name,
    variables = process.env,
  }: {
    /** Of a package. Defaults to any, or what GRPO_TS_XLA_PLUGIN names. */
    name?: string
    variables?: Variables
  } = {},
): InstalledPlugin | null {
  const plugins = installedPlugins(variables)
  if (name !== undefined) return plugins.find((plugin) => plugin.device === device && plugin.name === name) ?? null
  return plugins.find((plugin) => plugin.device === null || plugin.device === device) ?? null
}

/** Why `findPlugin` found none, and what to do. */
export function missingPlugin(device: DeviceKind): string {
  try {
    pluginFor(device)
  } catch (error) {
    if (error instanceof UnsupportedError) return error.message
    throw error
  }
  return `XLA's plugin for ${device} is not installed; fetch it with: grpo-ts setup xla --device ${device}`
}

function ownPlugin(variables: Variables): InstalledPlugin | null {
  const file = variables.GRPO_TS_XLA_PLUGIN ?? ''
  if (file === '') return null
  if (!statusOf(file)?.isFile()) {
    throw new ConfigError(
      `GRPO_TS_XLA_PLUGIN is '${file}', which is no file; expected the path of a plugin (.so), or no such variable`,
    )
  }
  return { device: null, name: path.basename(file), version: null, ...withLibraries(path.resolve(file)) }
}

function describe(release: PluginRelease, variables: Variables): InstalledPlugin | null {
  const { device, name, version, library } = release
  const file = path.join(installFolder(release, variables), library)
  return fs.existsSync(file) ? { device, name, version, ...withLibraries(file) } : null
}

/** A plugin with the libraries that Python's packages would have beside it: jax_plugins/NAME/PLUGIN.so and nvidia/NAME/lib. */
function withLibraries(file: string): Pick<InstalledPlugin, 'file' | 'libraries'> {
  const nvidia = path.join(path.dirname(file), '../../nvidia')
  const folders = fs.existsSync(nvidia) ? fs.readdirSync(nvidia).map((name) => path.join(nvidia, name, 'lib')) : []
  const all = folders
    .filter((folder) => fs.existsSync(folder))
    .flatMap((folder) => fs.readdirSync(folder).map((name) => path.join(folder, name)))
  return {
    file,
    libraries: CUDA_LIBRARIES.flatMap((wanted) => all.filter((library) => wanted.test(path.basename(library)))),
  }
}
