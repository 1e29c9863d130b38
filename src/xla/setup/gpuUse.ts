/** Whether a GPU can be used, and if not, why and what to do: sentences made of facts alone. */
import { gigabytes } from '../../io/units.js'
import { cudaFor, cudaNeeds, isAtLeast } from './graphics.js'
import type { Graphics } from './graphics.js'
import type { InstalledPlugin } from './installed.js'
import { pluginReleases } from './wheels.js'
import type { DeviceKind } from '../devices.js'

/** What decides whether a GPU can be used. */
export interface GpuFacts {
  readonly graphics: Graphics
  readonly plugins: readonly InstalledPlugin[]
  /** Why the addon that loads plugins cannot be loaded; null when it can. */
  readonly addonProblem: string | null
  readonly platform: NodeJS.Platform
  readonly architecture: NodeJS.Architecture
  /** CUDA_VISIBLE_DEVICES; null when it is not set. */
  readonly visibleDevices: string | null
}

/** What the GPU can be used by, or why it cannot. */
export interface GpuUse {
  /** Null when no GPU can be used. */
  readonly device: DeviceKind | null
  /** A sentence, with what to do where something is missing. */
  readonly finding: string
}

const [newest, oldest] = [cudaNeeds[0]!, cudaNeeds.at(-1)!]

/** The cards that NVIDIA's driver shows, with its version and the CUDA that it allows; null for none. */
export function describeCards({ nvidiaCards, nvidiaDriver }: Graphics): string | null {
  if (nvidiaCards.length === 0 || nvidiaDriver === null) return null
  const cards = nvidiaCards.map(({ name, memory, computeCapability }) => {
    return `${name} with ${memory}${computeCapability === null ? '' : `, compute capability ${computeCapability.toFixed(1)}`}`
  })
  const allowed = cudaNeeds.find(({ driver }) => isAtLeast(nvidiaDriver, driver))
  const cuda = allowed === undefined ? 'no CUDA 12' : `CUDA ${allowed.device.slice('cuda'.length)}`
  return `${cards.join('; ')}; driver ${nvidiaDriver}, which allows ${cuda}`
}

/** Whether a GPU can be used by the engine xla: the first thing that stands in the way is named. */
export function gpuUse(facts: GpuFacts): GpuUse {
  const { graphics, plugins, addonProblem, platform } = facts
  const cannot = (finding: string): GpuUse => ({ device: null, finding })
  if (platform !== 'linux') {
    return cannot('GPUs are used on Linux only (on Windows: in WSL 2), since there are plugins of XLA for nothing else')
  }
  const obstacle = nvidiaObstacle(facts)
  if (obstacle !== null && !graphics.hasAmdDriver) return cannot(obstacle)
  const fitting: readonly DeviceKind[] = obstacle === null ? devicesOf(graphics) : ['rocm']
  const plugin = plugins.find(({ device }) => device === null || fitting.includes(device))
  if (!plugin) return cannot(`not used: ${toFetch(fitting[0]!, facts)}`)
  if (addonProblem !== null) return cannot(`not used: ${addonProblem}`)
  return {
    device: plugin.device ?? fitting[0]!,
    finding: `can be used by ${plugin.name} ${plugin.version ?? ''}`.trimEnd(),
  }
}

/** The kinds of CUDA for which driver and cards are new enough, the newest first. */
function devicesOf({ nvidiaDriver, nvidiaCards }: Graphics): DeviceKind[] {
  const best = cudaFor({ nvidiaDriver, nvidiaCards })
  return best === null ? [] : cudaNeeds.slice(cudaNeeds.indexOf(best)).map(({ device }) => device)
}

/** Why CUDA cannot be used, whatever is installed; null when it can. */
function nvidiaObstacle({ graphics, visibleDevices }: GpuFacts): string | null {
  const { hasNvidiaCard, nvidiaDriver, nvidiaCards, isContainer, hasCudaLibrary } = graphics
  const toContainer = 'start the container with --gpus all, where the NVIDIA Container Toolkit is installed on the host'
  if (nvidiaDriver === null) {
    if (!hasNvidiaCard) return `none found${isContainer ? `; if the host has one: ${toContainer}` : ''}`
    const missing = "there is a card by NVIDIA, but NVIDIA's driver is not loaded"
    return isContainer
      ? `not used: ${missing} here; ${toContainer}`
      : `not used: ${missing}; install driver ${newest.driver} or newer (${oldest.driver} does for CUDA 12) and restart`
  }
  if (!isAtLeast(nvidiaDriver, oldest.driver)) {
    return `not used: driver ${nvidiaDriver} is too old for CUDA 12, which needs ${oldest.driver}; install ${newest.driver} or newer`
  }
  if (nvidiaCards.length === 0) {
    return isContainer
      ? `not used: driver ${nvidiaDriver} is loaded, but shows no card in this container; ${toContainer}`
      : `not used: driver ${nvidiaDriver} is loaded, but nvidia-smi shows no card; run nvidia-smi to see why (after an update of the driver: restart)`
  }
  const tooOld = nvidiaCards.find(({ computeCapability }) => (computeCapability ?? Infinity) < oldest.computeCapability)
  if (tooOld) {
    return `not used: ${tooOld.name} has compute capability ${tooOld.computeCapability!.toFixed(1)}; XLA needs ${oldest.computeCapability} (Maxwell of 2014) or newer`
  }
  if (visibleDevices !== null && /^\s*(-1)?\s*$/.test(visibleDevices)) {
    return `not used: CUDA_VISIBLE_DEVICES is '${visibleDevices}', which hides every card; unset it`
  }
  if (hasCudaLibrary === false) {
    return isContainer
      ? "not used: the driver's library libcuda.so.1 is not in this container; start it with -e NVIDIA_DRIVER_CAPABILITIES=compute,utility"
      : "not used: the driver's library libcuda.so.1 is not found; install the driver's package for computing (Debian: libcuda1, Ubuntu: libnvidia-compute)"
  }
  return null
}

/** How to get the plugin, and that another one is there that does not help. */
function toFetch(device: DeviceKind, { plugins, architecture }: GpuFacts): string {
  const release = pluginReleases.find((known) => known.device === device)
  const wheels = release?.wheels[architecture]
  if (!wheels) return `there is no plugin of XLA for ${device} on ${architecture}`
  const others = plugins
    .filter((plugin) => plugin.device !== null && plugin.device !== 'cpu')
    .map((plugin) => plugin.device)
  const instead = others.length === 0 ? '' : ` (${others.join(' and ')} is, which driver or card are too old for)`
  const bytes = wheels.reduce((sum, wheel) => sum + wheel.bytes, 0)
  return `XLA's plugin for ${device} is not installed${instead}; fetch it (${gigabytes(bytes)}): grpo-ts setup xla --device ${device}`
}
