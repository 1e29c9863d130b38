import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'
import { ConfigError, FileFormatError } from '../../../src/errors.js'
import { fileTask } from '../../../src/tasks/fileTask.js'
import { readRows } from '../../../src/tasks/rows/readRows.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'

const rows = [
  { question: 'Café – one?', answer: '1' },
  { question: 'Zwei, “zwei”?', answer: '2' },
]
const lines = `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`
const files: readonly (readonly [string, string])[] = [
  ['a.jsonl', lines],
  ['a.jsonl.gz', lines],
  ['a.json', JSON.stringify(rows, null, 2)],
  ['a.csv', `question,answer\r\n${rows.map(({ question, answer }) => `"${question}",${answer}`).join('\r\n')}\r\n`],
  ['a.tsv', `question\tanswer\n${rows.map(({ question, answer }) => `${question}\t${answer}`).join('\n')}\n`],
]

function utf16(text: string, order: 'le' | 'be'): Buffer {
  const bytes = Buffer.from(text, 'utf16le')
  return order === 'le' ? bytes : bytes.swap16()
}

/** Windows-1252, of which the tests need these three beyond Latin-1. */
function windows1252(text: string): Buffer {
  const codes = new Map([
    ['–', 0x96],
    ['“', 0x93],
    ['”', 0x94],
  ])
  return Buffer.from(Array.from(text, (character) => codes.get(character) ?? character.charCodeAt(0)))
}

describe('encodings of data files', () => {
  const inFolder = useTemporaryFolder()

  async function read(name: string, bytes: Buffer, encoding?: string): Promise<unknown[]> {
    fs.writeFileSync(inFolder(name), name.endsWith('.gz') ? zlib.gzipSync(bytes) : bytes)
    const values: unknown[] = []
    for await (const { value } of readRows(inFolder(name), { encoding })) values.push(value)
    return values
  }

  it('reads UTF-8 with and without a byte order mark, and UTF-16 with one', async () => {
    for (const [name, text] of files) {
      for (const bytes of [
        Buffer.from(text),
        Buffer.from(`\uFEFF${text}`),
        utf16(`\uFEFF${text}`, 'le'),
        utf16(`\uFEFF${text}`, 'be'),
      ]) {
        assert.deepEqual(await read(name, bytes), rows, name)
      }
    }
  })

  it('refuses other text by line and byte, and says what helps', async () => {
    for (const [name, text] of files) {
      const error = await read(name, windows1252(text)).then(
        () => null,
        (error: unknown) => error,
      )
      assert.ok(error instanceof FileFormatError, name)
      assert.match(error.message, /a\.\w+(\.gz)?:\d: is not UTF-8: byte 0xe9 after '.*Caf'\. It may be Windows-1252/)
      assert.match(error.message, /encoding: windows-1252, --encoding.*iconv -f WINDOWS-1252 -t UTF-8/)
    }
    const [, second] = lines.split('\n')
    const late = Buffer.concat([Buffer.from('{"question": "x", "answer": "1"}\n\n'), windows1252(second!)])
    await assert.rejects(read('late.jsonl', late), /late\.jsonl:3: is not UTF-8: byte 0x93/)
  })

  it('reads it when its encoding is named', async () => {
    for (const [name, text] of files) {
      assert.deepEqual(await read(name, windows1252(text), 'windows-1252'), rows, name)
      assert.deepEqual(await read(name, utf16(text, 'le'), 'utf-16le'), rows, name)
      assert.deepEqual(await read(name, Buffer.from(text), 'utf-8'), rows, name)
    }
    const data = inFolder('train.csv')
    fs.writeFileSync(data, windows1252(files[3]![1]))
    assert.equal((await fileTask({ data, encoding: 'latin1' })).problems[0]!.question, rows[0]!.question)
    await assert.rejects(fileTask({ data }), /train\.csv:2: is not UTF-8/)
    await assert.rejects(fileTask({ data, encoding: 'klingon' }), ConfigError)
  })

  it('refuses UTF-16 without a mark, UTF-32, damaged UTF-16 and NUL bytes by their names', async () => {
    for (const [name, text] of files) {
      await assert.rejects(read(name, utf16(text, 'le')), /looks like UTF-16 without a byte order mark.*utf-16le/)
      await assert.rejects(read(name, utf16(text, 'be')), /looks like UTF-16 without a byte order mark.*utf-16be/)
      const cut = utf16(`\uFEFF${text}`, 'le').subarray(0, -1)
      await assert.rejects(read(name, cut), /is not utf-16le \(as its byte order mark says\)/)
      await assert.rejects(read(name, Buffer.from([0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0])), /is in UTF-32LE/)
      await assert.rejects(read(name, Buffer.from(text.replace('one', 'o\0e'))), /holds NUL bytes/)
    }
  })

  it('refuses text in parquet that is not UTF-8', async () => {
    const file = path.join(import.meta.dirname, '../../fixtures/parquet/latin1.parquet')
    await assert.rejects(read('a.parquet', fs.readFileSync(file)), /a\.parquet: cannot be read as parquet: .*not UTF-8/)
  })
})
