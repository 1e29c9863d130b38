import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import * as tf from '../../src/bundled/tfjs.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { requireShared } from '../shared.js'
import { selectEngine } from './api.js'
import { conformance } from './command.js'
import { absolute, compareExactly, compareNumbers, compareRecord, ofLargest, ofOneOrMore } from './compare.js'
import type { ReportRow } from './report.js'
import { summarize } from './report.js'
import { runConformance } from './run.js'

const fixtures = path.join(import.meta.dirname, '../fixtures/golden')

async function rowsOf(root: string, only: readonly string[] = []): Promise<ReportRow[]> {
  const rows: ReportRow[] = []
  const context = {
    root,
    modelFolder: (): string => {
      throw new Error('no model')
    },
  }
  for await (const row of runConformance(context, only)) rows.push(row)
  return rows
}

function assertAllPass(rows: readonly ReportRow[]): void {
  const failures = rows.filter(({ status }) => status !== 'pass')
  assert.deepEqual(
    failures.map(({ file, quantity, status, note }) => `${file} ${quantity} ${status}: ${note ?? ''}`),
    [],
  )
}

describe('conformance', () => {
  const temporary = useTemporaryFolder()

  before(async () => {
    await selectEngine()
  })

  it('agrees with the reference numbers of the repository and leaves no tensors behind', async () => {
    const before = tf.memory().numTensors
    const rows = await rowsOf(fixtures)
    assertAllPass(rows)
    assert.equal(tf.memory().numTensors, before)
    const parts = [...new Set(rows.map((row) => row.part))]
    assert.deepEqual(parts, ['manifest', 'grpo', 'optim', 'logits', 'greedy', 'lora', 'step'])
    assert.ok(rows.length >= 75, `only ${rows.length} rows`)
  })

  for (const part of ['stats', 'logits', 'greedy', 'lora', 'step']) {
    it(`agrees with ../shared/golden: ${part}`, async function () {
      const rows = await rowsOf(requireShared(this, 'golden'), [part])
      // There is nothing yet that merges an adapter.
      assertAllPass(rows.filter(({ file }) => !file.endsWith('/merged.safetensors')))
      assert.ok(rows.length >= (part === 'stats' ? 8 : 30))
    })
  }

  it('finds each number that is off', async () => {
    const root = temporary('golden')
    fs.cpSync(fixtures, root, { recursive: true })
    const change = (file: string, edit: (text: string) => string): void => {
      const before = fs.readFileSync(path.join(root, file), 'utf8')
      const after = edit(before)
      assert.notEqual(after, before)
      fs.writeFileSync(path.join(root, file), after)
    }
    // The mean of a metric, one token of a continuation, and one bit of an f32 (the last byte of the file is its exponent).
    change('grpo/dapo.json', (text) => text.replace(/"entropy": [\d.]+/, '"entropy": 0.64'))
    change('logits/llama.json', (text) => text.replace(/("new_tokens": \[\[)\d+/, '$163'))
    const file = path.join(root, 'lora/qwen3_r3_qv/grads_beta0.safetensors')
    const bytes = fs.readFileSync(file)
    bytes[bytes.length - 1]! ^= 1
    fs.writeFileSync(file, bytes)

    const failures = (await rowsOf(root)).filter(({ status }) => status === 'fail')
    assert.deepEqual(
      failures.map((row) => [row.file, row.quantity]),
      [
        ['MANIFEST.json', 'sha256 of the files'],
        ['grpo/dapo.json', 'metrics'],
        ['logits/llama.json', 'tokens, one by one'],
        ['lora/qwen3_r3_qv/grads_beta0.safetensors', 'gradients'],
      ],
    )
    assert.match(failures[1]!.note!, /^entropy is 0\.640327\d*, expected 0\.64$/)
    assert.match(failures[2]!.note!, /^1 of 3 differ, first number 0: \[\d+,.*expected \[63,/)
  })

  it('tells what is not supported, what it does not know, and files that it cannot read', async () => {
    for (const folder of ['logits', 'model', 'stats', 'optim']) fs.mkdirSync(temporary(folder))
    fs.writeFileSync(temporary('README.md'), 'how they were made')
    fs.writeFileSync(temporary('model/config.json'), '{"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}')
    fs.writeFileSync(temporary('logits/gpt2.json'), '{"model": "model"}')
    fs.writeFileSync(temporary('logits/gpt2.safetensors'), '')
    fs.writeFileSync(temporary('stats/bootstrap.json'), '{}')
    fs.writeFileSync(temporary('optim/broken.json'), '{')
    const rows = await rowsOf(temporary())
    assert.deepEqual(
      rows.map(({ file, status }) => [file, status]),
      [
        ['optim/broken.json', 'fail'],
        ['logits/gpt2.safetensors', 'unsupported'],
        ['logits/gpt2.json', 'unsupported'],
        ['model/config.json', 'unknown'],
        ['stats/bootstrap.json', 'unknown'],
      ],
    )
    assert.match(rows[0]!.note!, /^SyntaxError/)
    assert.equal(
      summarize(rows),
      [
        'optim    0 passed, 1 failed',
        'logits   0 passed, 0 failed, 1 unsupported',
        'greedy   0 passed, 0 failed, 1 unsupported',
        'unknown  0 passed, 0 failed, 2 unknown',
        'all      0 passed, 1 failed, 2 unsupported, 2 unknown',
      ].join('\n'),
    )
  })

  it('prints a table, writes its rows and ends with 0, or 1 when something failed', async () => {
    const run = async (...args: string[]): Promise<{ status: number; output: string }> => {
      const lines: string[] = []
      const status = await conformance(args, (line) => lines.push(line))
      return { status, output: lines.join('\n') }
    }
    const good = await run(fixtures, '--only', 'optim', '--json', temporary('rows.json'))
    assert.equal(good.status, 0, good.output)
    assert.match(good.output, /optim\/cosine_warmup2_wd001\.json +parameters +\S+ +\S+ +2e-6 +pass\n/)
    assert.match(good.output, /all +6 passed, 0 failed$/)
    const rows = JSON.parse(fs.readFileSync(temporary('rows.json'), 'utf8')) as ReportRow[]
    assert.ok(rows.length === 6 && rows.every(({ part, status }) => part === 'optim' && status === 'pass'))

    fs.mkdirSync(temporary('optim'))
    fs.writeFileSync(temporary('optim/broken.json'), '{')
    assert.equal((await run(temporary())).status, 1)
    await assert.rejects(run(temporary(), '--only', 'chat'), /holds no reference file/)
    await assert.rejects(run(temporary(), '--only', 'nothing'), /no part nothing/)
    await assert.rejects(run(temporary('absent')), /is not a folder/)
    await assert.rejects(run(), /expected one folder/)
  })
})

describe('conformance/compare', () => {
  const statusOf = (
    actual: number[],
    expected: number[],
    tolerance: Parameters<typeof compareNumbers>[3],
  ): { status: string; absoluteError?: number; relativeError?: number } =>
    compareNumbers('x', actual, expected, tolerance)

  it('measures the largest error, absolute and relative to the largest number', () => {
    const row = statusOf([1, -3.75, 0], [1.125, -4, 0], absolute(0.25))
    assert.deepEqual([row.status, row.absoluteError, row.relativeError], ['pass', 0.25, 0.0625])
    assert.equal(statusOf([1, -3.75], [1.125, -4], absolute(0.2)).status, 'fail')
  })

  it('scales the tolerance by the largest number, or by each but not below 1', () => {
    assert.equal(statusOf([1.05, 10], [1, 10], ofLargest(0.01)).status, 'pass')
    assert.equal(statusOf([1.05, 10], [1, 10], ofOneOrMore(0.01)).status, 'fail')
    assert.equal(statusOf([0.005, 10.05], [0, 10], ofOneOrMore(0.01)).status, 'pass')
    assert.equal(statusOf([1e-9], [0], ofLargest(0.01)).status, 'fail')
  })

  it('takes NaN and infinities for equal to themselves only', () => {
    assert.equal(statusOf([NaN, Infinity, 0], [NaN, Infinity, -0], absolute(0)).status, 'pass')
    for (const [actual, expected] of [
      [NaN, 1],
      [1, NaN],
      [Infinity, 1],
      [Infinity, -Infinity],
    ] as const) {
      assert.equal(statusOf([actual], [expected], absolute(1e9)).status, 'fail', `${actual} for ${expected}`)
      assert.equal(statusOf([actual], [expected], ofLargest(1e9)).status, 'fail', `${actual} for ${expected}`)
    }
  })

  it('does not pass other lengths, missing entries, or nothing at all', () => {
    assert.equal(statusOf([1], [1, 1], absolute(1)).status, 'fail')
    assert.equal(statusOf([], [], absolute(1)).status, 'fail')
    assert.equal(compareRecord('x', {}, {}, absolute(1)).status, 'fail')
    assert.equal(compareRecord('x', { a: 1, c: 5 }, { a: 1 }, absolute(0)).status, 'pass')
    assert.equal(compareRecord('x', { a: 1 }, { a: 1, b: 2, c: 3 }, absolute(0)).note, 'missing: b, c')
    assert.equal(compareExactly('x', [], []).status, 'fail')
  })

  it('says which of several texts differ', () => {
    assert.equal(compareExactly('x', [[1, 2], 'a'], [[1, 2], 'a']).status, 'pass')
    const { status, note } = compareExactly('x', ['a', 'b', 'c'], ['a', 'B'])
    assert.deepEqual([status, note], ['fail', '2 of 3 differ, first number 1: "b", expected "B"'])
  })
})
