/**
 * Calls of kernels are put to work in groups: those of one group are independent of each other, so that their tiles are one range,
 * which is handed out to the threads by an atomic counter; the next group begins when the last tile is done. A tile's result depends on
 * nothing but the tile, so the number of threads never changes a bit of the result.
 *
 * A call is four words: kernel, tiles, address of its arguments, unused. A group in a list is four words before its calls: how many
 * they are, how many tiles they have, whether these are worth the helpers' attention, and for those who measure how much they do.
 *
 * The control block lies at a fixed address of the shared memory; what different threads write has a cache line of its own, and what
 * they write all the time a pair of lines, since some processors fetch two at a time:
 *   left      tiles of the group that nobody took, 0 or less when there are none; far below 0 when the threads are to end
 *   done      tiles of the group that helpers finished
 *   sleepers  helpers that sleep or are about to, since they were last woken
 *   wakings   how often they were
 *   group     address of the group's first call, its tiles, and how many of them helpers took; the first two stand still while a tile
 *             that was taken is not done
 *
 * Whoever takes a number above 0 from `left` has a tile of the group that stands in `group` then, however late it is: nobody waits for
 * a thread that has no tile. Helpers poll `left` between groups, so that a list wakes them once, and go to sleep when nothing comes.
 */
import { runTiles } from './kernels'

const LEFT: usize = 1024
const SLEEPERS: usize = LEFT + 64
const DONE: usize = LEFT + 128
const WAKINGS: usize = LEFT + 192
const GROUP: usize = LEFT + 256
/** The call of `dispatch`. */
const CALL: usize = LEFT + 320
/**
 * For those who measure: whether somebody does, and behind it as a float64 the time at which the main thread had no tile left to take
 * in the last group.
 */
export const OBSERVED: usize = 1568
/** The time in milliseconds. */
// @ts-ignore: decorator
@external('env', 'clock')
declare function clock(): f64

const TILES: usize = 4, ARGUMENTS: usize = 8, PARALLEL: usize = 8, OTHERS: usize = 8, CALL_BYTES: usize = 16

/** Rounds of polling (a few nanoseconds each) before a thread goes to sleep: groups follow each other closely. */
const SPINS = 20000
/** How long the main thread sleeps between looks at a tile that takes so long that its thread may be waiting for a core. */
const NAP_NANOSECONDS: i64 = 50_000
/** `left` when the threads are to end; some of them may still count it down. */
const END: i32 = i32.MIN_VALUE / 2

/** Number of this thread: 0 for the main thread. Each thread is an instance of its own, so this global is not shared. */
let thread: i32 = 0

export function threadIndex(): i32 {
  return thread
}

/** Runs a tile of the group, counted through its calls. */
function runGroupTile(tile: i32): void {
  let call = <usize>load<i32>(GROUP)
  for (let tiles = load<i32>(call, TILES); tile >= tiles; tiles = load<i32>(call, TILES)) {
    tile -= tiles
    call += CALL_BYTES
  }
  runTiles(load<i32>(call), <usize>load<i32>(call, ARGUMENTS), tile, tile + 1)
}

/** Works on the group until all its tiles are taken, and returns how many were its own. */
function takeTiles(): i32 {
  let taken = 0
  while (true) {
    const left = atomic.sub<i32>(LEFT, 1)
    if (left <= 0) return taken
    runGroupTile(load<i32>(GROUP, TILES) - left)
    taken++
  }
}

/** Body of a helper thread: works on groups until it is told to end. */
export function helperLoop(index: i32): void {
  thread = index
  let spins = 0
  while (true) {
    const left = atomic.load<i32>(LEFT)
    if (left > 0) {
      atomic.add<i32>(DONE, takeTiles())
      spins = 0
    } else if (left < END / 2) return
    else if (++spins > SPINS) {
      const wakings = atomic.load<i32>(WAKINGS)
      atomic.add<i32>(SLEEPERS, 1)
      // A group that was begun before we were counted: nobody would wake us for it.
      if (atomic.load<i32>(LEFT) == left) atomic.wait<i32>(WAKINGS, wakings, -1)
      spins = 0
    }
  }
}

/** Wakes the helpers that sleep. */
function wakeHelpers(): void {
  if (atomic.load<i32>(SLEEPERS) == 0) return
  atomic.store<i32>(SLEEPERS, 0)
  atomic.add<i32>(WAKINGS, 1)
  atomic.notify(WAKINGS, -1)
}

/** Runs a group with the helpers. */
function runTogether(firstCall: usize, tiles: i32): void {
  store<i32>(GROUP, <i32>firstCall)
  store<i32>(GROUP, tiles, TILES)
  atomic.store<i32>(DONE, 0)
  atomic.store<i32>(LEFT, tiles)
  wakeHelpers()
  // In memory: V8 of Node 20 does not keep what stands in a local variable over a wait.
  store<i32>(GROUP, tiles - takeTiles(), OTHERS)
  if (load<i32>(OBSERVED)) store<f64>(OBSERVED, clock(), 8)
  for (let spins = 0, done = atomic.load<i32>(DONE); done != load<i32>(GROUP, OTHERS); done = atomic.load<i32>(DONE)) {
    if (++spins > SPINS) atomic.wait<i32>(DONE, done, NAP_NANOSECONDS)
  }
}

/** Runs all tiles of a kernel, with the helpers when `parallel`, and returns when the last one is done. */
export function dispatch(kernel: i32, tiles: i32, args: usize, parallel: bool): void {
  if (!parallel) {
    runTiles(kernel, args, 0, tiles)
    return
  }
  store<i32>(CALL, kernel)
  store<i32>(CALL, tiles, TILES)
  store<i32>(CALL, <i32>args, ARGUMENTS)
  runTogether(CALL, tiles)
}

/** Runs the groups of a list one after another, and returns when the last tile is done. */
export function dispatchList(list: usize, groups: i32): void {
  for (; groups > 0; groups--) {
    const first = list + CALL_BYTES, next = first + <usize>load<i32>(list) * CALL_BYTES
    if (load<i32>(list, PARALLEL)) runTogether(first, load<i32>(list, TILES))
    else {
      for (let call = first; call < next; call += CALL_BYTES) {
        runTiles(load<i32>(call), <usize>load<i32>(call, ARGUMENTS), 0, load<i32>(call, TILES))
      }
    }
    list = next
  }
}

/** Lets the helpers end. */
export function endHelpers(): void {
  atomic.store<i32>(LEFT, END)
  wakeHelpers()
}
