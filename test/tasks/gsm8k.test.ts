import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ConfigError, DataError } from '../../src/errors.js'
import { gsm8k } from '../../src/tasks/gsm8k.js'
import type { MalformedRow } from '../../src/tasks/task.js'
import { requireShared } from '../shared.js'

const fixtures = path.join(import.meta.dirname, '../fixtures/gsm8k')

describe('gsm8k', () => {
  let folder: string
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'gsm8k-'))
  })
  afterEach(() => {
    fs.rmSync(folder, { recursive: true })
  })

  function write(name: string, rows: readonly unknown[]): string {
    const file = path.join(folder, name)
    fs.writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    return file
  }

  it('takes the gold answer after the last marker, without thousands commas', async () => {
    const { name, problems } = await gsm8k({ data: fixtures })
    assert.equal(name, 'gsm8k')
    assert.deepEqual(
      problems.map(({ answer }) => answer),
      ['48', '2000', '-7', '6', '1250'],
    )
    const row = { question: 'Twice?', answer: 'First\n#### 1\nthen\n#### 2' }
    assert.equal((await gsm8k({ data: write('train.jsonl', [row]) })).problems[0]?.answer, '2')
  })

  it('strips the calculator annotations of the solutions', async () => {
    const [, saving] = (await gsm8k({ data: fixtures })).problems
    assert.equal(saving?.solution, 'After 8 months Ida has 250*8 = $2,000.\n#### 2,000')
  })

  it('reads a folder, its subfolder main, and single files, with the same problems and ids', async () => {
    const { problems } = await gsm8k({ data: fixtures })
    assert.deepEqual((await gsm8k({ data: path.join(fixtures, 'train.jsonl') })).problems, problems)
    assert.deepEqual((await gsm8k({ data: path.join(fixtures, 'main') })).problems, problems)
    fs.cpSync(path.join(fixtures, 'main'), path.join(folder, 'main'), { recursive: true })
    assert.deepEqual((await gsm8k({ data: folder })).problems, problems)
    assert.equal(problems[0]?.id, 'gsm8k/train/1')
    assert.equal(problems[4]?.id, 'gsm8k/train/5')
    const test = await gsm8k({ data: fixtures, split: 'test' })
    assert.deepEqual(
      test.problems.map(({ id }) => id),
      ['gsm8k/test/1', 'gsm8k/test/2'],
    )
  })

  it('refuses data that is missing, incomplete, or of the other split', async () => {
    await assert.rejects(gsm8k({ data: path.join(folder, 'absent') }), /absent' does not exist/)
    await assert.rejects(
      gsm8k({ data: folder }),
      /holds no file that is named as the train split, such as train\.jsonl, train\.csv or train-\*\.parquet/,
    )
    await assert.rejects(gsm8k({ data: path.join(fixtures, 'main'), split: 'test' }), DataError)
    await assert.rejects(gsm8k({ data: path.join(fixtures, 'train.jsonl'), split: 'test' }), /named as the train split/)
    fs.copyFileSync(
      path.join(fixtures, 'main/train-00001-of-00002.parquet'),
      path.join(folder, 'train-00001-of-00002.parquet'),
    )
    await assert.rejects(gsm8k({ data: folder }), /holds 1 of 2 shards \(train-00001-of-00002.parquet\)/)
    await assert.rejects(gsm8k({ data: write('train.jsonl', []) }), /no problems are left/)
  })

  describe('malformed rows', () => {
    const good = { question: 'How many?', answer: '#### 1' }
    const malformed = [
      'text',
      [good],
      null,
      { answer: '#### 1' },
      { question: ' ', answer: '#### 1' },
      { question: 'How many?' },
      { question: 'How many?', answer: 'One.' },
      { question: 'How many?', answer: '#### one' },
    ]

    it('are counted and named in the error', async () => {
      const file = write('train.jsonl', [good, ...malformed])
      await assert.rejects(gsm8k({ data: file }), (error) => {
        assert.ok(error instanceof DataError)
        assert.match(error.message, /^8 of 9 rows are malformed/)
        assert.ok(error.message.includes(`${file}:2 is not an object`))
        assert.ok(error.message.includes(`${file}:5 has no question`))
        assert.match(error.message, /and 3 more/)
        return true
      })
    })

    it('are handed to onMalformedRow and left out', async () => {
      const file = write('train.jsonl', [good, ...malformed, good])
      const rows: MalformedRow[] = []
      const { problems } = await gsm8k({ data: file, onMalformedRow: (row) => rows.push(row) })
      assert.deepEqual(
        problems.map(({ id }) => id),
        ['gsm8k/train/1', 'gsm8k/train/10'],
      )
      assert.deepEqual(
        rows.map(({ line }) => line),
        [2, 3, 4, 5, 6, 7, 8, 9],
      )
      assert.equal(rows[6]?.reason, 'has no answer line `#### <number>`')
      assert.equal(rows[7]?.reason, "has the answer 'one', which is not a number")
    })

    it('may be lines that are not JSON', async () => {
      const file = write('train.jsonl', [good])
      fs.appendFileSync(file, '{"question": "cut off\n' + JSON.stringify(good))
      const rows: MalformedRow[] = []
      const task = await gsm8k({ data: file, onMalformedRow: (row) => rows.push(row) })
      assert.equal(task.problems.length, 2)
      assert.deepEqual(task.malformedRows, rows)
      assert.deepEqual([rows.length, rows[0]!.file, rows[0]!.line], [1, file, 2])
      assert.match(rows[0]!.reason, /^is not valid JSON/)
    })

    it('are training problems that the test split asks as well', async () => {
      const [file] = [write('train.jsonl', [good, { ...good, question: 'How  MANY?' }, { ...good, question: 'Else?' }])]
      write('test.jsonl', [good])
      const rows: MalformedRow[] = []
      const task = await gsm8k({ data: folder, onMalformedRow: (row) => rows.push(row) })
      assert.deepEqual(
        task.problems.map(({ id }) => id),
        ['gsm8k/train/3'],
      )
      assert.deepEqual(
        rows.map(({ file: named, line, reason }) => `${named}:${line} ${reason}`),
        [1, 2].map((line) => `${file}:${line} asks the same as gsm8k/test/1 of the test split`),
      )
    })
  })

  it('takes the first problems only', async () => {
    assert.equal((await gsm8k({ data: fixtures, limit: 2 })).problems.length, 2)
    assert.equal((await gsm8k({ data: fixtures, limit: 99 })).problems.length, 5)
    for (const limit of [0, -1, 1.5, NaN]) await assert.rejects(gsm8k({ data: fixtures, limit }), ConfigError)
  })

  it('asks a question as plain text without a chat template', async () => {
    const task = await gsm8k({ data: fixtures, limit: 1 })
    const question = 'A baker fills 4 trays with 12 rolls each. How many rolls are there?'
    assert.deepEqual(task.prompt(task.problems[0]!, null), { text: `Question: ${question}\nAnswer:`, ids: [] })
  })

  it('gives training rows as examples and leaves them out of the problems', async () => {
    const task = await gsm8k({ data: fixtures, shots: 2, limit: 1 })
    assert.equal(task.problems[0]?.id, 'gsm8k/train/3')
    const { text } = task.prompt(task.problems[0], null)
    assert.ok(text.startsWith('Question: A baker fills'))
    assert.ok(text.includes('Answer: There are 4*12 = 48 rolls.\n#### 48\n\nQuestion: Ida saves'))
    assert.ok(text.endsWith('How cold is it at night?\nAnswer:'))

    const test = await gsm8k({ data: fixtures, split: 'test', shots: 2 })
    assert.equal(test.problems.length, 2)
    assert.ok(test.prompt(test.problems[0]!, null).text.startsWith('Question: A baker fills'))
  })

  it('refuses more examples than there are rows', async () => {
    await assert.rejects(gsm8k({ data: fixtures, split: 'test', shots: 6 }), /shots 6: .*train.jsonl hold only 5/)
    await assert.rejects(gsm8k({ data: fixtures, shots: 5 }), /no problems are left/)
    await assert.rejects(gsm8k({ data: fixtures, shots: -1 }), ConfigError)
  })

  it('reads GSM8K', async function () {
    const data = requireShared(this, 'data', 'gsm8k')
    const train = await gsm8k({ data })
    const test = await gsm8k({ data, split: 'test' })
    assert.equal(train.problems.length, 7473)
    assert.equal(test.problems.length, 1319)
    for (const { id, answer, solution } of [...train.problems, ...test.problems]) {
      assert.match(answer, /^-?\d+$/, id)
      assert.ok(!solution!.includes('<<'), id)
    }
    const parquet = await gsm8k({ data: path.join(data, 'train-00000-of-00001.parquet') })
    assert.deepEqual(parquet.problems, train.problems)
  })
})
