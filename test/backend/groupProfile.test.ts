import assert from 'node:assert/strict'
import { GroupProfile, sharedWork } from '../../src/backend/cpu/groupProfile.js'
import { KernelId } from '../../src/backend/cpu/constants.js'
import { KernelList } from '../../src/backend/cpu/kernelList.js'
import type { KernelCalls } from '../../src/backend/cpu/kernelCalls.js'
import { TILE_ELEMENTS } from '../../src/backend/cpu/kernels/tile.js'
import { Runtime } from '../../src/backend/cpu/runtime.js'

describe('backend/cpu/groupProfile', () => {
  /** Numbers of each of three vectors. */
  const SIZE = 10 * TILE_ELEMENTS
  let runtime: Runtime
  let numbers: number
  before(async () => {
    runtime = await Runtime.start({ threads: 2, memoryPages: 64 })
    numbers = runtime.allocator.allocate(4 * 3 * SIZE)
  })
  after(() => runtime.stop())

  /** c = a + b in so many tiles. */
  function add(calls: KernelCalls, tiles: number): void {
    const size = TILE_ELEMENTS * tiles
    calls.args.set([numbers, numbers + 4 * SIZE, numbers + 8 * SIZE, 4 * size, 4 * TILE_ELEMENTS])
    calls.run(KernelId.add, tiles, size)
  }

  it('counts the groups of calls and of lists, by phase, kernel and tiles', () => {
    const list = new KernelList(runtime)
    add(list, 1)
    add(list, 2)
    list.barrier()
    add(list, 1)
    const profile = new GroupProfile(runtime)
    profile.phase = 'first'
    add(runtime, 1)
    add(runtime, 9)
    add(runtime, 9)
    profile.phase = 'second'
    list.dispatch()
    profile.stop()
    add(runtime, 9)
    list.dispose()
    assert.deepEqual(
      profile
        .entries()
        .map(({ phase, kernel, tiles, isListed, isParallel, groups, operations }) => [
          [phase, kernel].join(),
          [tiles, groups],
          isListed,
          isParallel,
          operations / TILE_ELEMENTS,
        ]),
      [
        ['first,add', [1, 1], false, false, 1],
        ['first,add', [9, 2], false, true, 18],
        ['second,add', [3, 1], true, true, 3],
        ['second,add', [1, 1], true, false, 1],
      ],
    )
    for (const { milliseconds, waiting, isParallel } of profile.entries()) {
      assert.ok(milliseconds > 0 && waiting <= milliseconds)
      if (!isParallel) assert.equal(waiting, 0)
    }
  })

  it('tells what one thread does alone from what all do', () => {
    const entry = { phase: '', kernel: 'add', tiles: 1, groups: 3, operations: 0, waiting: 0, isListed: false }
    const shared = sharedWork(
      [
        { ...entry, isParallel: false, milliseconds: 5 },
        { ...entry, isParallel: true, milliseconds: 30, waiting: 10 },
      ],
      50,
      4,
    )
    assert.deepEqual(shared, {
      outside: 15,
      alone: 5,
      together: 30,
      waiting: 10,
      groups: 6,
      sharedGroups: 3,
      serialShare: 20 / (20 + 4 * 20 + 10),
    })
  })
})
