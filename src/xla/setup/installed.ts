/** The plugins of XLA that are on this machine. */
import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../../errors.js'
import { cacheFolder } from '../../io/cacheFolder.js'
import { pluginFor, pluginReleases } from './wheels.js'
import type { PluginRelease, XlaDevice } from './wheels.js'

type Variables = Readonly<Record<string, string | undefined>>

/** A plugin that can be loaded. */
export interface InstalledPlugin {
  /** Null for that of GRPO_TS_XLA_PLUGIN, which may be for any. */
  readonly device: XlaDevice | null
  /** The package that it came from, or the name of its file. */
  readonly name: string
  /** Null where that is not known. */
  readonly version: string | null
  /** The shared library to load. */
  readonly file: string
  /** Shared libraries to open before it, in this order: it looks for them by their names alone. */
  readonly libraries: readonly string[]
  /** What XLA's flag `xla_gpu_cuda_data_dir` is to name: the folder of ptxas and libdevice; null for no CUDA. */
  readonly cudaFolder: string | null
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

/** Where the plugins of all devices lie. */
export function pluginsFolder(variables: Variables = process.env): string {
  return path.join(cacheFolder(variables), 'xla')
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
 * installed one; null when there is none.
 * @throws ConfigError when GRPO_TS_XLA_PLUGIN names no file, UnsupportedError when no plugin of the device runs here
 */
export function findPlugin(
  device: XlaDevice,
  { name, variables = process.env }: { name?: string; variables?: Variables } = {},
): InstalledPlugin | null {
  return (name === undefined ? ownPlugin(variables) : null) ?? describe(pluginFor(device, { name }), variables)
}

/** What to do where `findPlugin` found none. */
export function missingPlugin(device: XlaDevice): string {
  return `XLA's plugin for ${device} is not installed; fetch it with: grpo-ts setup xla --device ${device}`
}

function ownPlugin(variables: Variables): InstalledPlugin | null {
  const file = variables.GRPO_TS_XLA_PLUGIN ?? ''
  if (file === '') return null
  if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) {
    throw new ConfigError(
      `GRPO_TS_XLA_PLUGIN is '${file}', which is no file; expected the path of a plugin (.so), or no such variable`,
    )
  }
  return { device: null, name: path.basename(file), version: null, ...neighbours(path.resolve(file)) }
}

function describe(release: PluginRelease, variables: Variables): InstalledPlugin | null {
  const { device, name, version, library } = release
  const file = path.join(installFolder(release, variables), library)
  return fs.existsSync(file) ? { device, name, version, ...neighbours(file) } : null
}

/** What lies beside a plugin as Python's packages do: jax_plugins/NAME/PLUGIN.so beside nvidia/LIBRARY/lib. */
function neighbours(file: string): Pick<InstalledPlugin, 'file' | 'libraries' | 'cudaFolder'> {
  const nvidia = path.join(path.dirname(file), '../../nvidia')
  const folders = fs.existsSync(nvidia) ? fs.readdirSync(nvidia).map((name) => path.join(nvidia, name)) : []
  const all = folders
    .map((folder) => path.join(folder, 'lib'))
    .filter((folder) => fs.existsSync(folder))
    .flatMap((folder) => fs.readdirSync(folder).map((name) => path.join(folder, name)))
  return {
    file,
    libraries: CUDA_LIBRARIES.flatMap((wanted) => all.filter((library) => wanted.test(path.basename(library)))),
    cudaFolder: folders.find((folder) => fs.existsSync(path.join(folder, 'bin', 'ptxas'))) ?? null,
  }
}
