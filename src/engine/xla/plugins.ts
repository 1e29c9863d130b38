import fs from 'node:fs'
import { ConfigError, EngineError, UnsupportedError } from '../../errors.js'
import type { DeviceKind } from '../../xla/devices.js'
import { findPlugin } from '../../xla/setup/installed.js'
import type { InstalledPlugin } from '../../xla/setup/installed.js'

/** Devices in the order in which they are tried: cards first, the CPU last. */
const PREFERRED: readonly DeviceKind[] = ['cuda13', 'cuda12', 'rocm', 'tpu', 'cpu']

/** Of NVIDIA's driver; of Windows' where Linux runs in it (WSL 2); of boards such as Jetson. */
const NVIDIA_FILES = ['/dev/nvidiactl', '/dev/nvidia0', '/dev/dxg', '/dev/nvhost-ctrl', '/dev/nvmap']

/** Files of which a system shows one where it has such a device. */
const DEVICE_FILES: Readonly<Partial<Record<DeviceKind, readonly string[]>>> = {
  cuda12: NVIDIA_FILES,
  cuda13: NVIDIA_FILES,
  rocm: ['/dev/kfd'],
  tpu: ['/dev/accel0', '/dev/vfio/0'],
}

/** The plugins to try one after the other, and why not others that are installed. */
export interface PluginChoice {
  readonly plugins: readonly InstalledPlugin[]
  readonly passedOver: readonly string[]
}

/**
 * The installed plugin of a device, or those of all devices that the system shows: the plugins for CUDA write to the terminal where
 * there is no card, and the one for TPUs waits for minutes. One that GRPO_TS_XLA_PLUGIN names stands for all devices.
 * @throws UnsupportedError when no plugin of the device runs here, ConfigError when GRPO_TS_XLA_PLUGIN names no file
 */
export function choosePlugins(device: DeviceKind | 'auto', isAutomatic: boolean): PluginChoice {
  const kinds = device === 'auto' ? PREFERRED : [device]
  const plugins = new Map<string, InstalledPlugin>()
  const passedOver: string[] = []
  for (const kind of kinds) {
    const plugin = find(kind, device === 'auto', isAutomatic)
    if (!plugin) continue
    const files = DEVICE_FILES[kind]
    const isShown = files === undefined || files.some((file) => fs.existsSync(file))
    if (device !== 'auto' || plugin.device === null || isShown) plugins.set(plugin.file, plugin)
    else
      passedOver.push(
        `the plugin for ${kind} is passed over, since the system shows no such device (${files.join(', ')})`,
      )
  }
  return { plugins: [...plugins.values()], passedOver }
}

function find(kind: DeviceKind, isOneOfMany: boolean, isAutomatic: boolean): InstalledPlugin | null {
  try {
    return findPlugin(kind)
  } catch (error) {
    // Of several kinds some may have no plugin for this system.
    if (error instanceof UnsupportedError && isOneOfMany) return null
    if (error instanceof ConfigError && isAutomatic) throw new EngineError(error.message, { cause: error })
    throw error
  }
}
