import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import zlib from 'node:zlib'
import { DataError, FileFormatError } from '../../../src/errors.js'
import { readRows } from '../../../src/tasks/rows/readRows.js'
import { requireShared } from '../../shared.js'

const fixtures = path.join(import.meta.dirname, '../../fixtures/gsm8k')

async function collect(...files: string[]): Promise<unknown[]> {
  const values: unknown[] = []
  for (const file of files) for await (const { value } of readRows(file)) values.push(value)
  return values
}

describe('readRows', () => {
  it('reads the same rows from JSON lines and from parquet of several compressions', async () => {
    const lines = await collect(path.join(fixtures, 'train.jsonl'))
    const shards = ['train-00000-of-00002.parquet', 'train-00001-of-00002.parquet']
    assert.equal(lines.length, 5)
    assert.deepEqual(await collect(...shards.map((name) => path.join(fixtures, 'main', name))), lines)
  })

  it('numbers the rows from 1', async () => {
    for (const file of ['train.jsonl', 'main/train-00000-of-00002.parquet']) {
      const lines: number[] = []
      for await (const { line } of readRows(path.join(fixtures, file))) lines.push(line)
      assert.deepEqual(lines.slice(0, 3), [1, 2, 3], file)
    }
  })

  it('names a file that is corrupt, missing, or of another kind', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rows-'))
    const shard = fs.readFileSync(path.join(fixtures, 'main/train-00000-of-00002.parquet'))
    try {
      for (const [name, bytes] of Object.entries({ cut: shard.subarray(0, 700), empty: '', text: 'a,b\n1,2\n' })) {
        const file = path.join(folder, `${name}.parquet`)
        fs.writeFileSync(file, bytes)
        await assert.rejects(collect(file), (error) => error instanceof FileFormatError && error.file === file, name)
      }
      await assert.rejects(collect(path.join(folder, 'absent.parquet')), FileFormatError)
      await assert.rejects(collect(path.join(folder, 'absent.csv')), FileFormatError)
      await assert.rejects(collect(path.join(folder, 'rows.xlsx')), DataError)
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })

  it('reads separated values, JSON arrays and compressed JSON lines', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rows-'))
    const write = (name: string, bytes: string | Buffer): string => {
      fs.writeFileSync(path.join(folder, name), bytes)
      return path.join(folder, name)
    }
    try {
      const rows = [
        { q: 'one, "two"\nthree', a: '1' },
        { q: '', a: 'ä' },
      ]
      const csv = write('a.csv', '\uFEFFq,a\r\n"one, ""two""\nthree",1\r\n\r\n,ä\r\n')
      assert.deepEqual(await collect(csv), rows)
      assert.deepEqual(await collect(write('a.tsv', 'q\ta\nx, y\t2\n')), [{ q: 'x, y', a: '2' }])
      assert.deepEqual(await collect(write('a.json', JSON.stringify(rows))), rows)
      assert.deepEqual(await collect(write('b.json', JSON.stringify({ version: '1', data: rows }))), rows)
      assert.deepEqual(await collect(write('d.json', '{"q": 1}\n{"q": 2}\n')), [{ q: 1 }, { q: 2 }])
      await assert.rejects(collect(write('c.json', '{"a": 1}')), FileFormatError)
      await assert.rejects(collect(write('e.json', '[\n{"a": 1},\n{"a" 2}]')), /e\.json:3: is not valid JSON/)
      const lines = rows.map((row) => JSON.stringify(row)).join('\n')
      assert.deepEqual(await collect(write('a.jsonl.gz', zlib.gzipSync(lines))), rows)
      await assert.rejects(collect(write('b.jsonl.gz', zlib.gzipSync(lines).subarray(0, 20))), FileFormatError)
      for (const [name, header] of [
        ['f.csv', 'question;answer'],
        ['g.csv', 'Frage\tAntwort'],
        ['h.tsv', 'q;a'],
      ] as const) {
        await assert.rejects(
          collect(write(name, `${header}\n1;2,5\n`)),
          /names one column, .*; expected '(,|\\t)' between/,
        )
      }
      assert.deepEqual(await collect(write('i.csv', '"Note; more"\nx\n')), [{ 'Note; more': 'x' }])
      const errors: unknown[] = []
      for await (const row of readRows(write('d.csv', 'q,a\n1\n1,2\n1,2,3\n'))) errors.push([row.line, row.error])
      assert.deepEqual(errors, [
        [2, 'has 1 values for 2 columns'],
        [3, undefined],
        [4, 'has 3 values for 2 columns'],
      ])
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })

  it('reads the training rows of GSM8K alike from both formats', async function () {
    const lines = await collect(requireShared(this, 'data', 'gsm8k', 'train.jsonl'))
    const parquet = await collect(requireShared(this, 'data', 'gsm8k', 'train-00000-of-00001.parquet'))
    assert.equal(lines.length, 7473)
    assert.deepEqual(parquet, lines)
  })
})
