import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../../../src/errors.js'
import { textColumn } from '../../../src/tasks/rows/columns.js'
import type { Columns } from '../../../src/tasks/rows/columns.js'
import { fileTask } from '../../../src/tasks/fileTask.js'
import { readRows } from '../../../src/tasks/rows/readRows.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { requireShared } from '../../shared.js'

const fixtures = path.join(import.meta.dirname, '../../fixtures/parquet')

describe('numbers of data files', () => {
  const inFolder = useTemporaryFolder()

  async function rowsOf(name: string, text?: string): Promise<Columns[]> {
    const file = text === undefined ? name : inFolder(name)
    if (text !== undefined) fs.writeFileSync(file, text)
    const rows: Columns[] = []
    for await (const { value, error } of readRows(file)) rows.push((value ?? { error }) as Columns)
    return rows
  }

  it('keep the text that their file has, in every format', async () => {
    const texts = [
      '12345678901234567890',
      '-9007199254740993',
      '1.10',
      '1e400',
      '-0',
      '-0.0',
      '1E5',
      '0.30',
      '3',
      '0.1',
    ]
    for (const [name, text] of [
      ['a.jsonl', texts.map((number) => `{"answer": ${number}, "in": {"x": ${number}}}`).join('\n')],
      ['a.json', `[${texts.map((number) => `{"answer": ${number}, "in": {"x": ${number}}}`).join(',\n')}]`],
      ['a.csv', `answer,in.x\n${texts.map((number) => `${number},${number}`).join('\n')}\n`],
    ] as const) {
      const rows = await rowsOf(name, text)
      assert.deepEqual(
        rows.map((row) => textColumn(row, 'answer')),
        texts,
        name,
      )
      assert.deepEqual(
        rows.map((row) => textColumn(row, 'in.x')),
        texts,
        name,
      )
    }
  })

  it('are numbers for reward functions where a number can be them', async () => {
    const [row] = await rowsOf(
      'a.jsonl',
      '{"a": 1.10, "b": 1E5, "c": -0, "d": 12345678901234567890, "e": 1e400, "f": 0.30000000000000004441, "g": [1.50]}',
    )
    assert.deepEqual(row, {
      a: 1.1,
      b: 100000,
      c: -0,
      d: '12345678901234567890',
      e: '1e400',
      f: 0.30000000000000004,
      g: [1.5],
    })
  })

  it('come from parquet as they were written: integers of 64 bits, decimals, single and half precision', async () => {
    const rows = await rowsOf(path.join(fixtures, 'types.parquet'))
    const texts = (name: string): string[] => rows.map((row) => textColumn(row, name))
    assert.deepEqual(texts('int64'), ['1', '9007199254740993', '-9223372036854775808', '9223372036854775807', ''])
    assert.deepEqual(texts('uint64'), ['1', '18446744073709551615', '3', '4', ''])
    assert.deepEqual(texts('float32'), ['0.3', '10000000000', '-0', '3.4e+38', ''])
    assert.deepEqual(texts('float16'), ['0.1', '1.5', '65504', '0.33', ''])
    assert.deepEqual(texts('float64'), ['0.1', '1e+308', '-0', '0.30000001192092896', ''])
    assert.deepEqual(texts('cents'), ['1.10', '-0.05', '0.00', '9999999.99', ''])
    assert.deepEqual(texts('large'), ['12345678901234567890.123', '-1.000', '0.000', '1.100', ''])
    assert.deepEqual(texts('nested.id').slice(0, 2), ['1152921504606846976', '1152921504606846977'])
    assert.deepEqual(
      [texts('nested.price.cents')[0], texts('nested.price.rate')[0], texts('map.k')[0]],
      ['1.50', '0.1', '0.1'],
    )
    const { list, map, bytes, when, cents } = rows[0] as Record<string, unknown>
    assert.deepEqual([list, map, bytes, cents], [[0.1, 0.2], { k: 0.1 }, Uint8Array.of(255, 254), 1.1])
    assert.deepEqual(when, new Date('2020-01-01'))
    assert.deepEqual([rows[1]!.bytes, rows[2]!.list], ['abc', null])
    for (const other of ['types-plain.parquet', 'types-v2.parquet']) {
      assert.deepEqual(await rowsOf(path.join(fixtures, other)), rows, other)
    }
  })

  it('refuse a second column or key of a name, by its name', async () => {
    await assert.rejects(rowsOf('a.csv', 'question,answer,answer\nWhat?,3,999\n'), {
      name: 'FileFormatError',
      message: /a\.csv: has two columns 'answer' \(2 and 3\)/,
    })
    const rows = await rowsOf('a.jsonl', '{"a": 1}\n{"a": 1, "a": 2}\n{"b": {"c": "x", "c": "x"}}')
    assert.deepEqual(rows, [
      { a: 1 },
      { error: "has the key 'a' twice in one object" },
      { error: "has the key 'c' twice in one object" },
    ])
    await assert.rejects(rowsOf('a.json', '[{"a": 1, "\\u0061": 2}]'), (error) => {
      return error instanceof FileFormatError && error.message.includes("has the key 'a' twice")
    })
    await assert.rejects(fileTask({ data: inFolder('a.jsonl') }), /a\.jsonl:2 has the key 'a' twice in one object/)
  })

  it('is the answer of a problem as its file spells it', async function () {
    const bigint = await fileTask({ data: requireShared(this, 'faults', 'data', 'bigint.jsonl'), grader: 'exact' })
    assert.equal(bigint.problems[0]!.answer, '12345678901234567890')
    const single = await fileTask({ data: requireShared(this, 'faults', 'data', 'float32.parquet'), grader: 'number' })
    assert.match(single.problems.map(({ answer }) => answer).join(' '), /^\d+(\.\d)?( \d+(\.\d)?)*$/)
  })
})
