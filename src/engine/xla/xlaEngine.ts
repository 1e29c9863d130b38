import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, EngineError, UnsupportedError } from '../../errors.js'
import { cacheFolder } from '../../io/cacheFolder.js'
import type { DeviceKind } from '../../xla/devices.js'
import type { FloatType } from '../../xla/programs/decoderArrays.js'
import { openPjrt } from '../../xla/runtime/pjrt.js'
import type { Runner } from '../../xla/runtime/runner.js'
import { findPlugin, missingPlugin } from '../../xla/setup/installed.js'
import type { InstalledPlugin } from '../../xla/setup/installed.js'
import { availableMemory } from '../availableMemory.js'
import type { Engine, EngineInfo, EngineModel, EngineOptions, MemoryUse, ModelSource, Precision } from '../engine.js'
import { budgetsOf } from './budgets.js'
import { Device } from './device.js'
import { loadWeights } from './deviceWeights.js'
import { XlaModel } from './xlaModel.js'

/** Differences in float32 are rounding, some 1e-5 nats; above this it is a defect. */
const SAMPLING_TOLERANCE = 0.01

/** What 8 and 11 bits of mantissa make of the log-probabilities of sampling and training: docs/engines.md says how it was measured. */
const EXPECTED_DIFFERENCE = {
  bfloat16: { mean: 0.1, max: 4 },
  float16: { mean: 0.02, max: 0.5 },
} as const

const WEIGHT_TYPES: Readonly<Record<Precision, FloatType>> = { float32: 'f32', bfloat16: 'bf16', float16: 'f16' }

/** Devices in the order in which they are tried: cards first, the CPU last. */
const PREFERRED: readonly DeviceKind[] = ['cuda13', 'cuda12', 'rocm', 'tpu', 'cpu']

/**
 * Starts XLA on the first device of those that were asked for that has a plugin and works. Where nobody asked for it, that is a card:
 * on a CPU the cpu engine samples faster. Throws an EngineError with the reasons of all.
 */
export async function startXlaEngine(
  { device = 'auto', precision = 'auto', onCompile }: EngineOptions = {},
  isAutomatic = false,
): Promise<Engine> {
  // The plugin for TPUs waits for minutes where there is none.
  const wanted = device === 'auto' ? PREFERRED.filter((kind) => kind !== 'tpu' || hasTpu()) : [device]
  const problems: string[] = []
  for (const plugin of listPlugins(wanted, isAutomatic)) {
    if (isAutomatic && plugin.device === 'cpu') continue
    try {
      const runner = await openPlugin(plugin, onCompile)
      if (!isAutomatic || runner.info.platform !== 'cpu') return xlaEngine(runner, precision)
      runner.dispose()
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      problems.push(error.message)
    }
  }
  if (problems.length > 0) throw new EngineError(problems.join('; '))
  if (isAutomatic) throw new EngineError('there is no plugin of XLA for a GPU: grpo-ts setup xla')
  if (device === 'auto') throw new EngineError('no plugin of XLA is installed; fetch one with: grpo-ts setup xla')
  throw new EngineError(missingPlugin(device))
}

/** Whether the system shows a TPU. */
function hasTpu(): boolean {
  return ['/dev/accel0', '/dev/vfio/0'].some((file) => fs.existsSync(file))
}

/** The plugins of some kinds of devices, each once: one that an environment variable names stands for all of them. */
function listPlugins(kinds: readonly DeviceKind[], isAutomatic: boolean): InstalledPlugin[] {
  const plugins = new Map<string, InstalledPlugin>()
  for (const kind of kinds) {
    try {
      const plugin = findPlugin(kind)
      if (plugin) plugins.set(plugin.file, plugin)
    } catch (error) {
      // Of several kinds some may have no plugin for this system.
      if (error instanceof UnsupportedError && kinds.length > 1) continue
      if (error instanceof ConfigError && isAutomatic) throw new EngineError(error.message, { cause: error })
      throw error
    }
  }
  return [...plugins.values()]
}

/** Of a card's memory nearly all, taken as it is needed: XLA itself takes three quarters of it at once. */
const CLIENT = { memoryFraction: 0.9, preallocate: false }

function openPlugin({ file, libraries }: InstalledPlugin, onCompile: EngineOptions['onCompile']): Promise<Runner> {
  return openPjrt({ file, libraries, client: CLIENT, cacheFolder: path.join(cacheFolder(), 'programs'), onCompile })
}

/** The engine over anything that runs programs. */
export function xlaEngine(runner: Runner, precision: Precision | 'auto' = 'auto', name = 'xla'): Engine {
  return new XlaEngine(new Device(runner), precision === 'auto' ? precisionOf(runner) : precision, name)
}

/** Cards of NVIDIA multiply bfloat16 from this compute capability on (Ampere); those before it float16. */
const BFLOAT16_CAPABILITY = 8

/** What is fastest where it is exact enough: on CPUs float32, on cards what they multiply fast. */
function precisionOf({ info: { platform, computeCapability } }: Runner): Precision {
  if (platform === 'cpu') return 'float32'
  return computeCapability !== undefined && computeCapability < BFLOAT16_CAPABILITY ? 'float16' : 'bfloat16'
}

class XlaEngine implements Engine {
  readonly info: EngineInfo

  constructor(
    private readonly device: Device,
    precision: Precision,
    name: string,
  ) {
    const { platform, device: described, compiler } = device.runner.info
    const limit = device.runner.memory()?.limit ?? null
    this.info = {
      name,
      description: `XLA on ${described}, ${precision} (${compiler})`,
      device: platform,
      precision,
      // Which rows are computed together decides the sizes of a program, and these the order of sums.
      isBatchInvariant: false,
      isCompiled: true,
      samplingTolerance: precision === 'float32' ? SAMPLING_TOLERANCE : null,
      expectedDifference: precision === 'float32' ? null : EXPECTED_DIFFERENCE[precision],
      tensorLimit: limit ?? availableMemory(),
      budgets: budgetsOf(platform === 'cpu' ? null : limit),
    }
  }

  load(source: ModelSource): Promise<EngineModel> {
    // Reading a file and copying it waits for nothing; what fails rejects all the same.
    return new Promise((resolve) => {
      const { device } = this
      const { config, folder } = source
      const weightType = WEIGHT_TYPES[source.dtype === 'float32' ? 'float32' : this.info.precision]
      const decoder = loadWeights(device, config, folder, weightType)
      resolve(new XlaModel({ device, source, model: { config, weightType }, decoder, budgets: this.info.budgets }))
    })
  }

  memory(): MemoryUse {
    return this.device.memory()
  }

  dispose(): Promise<void> {
    this.device.runner.dispose()
    return Promise.resolve()
  }
}
