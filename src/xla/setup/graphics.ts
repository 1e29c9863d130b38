/** What this machine has besides its processor, read from the operating system without starting anything on it. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import type { DeviceKind } from '../devices.js'

/** Milliseconds that a program may take: a driver that was not in use is loaded first. */
const PROGRAM_TIMEOUT = 20_000
const NVIDIA_VENDOR = '0x10de'
/** PCI classes of graphics cards begin so. */
const DISPLAY_CLASS = '0x03'

/** A graphics card as NVIDIA's driver describes it. */
export interface NvidiaCard {
  readonly name: string
  /** As nvidia-smi writes it: `24564 MiB`. */
  readonly memory: string
  /** Of its compute capability: 8.9; null where the driver is too old to say. */
  readonly computeCapability: number | null
}

/** What can compute here besides the processor. */
export interface Graphics {
  /** Whether the machine holds a graphics card of NVIDIA's at all, whatever drives it. */
  readonly hasNvidiaCard: boolean
  /** The version of NVIDIA's driver: `580.65.06`; null without one. */
  readonly nvidiaDriver: string | null
  /** Cards that the driver shows to this process. */
  readonly nvidiaCards: readonly NvidiaCard[]
  /** Whether programs find the driver's library libcuda.so.1; null where that is not known. */
  readonly hasCudaLibrary: boolean | null
  /** Whether AMD's driver for computing is loaded. */
  readonly hasAmdDriver: boolean
  /** Whether it is in a container. */
  readonly isContainer: boolean
}

/** Looks what this machine has. */
export function readGraphics(): Graphics {
  const listed = outputOf('nvidia-smi', [
    '--query-gpu=name,memory.total,driver_version,compute_cap',
    '--format=csv,noheader',
  ])
  const rows = (listed ?? '').split('\n').filter((line) => line.split(',').length === 4)
  const fields = rows.map((line) => line.split(',').map((field) => field.trim()))
  return {
    hasNvidiaCard: rows.length > 0 || pciDevices().some(({ vendor }) => vendor === NVIDIA_VENDOR),
    nvidiaDriver: fields[0]?.[2] ?? kernelModuleVersion(),
    nvidiaCards: fields.map(([name = '', memory = '', , capability = '']) => ({
      name,
      memory,
      computeCapability: /^\d+\.\d+$/.test(capability) ? Number(capability) : null,
    })),
    hasCudaLibrary: hasLibrary('libcuda.so.1'),
    hasAmdDriver: fs.existsSync('/dev/kfd'),
    isContainer: ['/.dockerenv', '/run/.containerenv'].some((file) => fs.existsSync(file)),
  }
}

/** What a plugin of XLA needs of NVIDIA's driver and card. */
export interface CudaNeeds {
  readonly device: Extract<DeviceKind, 'cuda12' | 'cuda13'>
  /** The oldest driver, https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/ (minor version compatibility). */
  readonly driver: string
  /** The oldest compute capability, https://docs.jax.dev/en/latest/installation.html. */
  readonly computeCapability: number
}

/** The newest first. */
export const cudaNeeds: readonly CudaNeeds[] = [
  { device: 'cuda13', driver: '580', computeCapability: 7.5 },
  { device: 'cuda12', driver: '525.60.13', computeCapability: 5.2 },
]

/** The newest CUDA for which the driver and every card are new enough; null for none. */
export function cudaFor({
  nvidiaDriver,
  nvidiaCards,
}: Pick<Graphics, 'nvidiaDriver' | 'nvidiaCards'>): CudaNeeds | null {
  if (nvidiaDriver === null) return null
  const fits = ({ driver, computeCapability }: CudaNeeds): boolean =>
    isAtLeast(nvidiaDriver, driver) &&
    nvidiaCards.every((card) => (card.computeCapability ?? Infinity) >= computeCapability)
  return cudaNeeds.find(fits) ?? null
}

/** The device that a plugin is most useful for here: what the driver offers, else the CPU. */
export function deviceFor(graphics: Graphics): DeviceKind {
  return cudaFor(graphics)?.device ?? (graphics.hasAmdDriver ? 'rocm' : 'cpu')
}

/** Whether a version such as 535.104.05 is another one or newer. */
export function isAtLeast(version: string, least: string): boolean {
  const [a, b] = [version, least].map((text) => text.split('.').map(Number)) as [number[], number[]]
  for (let i = 0; i < b.length; i++) if ((a[i] ?? 0) !== b[i]) return (a[i] ?? 0) > b[i]!
  return true
}

function kernelModuleVersion(): string | null {
  try {
    const text = fs.readFileSync('/proc/driver/nvidia/version', 'utf8')
    return /Kernel Module.*?\s(\d+\.\d+(?:\.\d+)?)\s/.exec(text)?.[1] ?? null
  } catch {
    return null
  }
}

/** Graphics cards on the bus; none where the system does not show it. */
function pciDevices(): { vendor: string }[] {
  const folder = '/sys/bus/pci/devices'
  const read = (device: string, name: string): string => {
    try {
      return fs.readFileSync(path.join(folder, device, name), 'utf8').trim()
    } catch {
      return ''
    }
  }
  if (!fs.existsSync(folder)) return []
  return fs
    .readdirSync(folder)
    .filter((device) => read(device, 'class').startsWith(DISPLAY_CLASS))
    .map((device) => ({ vendor: read(device, 'vendor') }))
}

function hasLibrary(name: string): boolean | null {
  const known = outputOf('ldconfig', ['-p']) ?? outputOf('/sbin/ldconfig', ['-p'])
  if (known === null) return null
  const folders = [
    ...(process.env.LD_LIBRARY_PATH ?? '').split(':').filter((folder) => folder !== ''),
    '/usr/lib/wsl/lib',
  ]
  return known.includes(name) || folders.some((folder) => fs.existsSync(path.join(folder, name)))
}

/** The output of a program, trimmed; null when there is no such program or it fails. */
function outputOf(program: string, args: readonly string[]): string | null {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: PROGRAM_TIMEOUT })
  return status === 0 ? stdout.trim() : null
}
