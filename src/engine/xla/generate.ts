import { setImmediate } from 'node:timers/promises'
import type { Completion } from '../sampling.js'
import type { CacheShape } from '../../xla/programs/samplingCache.js'
import { startSequences } from '../sequence.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { TokenIds } from '../engine.js'
import { decodeSteps, nextSteps } from './decodeSteps.js'
import { withScope } from './device.js'
import { prefillPrompts } from './prefillPrompts.js'
import { emptyCache, firstShape, grownCache } from './rollout.js'
import type { Rollout } from './rollout.js'
import { GroupSlots, sequenceGroups } from './rowSlots.js'

/**
 * Samples completions of each prompt in fixed slots: many tokens a call, and where all completions of a slot have ended, the next ones
 * that wait take it between two calls.
 */
export async function generateCompletions(
  rollout: Rollout,
  /** Of the cache at its largest. */
  shape: CacheShape,
  tokenizer: Tokenizer | null,
  prompts: readonly TokenIds[],
): Promise<Completion[][]> {
  const { device, eosTokenIds, options } = rollout
  const sequences = startSequences({ tokenizer, eosTokenIds }, prompts, options)
  const slots = new GroupSlots(sequenceGroups(sequences, shape.rows), shape.groups, shape.rows)
  await withScope(device, async (scope) => {
    let tokens = 0
    let ended = 0
    let cache = emptyCache(rollout, firstShape(shape), scope)
    for (;;) {
      options.signal?.throwIfAborted()
      rollout.assertUsable()
      cache = await prefillPrompts(rollout, cache, slots.admit(), scope)
      if (slots.active().every((row) => row === null)) return
      cache = await grownCache(rollout, cache, slots.longest + nextSteps(slots, options), scope)
      const sampled = await decodeSteps(rollout, cache, slots, scope)
      cache = sampled.cache
      tokens += sampled.tokens
      ended += sampled.ended
      options.onProgress?.(tokens, ended)
      // A plugin for the CPU may compute while it is called: timers and Ctrl-C have their turn between calls.
      await setImmediate()
    }
  })
  return sequences.map((group) => group.map((sequence) => sequence.completion()))
}
