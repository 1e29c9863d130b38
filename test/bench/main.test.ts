import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { BenchRecord } from '../../bench/report.js'

const root = path.resolve(import.meta.dirname, '../..')

describe('bench/main', () => {
  let folder: string
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-'))
  })
  after(() => {
    fs.rmSync(folder, { recursive: true })
  })

  function bench(...args: string[]): { status: number | null; stdout: string; stderr: string; records: BenchRecord[] } {
    const json = path.join(folder, 'new', 'bench.jsonl')
    const command = ['--import', 'tsx', 'bench/main.ts', ...args, '--json', json]
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' })
    const lines = fs.existsSync(json) ? fs.readFileSync(json, 'utf8').trim().split('\n') : []
    return { status, stdout, stderr, records: lines.map((line) => JSON.parse(line) as BenchRecord) }
  }

  it('measures the peak and a step, as a table and as JSON lines', () => {
    const { status, stdout, stderr, records } = bench(
      '--quick',
      '--only',
      'peak,step',
      '--threads',
      '1',
      '--python',
      'no',
      '--simd',
      '128',
    )
    assert.equal(status, 0, stderr)
    assert.deepEqual(
      records.map(({ benchmark }) => benchmark),
      ['machine', 'step', 'peak'],
    )
    const [machine, step, peak] = records
    assert.equal(machine!.node, process.version)
    for (const { kernels } of [step!, peak!]) assert.equal(kernels, 'wasm 128')
    assert.ok((peak!.gflops as number) > 0)
    assert.equal(step!.workload, 'tiny-quick')
    assert.equal(step!.completion_tokens, 4 * 4 * 16)
    assert.equal(step!.trained_tokens, 4 * 4 * (40 + 16))
    for (const key of ['step_s', 'generation_s', 'training_s', 'generation_tokens_per_s', 'training_tokens_per_s']) {
      assert.ok((step![key] as number) > 0, key)
    }
    assert.ok((step!.peak_rss_mib as number) > (step!.peak_tensor_mib as number))
    assert.match(stdout, /^tiny-quick +step +1 +wasm 128 +[\d.]+ /m)
    assert.match(stdout, /^threads +kernels +GFLOP\/s$/m)
  })

  it('refuses what it does not know before it measures anything', () => {
    const { status, stderr } = bench('--only', 'kernel')
    assert.notEqual(status, 0)
    assert.match(stderr, /'kernel' is not one of peak, kernels, generation, training, step/)
    const trl = bench('--vs-trl', '--baseline', folder, '--python', 'no-such-python')
    assert.equal(trl.status, 1)
    assert.match(trl.stderr, /no-such-python cannot import torch, trl/)
  })
})
