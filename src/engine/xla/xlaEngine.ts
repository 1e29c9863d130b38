import { EngineError } from '../../errors.js'
import { deviceKinds } from '../../xla/devices.js'
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
  bfloat16: { mean: 0.03, max: 0.5 },
  float16: { mean: 0.01, max: 0.2 },
} as const

const WEIGHT_TYPES: Readonly<Record<Precision, FloatType>> = { float32: 'f32', bfloat16: 'bf16', float16: 'f16' }

/** Starts XLA on the first device of those that were asked for that has a plugin and works. Throws an EngineError with the reasons of all. */
export async function startXlaEngine(
  { device = 'auto', precision = 'auto' }: EngineOptions = {},
  isAutomatic = false,
): Promise<Engine> {
  const wanted: readonly DeviceKind[] = device === 'auto' ? [...deviceKinds].sort(byPreference) : [device]
  const problems: string[] = []
  for (const kind of wanted) {
    const plugin = findPlugin(kind)
    if (!plugin) {
      problems.push(missingPlugin(kind))
      continue
    }
    // Where nobody asked for it, XLA is for cards only: the cpu engine samples faster on a CPU.
    if (isAutomatic && kind === 'cpu') continue
    try {
      const runner = await open(plugin)
      if (isAutomatic && runner.info.platform === 'cpu') {
        runner.dispose()
        throw new EngineError(`${plugin.name} computes on the CPU, where the cpu engine samples faster`)
      }
      return xlaEngine(runner, precision)
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      problems.push(error.message)
    }
  }
  throw new EngineError(
    isAutomatic && problems.length === 0 ? 'no plugin of XLA for a GPU is installed' : problems.join('; '),
  )
}

/** Cards first, the CPU last. */
function byPreference(a: DeviceKind, b: DeviceKind): number {
  const order: readonly DeviceKind[] = ['cuda13', 'cuda12', 'rocm', 'tpu', 'cpu']
  return order.indexOf(a) - order.indexOf(b)
}

function open(plugin: InstalledPlugin): Promise<Runner> {
  return openPjrt({ file: plugin.file })
}

/** The engine over anything that runs programs. */
export function xlaEngine(runner: Runner, precision: Precision | 'auto' = 'auto', name = 'xla'): Engine {
  return new XlaEngine(new Device(runner), precisionOf(runner, precision), name)
}

/** On CPUs float32; on cards bfloat16. */
function precisionOf({ info }: Runner, precision: Precision | 'auto'): Precision {
  if (precision !== 'auto') return precision
  return info.platform === 'cpu' ? 'float32' : 'bfloat16'
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
