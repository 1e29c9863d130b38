import assert from 'node:assert/strict'
import { startBackends } from '../../bench/backends.js'
import { reportKernels } from '../../bench/kernels.js'
import { linearTable, measureLinear } from '../../bench/linear.js'
import { measureOps } from '../../bench/ops.js'
import { measurePeaks } from '../../bench/peak.js'
import type { BenchRecord, Report } from '../../bench/report.js'
import type { TorchMatmul } from '../../bench/torch.js'
import { selectEngine } from '../../src/engine/registry.js'

/** A report that keeps what it is given. */
function keepingReport(): Report & { records: BenchRecord[]; tables: string[] } {
  const records: BenchRecord[] = []
  const tables: string[] = []
  return {
    records,
    tables,
    progress: () => undefined,
    close: () => undefined,
    record: (record) => records.push(record),
    table: (_heading, table) => tables.push(table),
  }
}

describe('bench/kernels', () => {
  after(() => selectEngine('cpu'))

  it('measures linear in both directions, with the share of the peak and the ratio to torch', async () => {
    const backends = await startBackends([1, 2])
    const peaks = await measurePeaks(backends)
    const torch: TorchMatmul = { version: 'none', measure: () => Promise.resolve(8), stop: () => undefined }
    const records = await measureLinear(
      backends,
      torch,
      peaks,
      { weights: [[32, 48]], rows: [1, 3], dtypes: ['bfloat16', 'float32'], milliseconds: 1 },
      () => undefined,
    )
    assert.equal(records.length, 2 * 2 * 2 * 2)
    for (const record of records) {
      const gflops = record.gflops as number
      assert.ok(gflops > 0)
      assert.ok(Math.abs((record.share_of_peak as number) - gflops / peaks.get(record.threads as number)!) < 1e-3)
      assert.ok(Math.abs((record.ratio_vs_torch as number) - gflops / 8) < 1e-2)
      assert.equal(record.speedup_vs_1_thread === null, record.threads === 1)
    }
    assert.match(linearTable(records), /^backward +3 +32→48 +float32 +2 /m)
  })

  it('measures the other ops, each on every number of threads', async () => {
    const backends = await startBackends([1, 2])
    const sizes = { groups: 1, promptLength: 3, completionLength: 2, rows: 8, vocabularySize: 64, milliseconds: 1 }
    const records = await measureOps(backends, await measurePeaks(backends), sizes, () => undefined)
    const ops = (threads: number): unknown[] =>
      records.filter((record) => record.threads === threads).map(({ op, size }) => `${op} ${size}`)
    assert.equal(ops(1).length, 12)
    assert.deepEqual(ops(2), ops(1))
    for (const { gflops, gb_per_s: bandwidth } of records) assert.ok(((gflops ?? bandwidth) as number) > 0)
  })

  it('are shown with each set of kernels beside the others', () => {
    const report = keepingReport()
    const set = (kernels: string, gflops: number): BenchRecord[] => [
      {
        benchmark: 'linear',
        direction: 'forward',
        rows: 8,
        in: 4,
        out: 2,
        dtype: 'float32',
        threads: 1,
        kernels,
        ms: 2 / gflops,
        gflops,
      },
      { benchmark: 'peak', threads: 1, kernels, gflops: 2 * gflops },
    ]
    reportKernels([set('wasm 128', 10), set('wasm 256', 25)], report)
    assert.deepEqual(
      report.records.map(({ benchmark, kernels, speedup_vs_first_kernels: speedup }) => [benchmark, kernels, speedup]),
      [
        ['linear', 'wasm 128', undefined],
        ['linear', 'wasm 256', 2.5],
        ['peak', 'wasm 128', undefined],
        ['peak', 'wasm 256', 2.5],
      ],
    )
    assert.match(report.tables[0]!, /^direction .* × wasm 128 /)
    assert.match(report.tables[0]!, /^forward +8 +4→2 +float32 +1 +wasm 256 +2\.50 /m)
  })
})
