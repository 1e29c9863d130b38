import assert from 'node:assert/strict'
import fc from 'fast-check'
import { selectEngine } from '../../../src/engine/registry.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { cacheBytesPerToken, cacheLayout, runSlots, SlotRanges } from '../../../src/engine/cpu/cacheSlots.js'
import type { CacheLayout } from '../../../src/engine/cpu/cacheSlots.js'
import { Scheduler } from '../../../src/engine/cpu/scheduler.js'
import { startSequences } from '../../../src/engine/sequence.js'
import type { Sequence } from '../../../src/engine/sequence.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'

describe('rollout/cacheSlots', () => {
  it('hands out runs that do not overlap and takes them back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean())), (wishes) => {
        const ranges = new SlotRanges(3, 40)
        const taken: { start: number; length: number }[] = []
        for (const [length, release] of wishes) {
          const start = ranges.take(length)
          if (start !== null) taken.push({ start, length })
          for (const [i, one] of taken.entries()) {
            assert.ok(one.start >= 3 && one.start + one.length <= 40)
            for (const other of taken.slice(i + 1)) {
              assert.ok(one.start + one.length <= other.start || other.start + other.length <= one.start)
            }
          }
          if (release && taken.length > 0) {
            const { start, length: released } = taken.splice(length % taken.length, 1)[0]!
            ranges.release(start, released)
          }
        }
        for (const { start, length } of taken) ranges.release(start, length)
        assert.equal(ranges.take(37), 3, 'everything is free and joined again')
      }),
    )
  })

  it('keeps within 1 GiB, with room for the longest prompt and one completion at least', async () => {
    await selectEngine('reference')
    const model = await loadModel(temporaryTinyModel())
    const wide = { ...model.config, numLayers: 30, numKeyValueHeads: 3, headDim: 64 }
    model.dispose()
    const perToken = cacheBytesPerToken(wide)
    assert.equal(perToken, 46080)
    const slots = ({ promptSlots, rows, rowSlots }: CacheLayout): number => promptSlots + rows * rowSlots
    for (const [prompts, length, generations, tokens] of [
      [8, 73, 8, 64],
      [64, 300, 8, 512],
      [1, 9000, 64, 2048],
      [500, 40, 1, 200],
    ] as const) {
      const layout = cacheLayout(wide, new Array<number>(prompts).fill(length), generations, tokens)
      assert.ok(slots(layout) * perToken <= 2 ** 30, `${prompts} prompts: ${slots(layout)} slots`)
      assert.ok(layout.promptSlots >= length && layout.rows >= 1)
      assert.deepEqual([layout.promptSlots % 16, layout.rowSlots % 16], [0, 0])
    }
    const tooLong = cacheLayout(wide, [30000], 4, 8)
    assert.deepEqual(tooLong, { promptSlots: 30000, rows: 1, rowSlots: 16 })
    assert.deepEqual(cacheLayout(wide, [], 4, 8), { promptSlots: 0, rows: 1, rowSlots: 16 })
  })
})

/** Lets sequences end when they have as many tokens as `lengths` says; returns the sizes of the steps. */
function run(groups: readonly Sequence[][], layout: CacheLayout, lengths: Map<Sequence, number>): number[] {
  const scheduler = new Scheduler(groups, layout)
  const sizes: number[] = []
  /** The token that a slot holds: its sequence's prompt and place. */
  const held = new Map<number, string>()
  for (let step = scheduler.next(); step; step = scheduler.next()) {
    sizes.push(step.sequences.length)
    assert.ok(step.sequences.length <= layout.rows)
    const { batch, rows } = step
    const written = [...batch.slots!]
    assert.equal(new Set(written).size, written.length, 'a slot is written once')
    for (const [i, slot] of written.entries()) {
      assert.ok(slot < layout.promptSlots + layout.rows * layout.rowSlots)
      held.set(slot, `${batch.tokenIds[i]}@${batch.positions[i]}`)
    }
    for (const { from, to, length } of batch.slotCopies!) {
      for (let i = 0; i < length; i++) held.set(to + i, held.get(from + i)!)
    }
    for (const [i, sequence] of step.sequences.entries()) {
      const row = rows[i]!
      const segment = batch.segments.find(
        ({ queryStart, queryLength }) => row >= queryStart && row < queryStart + queryLength,
      )!
      assert.equal(row, segment.queryStart + segment.queryLength - 1)
      const { prefixStart, prefixLength, keyStart, keyLength } = segment
      const seen = [
        ...Array.from({ length: prefixLength }, (_, key) => held.get(prefixStart + key)),
        ...Array.from({ length: keyLength }, (_, key) => held.get(keyStart + key)),
      ]
      const history = sequence.history().map((id, position) => `${id}@${position}`)
      assert.deepEqual(seen, history, 'a sequence sees its own tokens')
      assert.deepEqual([prefixStart % 16, keyStart % 16], [0, 0], 'runs begin with a panel of keys')
      const id = 1000 + sizes.length
      sequence.append(id, 0, 0)
      if (sequence.ids.length >= lengths.get(sequence)!) sequence.finishReason = 'stop'
    }
  }
  return sizes
}

describe('rollout/scheduler', () => {
  it('shows each sequence its own prompt and tokens, whatever starts and ends when', async () => {
    await selectEngine('reference')
    const model = await loadModel(temporaryTinyModel())
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 9 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
        fc.integer({ min: 0, max: 12 }),
        (prompts, numGenerations, maxCompletionLength, rows, ends, alike) => {
          const ids = prompts.map((length, p) => Array.from({ length }, (_, i) => (i < alike ? i : 20 * p + i)))
          const groups = startSequences(model, ids, { maxCompletionLength, numGenerations })
          const lengths = new Map(
            groups.flat().map((sequence, i) => [sequence, Math.min(maxCompletionLength, ends[i % ends.length]!)]),
          )
          const promptSlots = runSlots(Math.max(0, ...prompts)) + 32
          run(groups, { promptSlots, rows, rowSlots: runSlots(maxCompletionLength - 1) }, lengths)
          for (const [sequence, length] of lengths) assert.equal(sequence.ids.length, length)
        },
      ),
    )
    model.dispose()
  })

  it('fills the place of a sequence that has ended at once', async () => {
    await selectEngine('reference')
    const model = await loadModel(temporaryTinyModel())
    const groups = startSequences(model, [[1], [2], [3], [4]], { maxCompletionLength: 6 })
    const lengths = new Map(groups.flat().map((sequence, i) => [sequence, [6, 2, 2, 2][i]!]))
    assert.deepEqual(run(groups, { promptSlots: 64, rows: 2, rowSlots: 16 }, lengths), [2, 2, 2, 2, 2, 2])
    model.dispose()
  })
})
