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

  it('agrees with TRL on settings that few reference files have, and says which advantages it does not know', async () => {
    const rows = await rowsOf(path.join(import.meta.dirname, '../fixtures/trl'))
    const unsupported = rows.filter(({ status }) => status === 'unsupported')
    assert.deepEqual(
      unsupported.map(({ file, note }) => [file, note!.slice(0, 40)]),
      [
        ['grpo/advantages_bt_sequence.json', 'means over tokens of what here is of com'],
        ['grpo/advantages_of_tokens.json', 'UnsupportedError: advantages that differ'],
      ],
    )
    assertAllPass(rows.filter((row) => !unsupported.includes(row)))
    assert.ok(rows.length >= 90, `only ${rows.length} rows`)
  })

  /** The rows of a copy of the repository's reference files in which one file was changed. */
  async function rowsAfter(
    root: string,
    file: string,
    edit: (json: Record<string, unknown>) => void,
  ): Promise<ReportRow[]> {
    const copy = temporary(`copy-${Math.random()}`)
    fs.cpSync(root, copy, { recursive: true })
    fs.cpSync(path.join(fixtures, 'models'), temporary('golden/models'), { recursive: true })
    const json = JSON.parse(fs.readFileSync(path.join(copy, file), 'utf8')) as Record<string, unknown>
    edit(json)
    fs.writeFileSync(path.join(copy, file), JSON.stringify(json))
    const part = file.split('/')[0]!
    return (await rowsOf(copy, [part])).filter((row) => row.file.startsWith(path.dirname(file)))
  }

  const changes: [file: string, settings: Record<string, unknown>, quantity: RegExp][] = [
    ['step/gspo_restarts.json', { importance_sampling_level: 'token' }, /gradients|losses/],
    ['step/gspo_restarts.json', { epsilon_high: 0.5 }, /metrics/],
    ['step/gspo_restarts.json', { lr_scheduler_kwargs: { num_cycles: 1 } }, /weights|metrics/],
    [
      'step/gspo_restarts.json',
      {
        lora: {
          r: 2,
          lora_alpha: 4,
          use_rslora: true,
          target_modules: ['v_proj', 'up_proj'],
          layers_to_transform: [1],
        },
      },
      /losses|gradients/,
    ],
    ['step/adaptive_top_entropy.json', { entropy_target: 0.1 }, /losses|metrics/],
    ['step/adaptive_top_entropy.json', { top_entropy_quantile: 1 }, /losses|metrics/],
    ['grpo/dr_grpo_length.json', { max_completion_length: 16 }, /loss/],
    ['grpo/adaptive_top_entropy.json', { entropy_coef_delta: 0.1 }, /metrics/],
  ]
  for (const [file, settings, quantity] of changes) {
    it(`reads ${Object.keys(settings).join(' and ')} of ${file}`, async () => {
      const rows = await rowsAfter(path.join(import.meta.dirname, '../fixtures/trl'), file, ({ config }) => {
        Object.assign(config as object, settings)
      })
      const failed = rows.filter((row) => row.file === file && row.status === 'fail')
      assert.ok(
        failed.some((row) => quantity.test(row.quantity)),
        failed.map((row) => `${row.quantity}: ${row.note}`).join('\n'),
      )
    })
  }

  it('tells fields, elements and tensors that nothing has read, and settings that it cannot compare', async () => {
    const trl = path.join(import.meta.dirname, '../fixtures/trl')
    const unread = await rowsAfter(trl, 'grpo/advantages_b1.json', (json) => {
      Object.assign(json.config as object, { use_vllm: null, router_aux_loss_coef: 0.1 })
      Object.assign(json.inputs as object, { images: [[1]], notes: { a: 1, b: null } })
    })
    const [row] = unread.filter(({ file, status }) => file === 'grpo/advantages_b1.json' && status !== 'pass')
    assert.deepEqual(
      [row!.status, row!.note],
      ['unsupported', 'nothing has read config.router_aux_loss_coef, inputs.images, inputs.notes.a'],
    )
    const processes = await rowsAfter(trl, 'grpo/advantages_b1.json', (json) => {
      Object.assign(json.config as object, { num_processes: 2 })
    })
    const other = processes.find(({ file }) => file === 'grpo/advantages_b1.json')
    assert.match(
      `${other!.status} ${other!.note}`,
      /^unsupported UnsupportedError: num_processes is 2; only 1 is compared/,
    )
    const dropout = await rowsAfter(fixtures, 'lora/qwen3_r3_qv/adapter_config.json', (json) => {
      Object.assign(json, { lora_dropout: 0.1, runtime: { a: 1 } })
    })
    const notes = dropout
      .filter(({ status }) => status === 'unsupported')
      .map(({ file, note }) => `${path.basename(file)}: ${note}`)
    assert.match(notes.join('\n'), /grads_beta0.safetensors: lora_dropout is 0.1/)
    assert.match(notes.join('\n'), /adapter_config.json: nothing has read runtime.a/)
    assert.match(notes.join('\n'), /io.safetensors: nothing has read .*old_per_token_logps/)
  })

  it('compares the merged weights of an adapter', async function () {
    const golden = requireShared(this, 'golden')
    const rows = (await rowsOf(golden, ['lora'])).filter(({ file }) => file.endsWith('/merged.safetensors'))
    assert.ok(rows.filter(({ quantity }) => quantity.startsWith('merged ')).length >= 14)
    assertAllPass(rows)
  })

  for (const part of ['stats', 'logits', 'greedy', 'lora', 'step']) {
    it(`agrees with ../shared/golden: ${part}`, async function () {
      const rows = await rowsOf(requireShared(this, 'golden'), [part])
      assertAllPass(rows)
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
