import assert from 'node:assert/strict'
import { barrierMilliseconds, predictStep } from '../../bench/coreModel.js'
import { measureBarrier, measureCutSteps } from '../../bench/sharing.js'
import { modelFolders, prepareWorkload, workloads } from '../../bench/workloads.js'
import { currentRuntime } from '../../src/backend/cpu/backend.js'
import { selectEngine } from '../../src/engine/registry.js'

describe('bench/coreModel', () => {
  const entries = [
    { tiles: 1, isParallel: false, groups: 5, milliseconds: 2 },
    { tiles: 6, isParallel: true, groups: 10, milliseconds: 24 },
    { tiles: 2, isParallel: true, groups: 1, milliseconds: 8 },
  ]

  it('takes as long as the thread with the most tiles, and the rest one after another', () => {
    const { total, ...parts } = predictStep({ threads: 4, outside: 6, entries }, 0.5)
    // Six tiles on four threads: two in turn, a third of the work; two tiles: a half.
    assert.deepEqual(parts, {
      threads: 4,
      serial: 8,
      parallel: 8,
      imbalance: 4,
      barriers: 5.5,
      serialShare: 8 / 40,
    })
    assert.equal(total, 8 + 8 + 4 + 5.5)
    assert.equal(predictStep({ threads: 1, outside: 6, entries }, 0).total, 40)
  })

  it('counts a barrier for each thread beyond the first', () => {
    assert.deepEqual(
      [1, 2, 8].map((threads) => barrierMilliseconds(threads, 0.01)),
      [0, 0.01, 0.04],
    )
  })
})

describe('bench/sharing', () => {
  const folders = modelFolders(null)
  before(() => selectEngine('cpu', { threads: 1 }))
  after(async () => {
    folders.remove()
    await selectEngine('cpu')
  })

  it('measures steps on one thread that are cut for more, and what a barrier costs', async () => {
    const known = workloads.find(({ name }) => name === 'tiny-quick')!
    const workload = { ...known, steps: 1, maxCompletionLength: 3 }
    const runtime = currentRuntime()
    try {
      const prepared = await prepareWorkload(workload, folders.of(workload)!)
      const { entries, outside } = await measureCutSteps(runtime, 7, prepared, workload)
      prepared.policy.dispose()
      assert.ok(outside > 0)
      assert.ok(entries.some(({ isParallel, tiles }) => isParallel && tiles >= 7))
      for (const { groups, milliseconds } of entries) assert.ok(Number.isInteger(groups) && milliseconds > 0)
    } finally {
      Object.defineProperty(runtime, 'threads', { value: 1 })
    }
    assert.ok(measureBarrier(runtime) >= 0)
  })
})
