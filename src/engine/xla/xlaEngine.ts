import path from 'node:path'
import { EngineError } from '../../errors.js'
import { cacheFolder } from '../../io/cacheFolder.js'
import type { ModelWeights } from '../../model/weights/modelWeights.js'
import type { FloatType } from '../../xla/programs/decoderArrays.js'
import { openPjrt } from '../../xla/runtime/pjrt.js'
import type { Runner } from '../../xla/runtime/runner.js'
import { missingPlugin } from '../../xla/setup/installed.js'
import type { InstalledPlugin } from '../../xla/setup/installed.js'
import { availableMemory } from '../availableMemory.js'
import type { Engine, EngineInfo, EngineModel, EngineOptions, MemoryUse, ModelSource, Precision } from '../engine.js'
import { budgetsOf } from './budgets.js'
import { Device } from './device.js'
import { loadWeights } from './deviceWeights.js'
import { choosePlugins } from './plugins.js'
import { XlaModel } from './xlaModel.js'

/** Differences in float32 are rounding, some 1e-5 nats; above this it is a defect. */
const SAMPLING_TOLERANCE = 0.01

/** What 8 and 11 bits of mantissa make of the log-probabilities of sampling and training: docs/engines.md says how it was measured. */
const EXPECTED_DIFFERENCE = {
  bfloat16: { mean: 0.1, max: 4 },
  float16: { mean: 0.02, max: 0.5 },
} as const

const WEIGHT_TYPES: Readonly<Record<Precision, FloatType>> = { float32: 'f32', bfloat16: 'bf16', float16: 'f16' }

/**
 * Starts XLA on the first device of those that were asked for that has a plugin and works. Where nobody asked for it, that is a card:
 * on a CPU the cpu engine samples faster. Throws an EngineError with the reasons of all.
 */
export async function startXlaEngine(
  { device = 'auto', precision = 'auto', onCompile }: EngineOptions = {},
  isAutomatic = false,
): Promise<Engine> {
  const { plugins, passedOver } = choosePlugins(device, isAutomatic)
  const problems = [...passedOver]
  for (const plugin of plugins) {
    if (isAutomatic && plugin.device === 'cpu') continue
    try {
      const runner = await openPlugin(plugin, onCompile)
      if (!isAutomatic || runner.info.platform !== 'cpu') return xlaEngine(runner, { precision, problems })
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

function openPlugin({ file, libraries }: InstalledPlugin, onCompile: EngineOptions['onCompile']): Promise<Runner> {
  return openPjrt({ file, libraries, cacheFolder: path.join(cacheFolder(), 'programs'), onCompile })
}

/** How an engine over a runner is made. */
export interface XlaOptions {
  /** Defaults to auto: what is fastest on the device where it is exact enough. */
  readonly precision?: Precision | 'auto'
  /** Defaults to xla. */
  readonly name?: string
  /** Why devices before this one were not taken. Defaults to none. */
  readonly problems?: readonly string[]
}

/** The engine over anything that runs programs. */
export function xlaEngine(
  runner: Runner,
  { precision = 'auto', name = 'xla', problems = [] }: XlaOptions = {},
): Engine {
  return new XlaEngine(new Device(runner), precision === 'auto' ? precisionOf(runner) : precision, name, problems)
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
    problems: readonly string[],
  ) {
    const { platform, device: described, compiler } = device.runner.info
    const limit = device.runner.memory()?.limit ?? null
    this.info = {
      name,
      description: `XLA on ${described}, ${precision} (${[compiler, ...problems].join('; ')})`,
      device: platform,
      precision,
      // Which rows are computed together decides the sizes of a program, and these the order of sums.
      isBatchInvariant: false,
      isCompiled: true,
      keepsQuantized: true,
      samplingTolerance: precision === 'float32' ? SAMPLING_TOLERANCE : null,
      expectedDifference: precision === 'float32' ? null : EXPECTED_DIFFERENCE[precision],
      tensorLimit: limit ?? availableMemory(),
      outsideFrom: Infinity,
      limitReason: null,
      budgets: budgetsOf(platform === 'cpu' ? null : limit),
    }
  }

  load(source: ModelSource, weights: ModelWeights): Promise<EngineModel> {
    // Reading a file and copying it waits for nothing; what fails rejects all the same.
    return new Promise((resolve) => {
      const { device } = this
      const weightType = WEIGHT_TYPES[source.dtype === 'float32' ? 'float32' : this.info.precision]
      const { decoder, formats } = loadWeights(device, source, weights, weightType)
      const model = { config: source.config, weightType, formats }
      resolve(new XlaModel({ device, source, model, decoder, budgets: this.info.budgets }))
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
