/** Sampling and training for many steps take no more memory than for a few. */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { xlaEngine } from '../../../src/engine/xla/xlaEngine.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { randomIds, randomPolicy } from '../../fixtures/policies.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { gradientOf } from './compare.js'
import { requireXlaRunner } from './engines.js'
import { WatchedRunner } from './watchedRunner.js'

/** Tokens of the tiny model. */
const VOCABULARY = 352
const STEPS = 200
/** Steps after which all programs are compiled. */
const FIRST = 50
/** Most that the process may grow by between then and the end, in MiB: what its allocators keep of what was freed. */
const GROWTH = 16

describe('engine/xla: memory', () => {
  it(`is flat over ${STEPS} steps of changing lengths`, async function () {
    const runner = new WatchedRunner(await requireXlaRunner(this))
    const engine = xlaEngine(runner)
    // Large enough that what is left of a step would be seen.
    const folder = temporaryTinyModel({ hidden_size: 64, intermediate_size: 128, vocab_size: VOCABULARY })
    const model = await loadModel(folder, { engine })
    const policy = randomPolicy(model, { r: 8 })
    const held: { arrays: number; bytes: number; programs: number }[] = []
    const resident: number[] = []
    for (let step = 0; step < STEPS; step++) {
      const prompts = Array.from({ length: 2 }, (_, i) =>
        randomIds(1 + ((7 * step + 11 * i) % 30), VOCABULARY, step + i),
      )
      const options = { maxCompletionLength: 2 + ((13 * step) % 30), numGenerations: 4, seed: step, eosTokenIds: [] }
      const groups = await policy.engineModel.generate(prompts, options)
      const rows = groups.flatMap((completions, i) =>
        completions.map(({ ids }) => ({ promptIds: prompts[i]!, completionIds: ids })),
      )
      await policy.engineModel.values(rows, { temperature: 1, reference: true })
      await gradientOf(policy, rows)
      policy.adapter!.update((values) => {
        for (const [i, value] of values.entries()) values[i] = 0.999 * value
      })
      // Merged weights are freed by training, adapter arrays when they are next used.
      held.push({ arrays: runner.alive, bytes: engine.memory().used, programs: runner.programs })
      global.gc!()
      await setTimeout(0)
      resident.push(process.memoryUsage.rss() / 2 ** 20)
    }
    const end = held.at(-1)!
    assert.equal(new Set(held.map(({ arrays, bytes }) => `${arrays} arrays of ${bytes} bytes`)).size, 1)
    assert.equal(held[FIRST]!.programs, end.programs, 'programs are compiled in late steps')
    const half = (STEPS + FIRST) / 2
    const peak = (from: number, to: number): number => Math.max(...resident.slice(from, to))
    const growth = peak(half, STEPS) - peak(FIRST, half)
    console.log(
      `      ${end.programs} programs, ${end.arrays} arrays of ${end.bytes} bytes; the process has ` +
        `${resident[FIRST]!.toFixed(0)} MiB after ${FIRST} steps, ${resident.at(-1)!.toFixed(0)} after ${STEPS}`,
    )
    assert.ok(growth <= GROWTH, `the process has grown by ${growth} MiB: ${resident.map(Math.round).join(' ')}`)
    policy.dispose()
    model.dispose()
    assert.equal(runner.alive, 0)
  })
})
