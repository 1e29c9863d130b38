import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { FileFormatError, GrpoError } from '../../../src/errors.js'
import { readRows } from '../../../src/tasks/rows/readRows.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { requireShared } from '../../shared.js'

const fixtures = path.join(import.meta.dirname, '../../fixtures')
const MUTANTS = 200

async function collect(file: string): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const { value } of readRows(file)) values.push(value)
  return values
}

describe('damaged data files', function () {
  this.timeout(0)
  const inFolder = useTemporaryFolder()
  const rejections: unknown[] = []
  const note = (reason: unknown): void => {
    rejections.push(reason)
  }

  before(() => process.on('unhandledRejection', note))
  after(() => process.off('unhandledRejection', note))

  const chat = JSON.stringify({ prompt: [{ role: 'user', content: 'What?' }], answer: 1.5, deep: { a: [1, [2, {}]] } })
  const originals: Readonly<Record<string, () => Buffer>> = {
    'a.parquet': () => fs.readFileSync(path.join(fixtures, 'parquet/types.parquet')),
    'b.parquet': () => fs.readFileSync(path.join(fixtures, 'parquet/types-plain.parquet')),
    'c.parquet': () => fs.readFileSync(path.join(fixtures, 'parquet/types-v2.parquet')),
    'd.parquet': () => fs.readFileSync(path.join(fixtures, 'gsm8k/main/train-00000-of-00002.parquet')),
    'a.jsonl': () => Buffer.from(`${chat}\n`.repeat(5)),
    'a.jsonl.gz': () => zlib.gzipSync(`${chat}\n`.repeat(50)),
    'a.json': () => Buffer.from(`[${`${chat},`.repeat(5)}${chat}]`),
    'a.csv': () => Buffer.from(`question,answer\n${'"What, then?",3\n'.repeat(20)}`),
    'utf16.csv': () => Buffer.from(`\uFEFFquestion,answer\n${'"What, then?",3\n'.repeat(20)}`, 'utf16le'),
  }

  for (const [name, read] of Object.entries(originals)) {
    it(`${name}: ${MUTANTS} mutants are read or refused by name, and no promise is left alone`, async () => {
      const original = read()
      const generator = xoroshiro128plus(17)
      const random = (bound: number): number => uniformInt(generator, 0, bound - 1)
      let refused = 0
      for (let i = 0; i < MUTANTS; i++) {
        let bytes = Buffer.from(original)
        if (i % 4 === 0) bytes = bytes.subarray(0, random(bytes.length))
        // The last kilobytes of parquet describe the rest.
        const reach = i % 4 === 3 ? Math.min(bytes.length, 3000) : bytes.length
        for (let flips = 1 + random(4); flips > 0 && reach > 0; flips--) {
          bytes[bytes.length - 1 - random(reach)] = random(256)
        }
        fs.writeFileSync(inFolder(name), bytes)
        try {
          await collect(inFolder(name))
        } catch (error) {
          assert.ok(error instanceof GrpoError, `mutant ${i}: ${String(error)}`)
          assert.ok(error.message.startsWith(inFolder(name)), error.message)
          refused++
        }
      }
      // A rejection that nobody handles is reported after the microtasks.
      await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual(rejections, [])
      assert.ok(refused > 0)
    })
  }

  it('names the damaged file that ended the process', async function () {
    await assert.rejects(collect(requireShared(this, 'faults', 'data', 'damaged.parquet')), FileFormatError)
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(rejections, [])
  })

  it('passes over line breaks, and refuses a gzip file that was made to fill the memory', async () => {
    const write = (bytes: Buffer): string => {
      fs.writeFileSync(inFolder('bomb.jsonl.gz'), bytes)
      return inFolder('bomb.jsonl.gz')
    }
    const breaks = write(zlib.gzipSync(`${'\n'.repeat(2_000_000)}{"a": 1}\n \t\r\n{"b" 2}\n`))
    const rows: unknown[] = []
    for await (const { line, value } of readRows(breaks)) rows.push([line, value])
    assert.deepEqual(rows, [
      [2_000_001, { a: 1 }],
      [2_000_003, undefined],
    ])
    const megabytes = Buffer.alloc(70 * 1024 * 1024, '\n')
    await assert.rejects(
      collect(write(zlib.gzipSync(megabytes, { level: 1 }))),
      /expands to more than 200 times its size/,
    )
    await assert.rejects(collect(write(zlib.gzipSync(megabytes.fill('a'), { level: 1 }))), /bomb\.jsonl\.gz/)
  })

  it('refuses parquet that claims more than it can hold', async () => {
    const file = inFolder('claims.parquet')
    const bytes = fs.readFileSync(path.join(fixtures, 'parquet/train-verl.parquet'))
    const footer = bytes.readUInt32LE(bytes.length - 8)
    let claims = 0
    // Bytes of the description in turn, as large as a byte can be.
    for (let at = bytes.length - 8 - footer; at < bytes.length - 8; at += 3) {
      const mutant = Buffer.from(bytes)
      mutant[at] = 0xff
      fs.writeFileSync(file, mutant)
      const error = await collect(file).then(
        () => null,
        (error: unknown) => error,
      )
      if (error === null) continue
      assert.ok(error instanceof FileFormatError, `byte ${at}`)
      if (error.message.includes('claims')) claims++
    }
    assert.ok(claims > 0)
    assert.deepEqual(rejections, [])
  })
})
