/**
 * Tiles of one kernel are handed out to the threads by an atomic counter. A tile's result depends on nothing but the tile, so
 * the number of threads never changes a bit of the result.
 *
 * The control block lies at a fixed address of the shared memory; each word has a cache line of its own:
 *   state   generation << 1 | open: a kernel is being worked on
 *   active  helpers that are inside the kernel
 *   next    the next tile
 *   job     kernel, tiles, address of the kernel's arguments; next generation ends the thread when kernel is -1
 *
 * A helper that wakes up late finds the job closed and goes on waiting: nobody waits for a thread that has no tile.
 */
import { runTile } from './kernels'

const STATE: usize = 1024
const ACTIVE: usize = STATE + 64
const NEXT: usize = STATE + 128
const JOB: usize = STATE + 192

/** Rounds of polling (a few nanoseconds each) before a helper goes to sleep: kernels follow each other closely. */
const SPINS = 20000

/** Number of this thread: 0 for the main thread. Each thread is an instance of its own, so this global is not shared. */
let thread: i32 = 0

export function threadIndex(): i32 {
  return thread
}

function takeTiles(kernel: i32, tiles: i32, args: usize): void {
  while (true) {
    const tile = atomic.add<i32>(NEXT, 1)
    if (tile >= tiles) return
    runTile(kernel, args, tile)
  }
}

/** Body of a helper thread: works on jobs until the job is "end". */
export function helperLoop(index: i32): void {
  thread = index
  let seen = 0
  while (true) {
    let state = atomic.load<i32>(STATE)
    let spins = 0
    while (state == seen || (state & 1) == 0) {
      if (++spins > SPINS) {
        atomic.wait<i32>(STATE, state, -1)
        spins = 0
      }
      state = atomic.load<i32>(STATE)
    }
    seen = state
    atomic.add<i32>(ACTIVE, 1)
    // The job may have been closed before we were counted: then the main thread no longer waits for us.
    if (atomic.load<i32>(STATE) == state) {
      const kernel = load<i32>(JOB)
      if (kernel < 0) return
      takeTiles(kernel, load<i32>(JOB, 4), load<i32>(JOB, 8))
    }
    atomic.sub<i32>(ACTIVE, 1)
  }
}

/** Runs all tiles of a kernel, with the helpers when `parallel`, and returns when the last one is done. */
export function dispatch(kernel: i32, tiles: i32, args: usize, parallel: bool): void {
  if (!parallel) {
    for (let tile = 0; tile < tiles; tile++) runTile(kernel, args, tile)
    return
  }
  store<i32>(JOB, kernel)
  store<i32>(JOB, tiles, 4)
  store<i32>(JOB, <i32>args, 8)
  atomic.store<i32>(NEXT, 0)
  atomic.add<i32>(STATE, 1)
  atomic.notify(STATE, -1)
  takeTiles(kernel, tiles, args)
  atomic.add<i32>(STATE, 1)
  while (atomic.load<i32>(ACTIVE) > 0) {}
}

/** Lets the helpers end. */
export function endHelpers(): void {
  store<i32>(JOB, -1)
  atomic.add<i32>(STATE, 1)
  atomic.notify(STATE, -1)
}
