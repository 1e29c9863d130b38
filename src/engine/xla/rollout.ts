import type { ProgramModel } from '../../xla/programs/decoderLayer.js'
import { angleType } from '../../xla/programs/decode.js'
import { growProgram } from '../../xla/programs/growCache.js'
import { mapValues } from '../../xla/programs/mapValues.js'
import { cacheTypes } from '../../xla/programs/samplingCache.js'
import type { CacheArrays, CacheShape } from '../../xla/programs/samplingCache.js'
import type { DeviceArray } from '../../xla/runtime/runner.js'
import { hostArray } from '../../xla/types.js'
import type { SamplingOptions } from '../sampling.js'
import { rotaryTables } from './batchLayout.js'
import { tokenBucket } from './buckets.js'
import type { ArrayScope, Device } from './device.js'
import type { SamplingWeights } from './samplingDecoder.js'
import { modelKey } from './sequencePrograms.js'

/** What completions are sampled with. */
export interface Rollout {
  readonly device: Device
  readonly model: ProgramModel
  readonly weights: SamplingWeights
  readonly eosTokenIds: readonly number[]
  readonly options: SamplingOptions
  /** Prompt tokens that are computed together. */
  readonly prefillTokens: number
  /** Throws an EngineError when the model was disposed meanwhile. */
  readonly assertUsable: () => void
}

/** Keys and values while completions are sampled. */
export interface RolloutCache {
  readonly shape: CacheShape
  readonly arrays: CacheArrays<DeviceArray>
  /** Cosines and sines of all places, [positions, headDim / 2]. */
  readonly angles: readonly [cos: DeviceArray, sin: DeviceArray]
}

/** Places for the own tokens of a row at first: attention reads all that there are, so that there are no more than needed. */
const FIRST_TOKENS = 512

/** The shape that a cache starts with, of the one that it has at its largest. */
export function firstShape(largest: CacheShape): CacheShape {
  return { ...largest, tokens: Math.min(largest.tokens, FIRST_TOKENS) }
}

/** An empty cache, on the device until the scope ends. */
export function emptyCache({ model }: Rollout, shape: CacheShape, scope: ArrayScope): RolloutCache {
  const types = cacheTypes(model.config, model.weightType, shape)
  const arrays = mapValues({ ...types }, (type) => scope.upload(hostArray(type), type))
  return { shape, arrays, angles: uploadAngles(model, shape, scope) }
}

function uploadAngles(model: ProgramModel, shape: CacheShape, scope: ArrayScope): RolloutCache['angles'] {
  const type = angleType(model, shape)
  const { cos, sin } = rotaryTables(model.config, type.shape[0]!)
  return [scope.upload(cos, type), scope.upload(sin, type)]
}

/** The cache with places for so many tokens of each row: itself where it has them. */
export async function grownCache(
  { device, model }: Rollout,
  cache: RolloutCache,
  tokens: number,
  scope: ArrayScope,
): Promise<RolloutCache> {
  if (tokens <= cache.shape.tokens) return cache
  const shape = { ...cache.shape, tokens: tokenBucket(tokens, device.fewestTokens) }
  const executable = await device.program(`grow ${modelKey(model)} ${JSON.stringify([cache.shape, shape])}`, () =>
    growProgram(model, cache.shape, shape),
  )
  const { keys, values } = cache.arrays
  const [grownKeys, grownValues] = device.execute(executable, [keys, values]).map((array) => scope.own(array))
  device.free(keys, values, ...cache.angles)
  const arrays = { ...cache.arrays, keys: grownKeys!, values: grownValues! }
  return { shape, arrays, angles: uploadAngles(model, shape, scope) }
}
