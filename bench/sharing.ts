import { KernelId, PEAK_TILE_BYTES } from '../src/backend/cpu/constants.js'
import { GroupProfile } from '../src/backend/cpu/groupProfile.js'
import type { Runtime } from '../src/backend/cpu/runtime.js'
import { measureSteps } from '../src/cli/bench/fixedWorkload.js'
import type { CutStep } from './coreModel.js'
import type { PreparedWorkload, Workload } from './workloads.js'

/**
 * Runs the steps of a workload on one thread, with the work cut into tiles as for `threads`, and says what each kind of group of tiles
 * took in the mean step: processor time, so that other processes disturb little.
 */
export async function measureCutSteps(
  runtime: Runtime,
  threads: number,
  { policy, task, config }: PreparedWorkload,
  { warmUp, steps }: Workload,
): Promise<CutStep> {
  if (runtime.threads !== 1) throw new Error(`measureCutSteps: the runtime has ${runtime.threads} threads; expected 1`)
  Object.defineProperty(runtime, 'threads', { value: threads })
  let profile = new GroupProfile(runtime)
  let milliseconds = 0
  let isWarm = !warmUp
  let started = process.cpuUsage()
  for await (const { seconds } of measureSteps(policy, task, config)) {
    process.stderr.write(`  ${seconds.toFixed(2)} s, cut for ${threads} threads\n`)
    if (isWarm) {
      milliseconds += 1000 * seconds
    } else {
      profile = new GroupProfile(runtime)
      started = process.cpuUsage()
    }
    isWarm = true
  }
  profile.stop()
  const { user, system } = process.cpuUsage(started)
  // Threads of V8 that compile or collect garbage count too, for little.
  const share = Math.min(1, (user + system) / 1000 / milliseconds)
  const entries = profile.entries().map(({ tiles, isParallel, groups, milliseconds: time }) => ({
    tiles,
    isParallel,
    groups: groups / steps,
    milliseconds: (share * time) / steps,
  }))
  const inKernels = entries.reduce((sum, entry) => sum + entry.milliseconds, 0)
  return { threads, outside: (share * milliseconds) / steps - inKernels, entries }
}

const GROUPS = 2000
const ROUNDS = 20
const TILES = 8

/** Milliseconds that handing out a group of tiles costs on the threads of a runtime, waiting for each other included: tiles of no work. */
export function measureBarrier(runtime: Runtime): number {
  const chains = runtime.allocator.allocate(TILES * PEAK_TILE_BYTES)
  const groupOf = (operations: number): number => {
    let best = Infinity
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now()
      for (let group = 0; group < GROUPS; group++) {
        runtime.args[0] = 0
        runtime.args[1] = chains
        runtime.run(KernelId.peak, TILES, operations)
      }
      best = Math.min(best, (performance.now() - started) / GROUPS)
    }
    return best
  }
  const cost = groupOf(Infinity) - groupOf(0)
  runtime.allocator.release(chains)
  return Math.max(0, cost)
}
