import assert from 'node:assert/strict'
import fs from 'node:fs'
import fc from 'fast-check'
import { z } from 'zod'
import { FileFormatError } from '../../src/errors.js'
import { readAllRecords, RecordTail } from '../../src/run/recordTail.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('run/recordTail', () => {
  const inFolder = useTemporaryFolder()

  const schema = z.object({ a: z.number() })
  const newTail = (): RecordTail<{ a: number }> => new RecordTail(inFolder('a.jsonl'), schema)
  const readAll = <T>(tail: RecordTail<T>): T[] => {
    const values: T[] = []
    tail.read((value) => values.push(value))
    return values
  }

  it('reads a file that does not exist yet, then what is added to it', () => {
    const tail = newTail()
    assert.deepEqual(readAll(tail), [])
    fs.writeFileSync(inFolder('a.jsonl'), '{"a":1}\n')
    assert.deepEqual(readAll(tail), [{ a: 1 }])
    fs.appendFileSync(inFolder('a.jsonl'), '{"a":2}\n{"a":3}\n')
    assert.deepEqual(readAll(tail), [{ a: 2 }, { a: 3 }])
    assert.deepEqual(readAll(tail), [])
  })

  it('gives the same values wherever a writer pauses', () => {
    const texts = z.object({ text: z.string(), number: z.number() })
    const values = fc.array(
      fc.record({ text: fc.string({ unit: 'binary' }), number: fc.integer() }, { noNullPrototype: true }),
      { maxLength: 6 },
    )
    fc.assert(
      fc.property(values, fc.array(fc.nat(200), { maxLength: 5 }), (lines, cuts) => {
        const file = inFolder('a.jsonl')
        const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
        fs.writeFileSync(file, '')
        const tail = new RecordTail(file, texts)
        const read: unknown[] = []
        let start = 0
        for (const end of [...cuts.sort((a, b) => a - b), bytes.length]) {
          if (end > start) fs.appendFileSync(file, bytes.subarray(start, end))
          start = Math.max(start, end)
          read.push(...readAll(tail))
        }
        assert.deepEqual(read, lines)
      }),
      { numRuns: 50 },
    )
  })

  it('passes over damaged lines, and tells how many there are and what is wrong with the first', () => {
    fs.writeFileSync(inFolder('a.jsonl'), '{"a":1}\n\n  \n{"a":\nNaN\n{"a":"1"}\n{"b":1}\n[]\nnull\n{"a":2}\n')
    const tail = newTail()
    assert.equal(tail.problem, null)
    assert.deepEqual(readAll(tail), [{ a: 1 }, { a: 2 }])
    assert.match(tail.problem!, /^6 lines are damaged and were left out, the first: a\.jsonl:4: is not JSON in UTF-8$/)
    fs.writeFileSync(inFolder('a.jsonl'), '{"a":1}\n{"b":1}\n')
    const other = newTail()
    assert.deepEqual(readAll(other), [{ a: 1 }])
    assert.equal(other.problem, 'a line is damaged and was left out: a.jsonl:2: a is missing')
  })

  it('takes a byte order mark and line breaks of Windows, but not bytes that are no UTF-8', () => {
    fs.writeFileSync(inFolder('a.jsonl'), '\ufeff{"a":1}\r\n{"a":2}\r\n\r\n')
    const tail = newTail()
    assert.deepEqual(readAll(tail), [{ a: 1 }, { a: 2 }])
    assert.equal(tail.problem, null)
    fs.appendFileSync(inFolder('a.jsonl'), Buffer.from('{"a":3,"b":"\xff"}\n\0\0\0\n', 'latin1'))
    assert.deepEqual(readAll(tail), [])
    assert.match(tail.problem!, /^2 lines .* a\.jsonl:4: is not JSON in UTF-8/)
  })

  it('leaves out fields that the schema does not know, and never a prototype', () => {
    fs.writeFileSync(inFolder('a.jsonl'), '{"a":1,"b":[{}],"__proto__":{"c":3}}\n')
    const [record] = readAll(newTail())
    assert.deepEqual(record, { a: 1 })
    assert.equal('c' in record, false)
  })

  it('reads no further than it is told', () => {
    fs.writeFileSync(inFolder('a.jsonl'), '{"a":1}\n{"a":2}\n')
    const tail = newTail()
    const values: unknown[] = []
    assert.equal(
      tail.read((value) => values.push(value), 8),
      true,
    )
    assert.deepEqual(values, [{ a: 1 }])
    assert.deepEqual(readAll(tail), [{ a: 2 }])
  })

  it('passes over a line that is too long, and goes on behind it', () => {
    fs.writeFileSync(inFolder('a.jsonl'), `{"a":1}\n{"a":"${'x'.repeat(70_000_000)}"}\n{"a":2}\n`)
    const tail = newTail()
    assert.deepEqual(readAll(tail), [{ a: 1 }, { a: 2 }])
    assert.equal(tail.problem, 'a line is damaged and was left out: a.jsonl:2: the line is longer than 67108864 bytes')
  })

  it('lets an incomplete last line wait, and takes it at the end only if it is whole', () => {
    const read = (text: string): unknown[] => {
      fs.writeFileSync(inFolder('a.jsonl'), text)
      const tail = newTail()
      const values = readAll(tail)
      tail.end((value) => values.push(value))
      assert.equal(tail.problem, null)
      return values
    }
    assert.deepEqual(read('{"a":1}\n{"a":2'), [{ a: 1 }])
    assert.deepEqual(read('{"a":1}\n{"a":2}'), [{ a: 1 }, { a: 2 }])
  })

  it('says that the file was replaced, shortened or removed', () => {
    const file = inFolder('a.jsonl')
    const tail = newTail()
    assert.equal(tail.isReplaced, false)
    fs.writeFileSync(file, '{"a":1}\n')
    readAll(tail)
    assert.equal(tail.isReplaced, false)
    fs.truncateSync(file, 3)
    assert.equal(tail.isReplaced, true)
    fs.rmSync(file)
    assert.equal(tail.isReplaced, true)
  })

  it('reads strictly: a file that is missing and a line that is damaged are errors', async () => {
    const read = (): Promise<unknown[]> => readAllRecords(inFolder('a.jsonl'), schema)
    const refuses = (message: RegExp): Promise<void> =>
      assert.rejects(read, (error) => error instanceof FileFormatError && message.test(error.message))
    await refuses(/a\.jsonl: cannot be read \(ENOENT/)
    fs.writeFileSync(inFolder('a.jsonl'), '')
    assert.deepEqual(await read(), [])
    fs.writeFileSync(inFolder('a.jsonl'), '\ufeff{"a":1}\r\n{"a":2}')
    assert.deepEqual(await read(), [{ a: 1 }, { a: 2 }])
    fs.appendFileSync(inFolder('a.jsonl'), '\n{"a":3')
    await refuses(/a\.jsonl:3: the line is not valid JSON/)
    fs.writeFileSync(inFolder('a.jsonl'), '{"a":1}\n{"a":"2"}\n')
    await refuses(/a\.jsonl:2: a must be of type number, got '2'/)
  })
})
