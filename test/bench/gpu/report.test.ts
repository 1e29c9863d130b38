import assert from 'node:assert/strict'
import { engineFlags } from '../../../bench/engineChoice.js'
import { formatGpuReport } from '../../../bench/gpu/report.js'
import type { SectionResult } from '../../../bench/gpu/section.js'

function section(result: Partial<SectionResult>): SectionResult {
  const empty = { records: [], output: '', errors: '', seconds: 12.4, status: 'passed', command: 'node part' } as const
  return { name: 'a part', ...empty, ...result }
}

describe('the report of bench:gpu', () => {
  const generation = { benchmark: 'generation', model: 'smollm2-135m', precision: 'bfloat16' }
  const report = formatGpuReport({
    started: '2026-11-30T10:20:30.000Z',
    cpu: 'EPYC',
    cores: 2,
    node: 'v20.20.2',
    choice: { engine: 'auto', device: 'cuda12' },
    sections: [
      section({
        name: 'speed',
        records: [
          { ...generation, engine: 'xla', completions: 64, generation_s: 1.23456, generation_tokens_per_s: 13271.2 },
          { ...generation, engine: 'xla', completions: 8, generation_s: 1.1, generation_tokens_per_s: 1861 },
        ],
      }),
      section({
        name: 'PyTorch',
        status: 'failed',
        errors: 'Traceback | of Python\nCUDA out of memory\nexit code 1',
        records: [
          { ...generation, engine: 'transformers', completions: 8, generation_s: 5, generation_tokens_per_s: 409.6 },
        ],
      }),
      { name: 'golden numbers', status: 'skipped', why: '../shared/golden is not here' },
    ],
  })

  it('says what came of each part', () => {
    assert.match(report, /^\| speed \| passed \| 12 \| 2 measurements \|$/m)
    assert.match(report, /^\| PyTorch \| failed \| 12 \| exit code 1 \|$/m)
    assert.match(report, /^\| golden numbers \| skipped \| {2}\| \.\.\/shared\/golden is not here \|$/m)
    assert.match(report, /^CUDA out of memory$/m)
  })

  it('shows both sides of a comparison one below the other', () => {
    const table = report.slice(report.indexOf('## Generation'), report.indexOf('## PyTorch'))
    assert.deepEqual(table.trim().split('\n').slice(2), [
      '| model | engine | precision | completions | generation s | generation tokens per s |',
      '| --- | --- | --- | --- | --- | --- |',
      '| smollm2-135m | xla | bfloat16 | 8 | 1.10 | 1861 |',
      '| smollm2-135m | transformers | bfloat16 | 8 | 5.00 | 410 |',
      '| smollm2-135m | xla | bfloat16 | 64 | 1.23 | 13271 |',
    ])
  })

  it('asks programs for the engine that was asked for', () => {
    const choice = { engine: 'cpu', threads: 2, device: 'auto', precision: undefined } as const
    assert.deepEqual(engineFlags(choice), ['--engine', 'cpu', '--threads', '2'])
  })
})
