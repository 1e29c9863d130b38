import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

interface Timers {
  setTimeout: (callback: (...args: unknown[]) => void, milliseconds?: number, ...args: unknown[]) => object
  clearTimeout: (timer: object) => void
}

const { withSeveralTimers } = createRequire(import.meta.url)('../../jupyter/kernels/tslab/repairs/watchTimers.cjs') as {
  withSeveralTimers: (sys: Timers) => Timers
}

/** The timer of tslab 1.0.22: only one at a time; `fire` is what compiling a cell does. */
function tslabTimers(): Timers & { fire: () => void; isWaiting: () => boolean } {
  let only: { callback: () => void } | null = null
  return {
    setTimeout(callback) {
      if (only) throw new Error('Unexpected pending rebuildTimer')
      only = {
        callback: () => {
          callback()
          only = null
        },
      }
      return only
    },
    clearTimeout(timer) {
      if (timer !== only) throw new Error('clearing unexpected timer')
      only = null
    },
    fire: () => only?.callback(),
    isWaiting: () => only !== null,
  }
}

describe("the kernel's timers", () => {
  it('may be several, which fire together, also those that one of them sets', () => {
    const tslab = tslabTimers()
    const { setTimeout, clearTimeout } = withSeveralTimers(tslab)
    const fired: unknown[] = []
    setTimeout((name) => fired.push(name), 250, 'files')
    const cell = setTimeout(() => fired.push('never'))
    clearTimeout(cell)
    setTimeout(() => {
      fired.push('cell')
      setTimeout(() => fired.push('set by it'))
    })
    tslab.fire()
    assert.deepEqual(fired, ['files', 'cell', 'set by it'])
    assert.equal(tslab.isWaiting(), false)
    setTimeout(() => fired.push('next'))
    tslab.fire()
    assert.equal(fired.at(-1), 'next')
  })

  it('leave none behind when all are cleared', () => {
    const tslab = tslabTimers()
    const { setTimeout, clearTimeout } = withSeveralTimers(tslab)
    const never = (): void => {
      assert.fail('it was cleared')
    }
    const timers = [setTimeout(never), setTimeout(never)]
    for (const timer of timers) clearTimeout(timer)
    assert.equal(tslab.isWaiting(), false)
    tslab.fire()
  })
})
