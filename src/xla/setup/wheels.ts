/**
 * Which plugins of XLA are taken, and from which wheels: a wheel is what Python's package index keeps, a zip file whose
 * content these plugins need no Python for.
 */
import { UnsupportedError } from '../../errors.js'
import type { DeviceKind } from '../devices.js'
import { pinnedWheels } from './pinnedWheels.js'

/** A file of the package index, pinned by its hash. */
export interface Wheel {
  /** Its name, which says package, version and platform: `nvidia_cufft_cu12-11.4.1.4-py3-none-manylinux2014_x86_64.whl`. */
  readonly file: string
  readonly bytes: number
  /** Bytes on the disk of what is needed of it. */
  readonly unpackedBytes: number
  /** In hexadecimal digits. */
  readonly sha256: string
}

/** A plugin in one version, with the libraries that it opens. */
export interface PluginRelease {
  readonly device: DeviceKind
  /** The package of the plugin itself. */
  readonly name: string
  readonly version: string
  /** The plugin in the folder of what was unpacked. */
  readonly library: string
  /** What should be known before it is fetched; null for nothing. */
  readonly notice: string | null
  /** By `process.arch`. */
  readonly wheels: Readonly<Partial<Record<NodeJS.Architecture, readonly Wheel[]>>>
}

const NVIDIA_TERMS =
  "NVIDIA's libraries come under NVIDIA's own terms (https://docs.nvidia.com/cuda/eula/, https://docs.nvidia.com/deeplearning/cudnn/); " +
  'their texts are unpacked with them'

/** For each device, the one that is taken first. */
export const pluginReleases: readonly PluginRelease[] = [
  {
    device: 'cuda13',
    name: 'jax-cuda13-pjrt',
    version: '0.12.0.1',
    library: 'jax_plugins/xla_cuda13/xla_cuda_plugin.so',
    notice: NVIDIA_TERMS,
    wheels: pinnedWheels.cuda13,
  },
  {
    device: 'cuda12',
    name: 'jax-cuda12-pjrt',
    version: '0.12.0.1',
    library: 'jax_plugins/xla_cuda12/xla_cuda_plugin.so',
    notice: NVIDIA_TERMS,
    wheels: pinnedWheels.cuda12,
  },
  {
    device: 'rocm',
    name: 'jax-rocm7-pjrt',
    version: '0.12.0',
    library: 'jax_plugins/xla_rocm7/xla_rocm_plugin.so',
    notice:
      "AMD's ROCm 7 is no part of it: it has to be installed on the machine, and its libraries to be found (ldconfig)",
    wheels: pinnedWheels.rocm,
  },
  {
    device: 'tpu',
    name: 'libtpu',
    version: '0.0.52',
    library: 'libtpu/libtpu.so',
    notice:
      'libtpu comes under the terms of Google Cloud (https://cloud.google.com/terms, https://cloud.google.com/terms/service-terms), ' +
      'which do not allow to pass it on; who fetches it accepts them',
    wheels: pinnedWheels.tpu,
  },
  {
    device: 'cpu',
    name: 'lammps-jax-pjrt-cpu',
    version: '0.11.2',
    library: 'lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so',
    notice: null,
    wheels: pinnedWheels.cpu,
  },
  {
    device: 'cpu',
    name: 'xla-cpu-pjrt',
    version: '0.0.1',
    library: 'xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so',
    notice: 'xla-cpu-pjrt is by the authors of OpenXLA, but does not say its licence',
    wheels: pinnedWheels.secondCpu,
  },
]

/**
 * The plugin for a device on this machine: the first that has wheels for its processor, or the one of a name.
 * @throws UnsupportedError when there is none
 */
export function pluginFor(
  device: DeviceKind,
  { name, architecture = process.arch, platform = process.platform }: PluginChoice = {},
): PluginRelease {
  const found = pluginReleases.find(
    (release) =>
      release.device === device &&
      (name === undefined || release.name === name) &&
      platform === 'linux' &&
      release.wheels[architecture] !== undefined,
  )
  if (found) return found
  const where = pluginReleases
    .filter((release) => release.device === device && (name === undefined || release.name === name))
    .flatMap((release) => Object.keys(release.wheels))
  const expected = where.length === 0 ? 'another name' : [...new Set(where)].map((each) => `linux ${each}`).join(' or ')
  throw new UnsupportedError(
    `no plugin ${name === undefined ? '' : `${name} `}of XLA for ${device} on ${platform} ${architecture}; expected ${expected}. ` +
      'A plugin that you have yourself is named by GRPO_TS_XLA_PLUGIN',
  )
}

/** Which one of several plugins. */
export interface PluginChoice {
  /** Of its package. Defaults to the first one for the device. */
  name?: string | undefined
  /** Defaults to those of this process. */
  architecture?: NodeJS.Architecture
  platform?: NodeJS.Platform
}

/** The wheels of a plugin for this machine's processor. */
export function wheelsOf(release: PluginRelease): readonly Wheel[] {
  return release.wheels[process.arch] ?? []
}

/** Package, version and tags of a wheel's name, which PEP 427 defines. */
export function wheelTags({ file }: Pick<Wheel, 'file'>): {
  name: string
  version: string
  python: string
  abi: string
  platforms: readonly string[]
} {
  const [name = '', version = '', python = '', abi = '', platforms = ''] = file.replace(/\.whl$/, '').split('-')
  return { name: name.replaceAll('_', '-'), version, python, abi, platforms: platforms.split('.') }
}

/** As pip reads it with --require-hashes. */
export function requirement(wheel: Wheel): string {
  const { name, version } = wheelTags(wheel)
  return `${name}==${version} --hash=sha256:${wheel.sha256}\n`
}

/** Whether a file of a wheel is needed to run programs or has to stay with what is: Python's modules and C headers are not. */
export function isNeeded(name: string): boolean {
  return (
    /\.so(\.\d+)*$/.test(name) ||
    /\/bin\/(ptxas|nvlink)$/.test(name) ||
    /\/nvvm\/libdevice\/[^/]+\.bc$/.test(name) ||
    /(^|\/)[^/]*(licen[sc]e|notice)[^/.]*(\.txt|\.md|\.rst)?$/i.test(name)
  )
}
