import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { BenchRecord } from '../../bench/report.js'
import { compareWithTrl, reportComparison, runTrl } from '../../bench/vsTrl.js'
import { withSpeedup } from '../../bench/workloadRuns.js'
import { workloads } from '../../bench/workloads.js'

const tiny = workloads.find(({ name }) => name === 'tiny')!

/** A script in JavaScript that stands in for the baseline's: it prints what trl_speed.py prints. */
const script = `
if (process.env.OMP_NUM_THREADS !== '3') {
  console.error('wrong number of threads')
  process.exit(1)
}
console.log('a line of another kind')
for (const step of [9, 4, 2, 3]) console.log(JSON.stringify({ step, gen: step / 4, train: (step * 3) / 4 }))
console.log(JSON.stringify({
  args: process.argv.slice(2), wait: process.env.OMP_WAIT_POLICY ?? null, threads: 3, prompt_len: [40, 40],
  versions: { torch: '2', trl: '1' }, peak_rss_gib: 1.5,
}))
`

describe('bench/vsTrl', () => {
  let baseline: string
  before(() => {
    baseline = fs.mkdtempSync(path.join(os.tmpdir(), 'baseline-'))
    fs.writeFileSync(path.join(baseline, 'trl_speed.py'), script)
  })
  after(() => {
    fs.rmSync(baseline, { recursive: true })
  })
  const options = { python: process.execPath, threads: 3, waitPolicy: 'passive' as const, modelFolder: null }

  it("reads the fastest step after the first from the baseline's script", () => {
    const record = runTrl(tiny, { ...options, baseline })!
    assert.equal(record.wait_policy, 'passive')
    assert.deepEqual([record.step_s, record.generation_s, record.training_s], [2, 0.5, 1.5])
    assert.equal(record.completion_tokens, 16 * 8 * 48)
    assert.equal(record.generation_tokens_per_s, Number(((16 * 8 * 48) / 0.5).toPrecision(4)))
    assert.equal(record.training_tokens_per_s, Number(((16 * 8 * (48 + 40)) / 1.5).toPrecision(4)))
    assert.equal(record.peak_rss_mib, 1536)
  })

  it('skips workloads that the baseline does not have, or that need a pretrained model', () => {
    const run = (name: string): unknown =>
      runTrl(
        workloads.find((workload) => workload.name === name)!,
        { ...options, baseline },
      )
    for (const name of ['qwen2.5-0.5b', 'smollm2', 'learning']) assert.equal(run(name), null)
  })

  it("shows the end of a failed script's messages", () => {
    assert.throws(
      () => runTrl(tiny, { ...options, threads: 4, baseline }),
      /trl_speed\.py failed \(exit code 1\):\nwrong number of threads/,
    )
  })

  const ours = (step: number, rss: number): BenchRecord => ({
    benchmark: 'step',
    workload: 'tiny',
    threads: 2,
    step_s: step,
    generation_s: step / 2,
    training_s: step / 2,
    peak_rss_mib: rss,
  })

  it('compares the fastest runs of both sides', () => {
    const theirs = (step: number, waitPolicy: string): BenchRecord => ({
      benchmark: 'trl',
      workload: 'tiny',
      threads: 2,
      wait_policy: waitPolicy,
      step_s: step,
      generation_s: step / 4,
      training_s: (step * 3) / 4,
      peak_rss_mib: 1000,
    })
    const comparison = compareWithTrl([ours(1, 200), ours(2, 100)], [theirs(5, 'default'), theirs(4, 'passive')])
    assert.equal(comparison.ratio_vs_trl, 4)
    assert.equal(comparison.generation_ratio_vs_trl, 2)
    assert.equal(comparison.training_ratio_vs_trl, 6)
    assert.equal(comparison.memory_ratio_vs_trl, 10)
    assert.equal(comparison.wait_policy, 'passive')
    const tables: string[] = []
    const nothing = (): void => undefined
    reportComparison([comparison], {
      record: nothing,
      progress: nothing,
      close: nothing,
      table: (_heading, table) => tables.push(table),
    })
    assert.match(tables[0]!, /^tiny +2 +passive +4\.00 +1\.00 +4\.00 +2\.00 +6\.00 +10\.0$/m)
  })

  it('relates a run to that on one thread', () => {
    const single = { ...ours(3, 1), threads: 1 }
    assert.equal(withSpeedup(ours(2, 1), [single]).speedup_vs_1_thread, 1.5)
    assert.equal('speedup_vs_1_thread' in withSpeedup(single, [single]), false)
    assert.equal('speedup_vs_1_thread' in withSpeedup({ ...ours(2, 1), workload: 'other' }, [single]), false)
  })
})
