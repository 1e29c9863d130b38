import assert from 'node:assert/strict'
import fs from 'node:fs'
import fc from 'fast-check'
import { DataError, FileFormatError, GrpoError } from '../../src/errors.js'
import { JsonLinesWriter, readJsonLines } from '../../src/io/jsonLines.js'
import { useTemporaryFolder } from './temporaryFolder.js'

async function readAll(file: string): Promise<{ line: number; value: unknown }[]> {
  const rows = []
  for await (const row of readJsonLines(file)) rows.push(row)
  return rows
}

async function readValues(file: string): Promise<unknown[]> {
  return (await readAll(file)).map(({ value }) => value)
}

function writeAll(file: string, values: readonly unknown[], append = false): void {
  const writer = new JsonLinesWriter(file, { append })
  try {
    for (const value of values) writer.write(value)
  } finally {
    writer.close()
  }
}

describe('io/jsonLines', () => {
  const inFolder = useTemporaryFolder()

  it('reads what it wrote', async () => {
    const file = inFolder('a.jsonl')
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), async (values) => {
        // JSON has no -0.
        const expected = JSON.parse(JSON.stringify(values)) as unknown[]
        writeAll(file, values)
        assert.deepEqual(await readValues(file), expected)
      }),
      { numRuns: 50 },
    )
  })

  it('counts lines from 1, skips empty ones, takes \\r\\n, a byte order mark and no newline at the end', async () => {
    const file = inFolder('a.jsonl')
    fs.writeFileSync(file, '\ufeff{"a":1}\r\n\r\n \t\n[2]\n"three"')
    assert.deepEqual(await readAll(file), [
      { line: 1, value: { a: 1 } },
      { line: 4, value: [2] },
      { line: 5, value: 'three' },
    ])
    fs.writeFileSync(file, '')
    assert.deepEqual(await readAll(file), [])
  })

  it('does not split at U+2028 or inside a character that lies across two pieces of the file', async () => {
    const file = inFolder('a.jsonl')
    const values = ['a\u2028b', 'ü'.repeat(100_001), 'x'.repeat(200_000)]
    fs.writeFileSync(file, values.map((value) => JSON.stringify(value)).join('\n'))
    assert.deepEqual(await readValues(file), values)
  })

  it('names file and line of a line that is not JSON or not UTF-8', async () => {
    const file = inFolder('a.jsonl')
    fs.writeFileSync(file, '{}\n\n{"a":\n')
    await assert.rejects(readAll(file), (error) => error instanceof FileFormatError && error.file === `${file}:3`)
    fs.writeFileSync(file, Buffer.from([34, 0xff, 34]))
    await assert.rejects(readAll(file), /a\.jsonl:1: the line is not valid UTF-8/)
  })

  it('names a file that cannot be read', async () => {
    await assert.rejects(readAll(inFolder('missing.jsonl')), /missing\.jsonl: cannot be read \(ENOENT/)
    await assert.rejects(readAll(inFolder()), FileFormatError)
  })

  it('refuses an endless line instead of holding it in memory', async () => {
    const file = inFolder('a.jsonl')
    fs.writeFileSync(file, `1\n"${'a'.repeat(64 * 1024 * 1024)}`)
    await assert.rejects(readAll(file), /a\.jsonl:2: the line is longer than/)
    fs.truncateSync(file, 2 ** 40)
    await assert.rejects(readAll(file), /a\.jsonl:2: the line is longer than/)
    fs.writeFileSync(file, '1\n')
    fs.truncateSync(file, 2 ** 40)
    await assert.rejects(readAll(file), /holds NUL bytes/)
    assert.throws(() => new JsonLinesWriter(file, { append: true }), /last line of more than/)
  })

  it('replaces an existing file, or appends to it', async () => {
    const file = inFolder('a.jsonl')
    writeAll(file, [1, 2])
    writeAll(file, [3])
    writeAll(file, [4], true)
    assert.deepEqual(await readValues(file), [3, 4])
    writeAll(inFolder('new.jsonl'), [5], true)
    assert.equal(fs.readFileSync(inFolder('new.jsonl'), 'utf8'), '5\n')
  })

  it('appends after the last whole line of a writer that was killed', async () => {
    const file = inFolder('a.jsonl')
    fs.writeFileSync(file, '{"step":1}\n{"step":2,"rew')
    writeAll(file, [{ step: 2 }], true)
    assert.deepEqual(await readValues(file), [{ step: 1 }, { step: 2 }])
    fs.writeFileSync(file, '{"step":1}\n{"step":2}')
    writeAll(file, [{ step: 3 }], true)
    assert.deepEqual(await readValues(file), [{ step: 1 }, { step: 2 }, { step: 3 }])
  })

  it('refuses what is not JSON, a line after close, and a folder that does not exist', () => {
    const writer = new JsonLinesWriter(inFolder('a.jsonl'))
    assert.throws(() => {
      writer.write(undefined)
    }, DataError)
    writer.close()
    writer.close()
    assert.throws(() => {
      writer.write(1)
    }, DataError)
    assert.equal(fs.readFileSync(inFolder('a.jsonl'), 'utf8'), '')
    assert.throws(() => new JsonLinesWriter(inFolder('missing', 'a.jsonl')), GrpoError)
  })
})
