import type { DecoderArrays } from '../../xla/programs/decoderArrays.js'
import type { ProgramModel } from '../../xla/programs/decoderLayer.js'
import { mapValues } from '../../xla/programs/mapValues.js'
import { cacheTypes } from '../../xla/programs/samplingCache.js'
import type { CacheArrays, CacheShape } from '../../xla/programs/samplingCache.js'
import type { DeviceArray } from '../../xla/runtime/runner.js'
import { hostArray } from '../../xla/types.js'
import type { SamplingOptions } from '../sampling.js'
import type { ArrayScope, Device } from './device.js'

/** What completions are sampled with. */
export interface Rollout {
  readonly device: Device
  readonly model: ProgramModel
  /** With the adapter merged. */
  readonly decoder: DecoderArrays<DeviceArray>
  readonly cache: CacheShape
  readonly eosTokenIds: readonly number[]
  readonly options: SamplingOptions
  /** Prompt tokens that are computed together. */
  readonly prefillTokens: number
}

/** An empty cache, on the device until the scope ends. */
export function emptyCache({ device, model, cache }: Rollout, scope: ArrayScope): CacheArrays<DeviceArray> {
  const types = cacheTypes(model.config, model.weightType, cache)
  return mapValues({ ...types }, (type) => scope.own(device.upload(hostArray(type), type)))
}
