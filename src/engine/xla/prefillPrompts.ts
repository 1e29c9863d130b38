import type { ProgramModel } from '../../xla/programs/decoderLayer.js'
import { prefillProgram } from '../../xla/programs/prefill.js'
import type { CacheShape } from '../../xla/programs/samplingCache.js'
import type { DeviceArray, Executable } from '../../xla/runtime/runner.js'
import { rotaryTables } from './batchLayout.js'
import { countBucket, tokenBucket } from './buckets.js'
import { withScope } from './device.js'
import type { ArrayScope, Device } from './device.js'
import type { Rollout, RolloutCache } from './rollout.js'
import type { AdmittedGroup } from './rowSlots.js'
import { modelKey } from './sequencePrograms.js'
import type { Ranks } from './trained.js'

/** Computes the prompts of new groups, and puts their keys and values into the cache. */
export async function prefillPrompts(
  rollout: Rollout,
  cache: RolloutCache,
  admitted: readonly AdmittedGroup[],
  scope: ArrayScope,
): Promise<RolloutCache> {
  let { promptKeys, promptValues } = cache.arrays
  for (const batch of prefillBatches(admitted, rollout.prefillTokens, rollout.device.fewestTokens)) {
    const [keys, values] = await prefillBatch(rollout, cache.shape, [promptKeys, promptValues], batch)
    promptKeys = scope.own(keys!)
    promptValues = scope.own(values!)
  }
  return { ...cache, arrays: { ...cache.arrays, promptKeys, promptValues } }
}

/** The compiled program for so many prompts of so many tokens. */
export function compilePrefill(
  device: Device,
  model: ProgramModel,
  /** Of an adapter that is apart. */
  ranks: Ranks | null,
  cache: CacheShape,
  prompts: number,
  tokens: number,
): Promise<Executable> {
  return device.program(`prefill ${modelKey(model)} ${JSON.stringify([ranks, cache, prompts, tokens])}`, () =>
    prefillProgram(model, ranks, cache, prompts, tokens),
  )
}

async function prefillBatch(
  { device, model, weights }: Rollout,
  cache: CacheShape,
  stored: readonly DeviceArray[],
  batch: readonly AdmittedGroup[],
): Promise<DeviceArray[]> {
  const tokens = tokenBucket(longestPrompt(batch), device.fewestTokens)
  const count = countBucket(batch.length)
  const ids = new Int32Array(count * tokens)
  const slots = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    // What fills the batch up computes the last prompt once more, into the same slot.
    const { group, slot } = batch[Math.min(i, batch.length - 1)]!
    ids.set(group.promptIds.slice(0, -1), i * tokens)
    slots[i] = slot
  }
  const executable = await compilePrefill(device, model, weights.ranks, cache, count, tokens)
  const { cos, sin } = rotaryTables(model.config, tokens)
  const angles = { dtype: 'f32', shape: [tokens, model.config.headDim / 2] } as const
  return withScope(device, (scope) => {
    const inputs = [
      scope.upload(ids, { dtype: 'i32', shape: [count, tokens] }),
      scope.upload(slots, { dtype: 'i32', shape: [count] }),
      scope.upload(cos, angles),
      scope.upload(sin, angles),
    ]
    return Promise.resolve(device.execute(executable, [...weights.list, ...inputs, ...stored]))
  })
}

/** Cuts prompts into batches of at most so many tokens, those that fill places included. */
function prefillBatches(items: readonly AdmittedGroup[], maxTokens: number, fewest: number): AdmittedGroup[][] {
  const batches: AdmittedGroup[][] = []
  for (const item of items) {
    const longer = [...(batches.at(-1) ?? []), item]
    const fits = countBucket(longer.length) * tokenBucket(longestPrompt(longer), fewest) <= maxTokens
    if (longer.length > 1 && fits) batches[batches.length - 1] = longer
    else batches.push([item])
  }
  return batches
}

/** Tokens of the longest prompt, all but the last. */
function longestPrompt(batch: readonly AdmittedGroup[]): number {
  return batch.reduce((max, { group }) => Math.max(max, group.promptIds.length - 1), 0)
}
