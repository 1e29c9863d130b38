import { setImmediate } from 'node:timers/promises'
import type { Completion } from '../sampling.js'
import { startSequences } from '../sequence.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { TokenIds } from '../engine.js'
import { decodeProgramOf, decodeSteps } from './decodeSteps.js'
import { withScope } from './device.js'
import { prefillPrompts } from './prefillPrompts.js'
import { emptyCache } from './rollout.js'
import type { Rollout } from './rollout.js'
import { GroupSlots, sequenceGroups } from './rowSlots.js'

/**
 * Samples completions of each prompt in fixed slots: many tokens a call, and where all completions of a slot have ended, the next ones
 * that wait take it between two calls.
 */
export async function generateCompletions(
  rollout: Rollout,
  tokenizer: Tokenizer | null,
  prompts: readonly TokenIds[],
): Promise<Completion[][]> {
  const { device, cache, model, eosTokenIds, options } = rollout
  const sequences = startSequences({ tokenizer, eosTokenIds }, prompts, options)
  const slots = new GroupSlots(sequenceGroups(sequences, cache.rows), cache.groups, cache.rows)
  const program = decodeProgramOf(model, cache, eosTokenIds, options)
  await withScope(device, async (scope) => {
    let tokens = 0
    let ended = 0
    let stored = emptyCache(rollout, scope)
    for (;;) {
      stored = await prefillPrompts(rollout, stored, slots.admit(), scope)
      if (slots.active().every((row) => row === null)) return
      const sampled = await decodeSteps(rollout, program, stored, slots, scope)
      stored = sampled.cache
      tokens += sampled.tokens
      ended += sampled.ended
      options.onProgress?.(tokens, ended)
      // A plugin for the CPU may compute while it is called: timers and Ctrl-C have their turn between calls.
      await setImmediate()
      options.signal?.throwIfAborted()
    }
  })
  return sequences.map((group) => group.map((sequence) => sequence.completion()))
}
