import assert from 'node:assert/strict'
import fs from 'node:fs'
import fc from 'fast-check'
import { JsonLinesTail } from '../../src/report/jsonLinesTail.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('report/jsonLinesTail', () => {
  const inFolder = useTemporaryFolder()

  const readAll = (tail: JsonLinesTail): unknown[] => {
    const values: unknown[] = []
    tail.read((value) => values.push(value))
    return values
  }

  it('reads a file that does not exist yet, then what is added to it', () => {
    const tail = new JsonLinesTail(inFolder('a.jsonl'))
    assert.deepEqual(readAll(tail), [])
    fs.writeFileSync(inFolder('a.jsonl'), '{"a":1}\n')
    assert.deepEqual(readAll(tail), [{ a: 1 }])
    fs.appendFileSync(inFolder('a.jsonl'), '{"a":2}\n{"a":3}\n')
    assert.deepEqual(readAll(tail), [{ a: 2 }, { a: 3 }])
    assert.deepEqual(readAll(tail), [])
  })

  it('gives the same values wherever a writer pauses', () => {
    const values = fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.integer()), { maxLength: 6 })
    fc.assert(
      fc.property(values, fc.array(fc.nat(200), { maxLength: 5 }), (lines, cuts) => {
        const file = inFolder('a.jsonl')
        const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
        fs.writeFileSync(file, '')
        const tail = new JsonLinesTail(file)
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

  it('passes over lines that are not JSON and counts them', () => {
    fs.writeFileSync(inFolder('a.jsonl'), '{"a":1}\n{"a":\n\n  \nNaN\n{"a":2}\n')
    const tail = new JsonLinesTail(inFolder('a.jsonl'))
    assert.deepEqual(readAll(tail), [{ a: 1 }, { a: 2 }])
    assert.equal(tail.badLines, 2)
  })

  it('lets an incomplete last line wait, and takes it at the end only if it is whole', () => {
    const read = (text: string): unknown[] => {
      fs.writeFileSync(inFolder('a.jsonl'), text)
      const tail = new JsonLinesTail(inFolder('a.jsonl'))
      const values = readAll(tail)
      tail.end((value) => values.push(value))
      assert.equal(tail.badLines, 0)
      return values
    }
    assert.deepEqual(read('{"a":1}\n{"a":2'), [{ a: 1 }])
    assert.deepEqual(read('{"a":1}\n{"a":2}'), [{ a: 1 }, { a: 2 }])
  })

  it('says that the file was replaced, shortened or removed', () => {
    const file = inFolder('a.jsonl')
    const tail = new JsonLinesTail(file)
    assert.equal(tail.isReplaced, false)
    fs.writeFileSync(file, '{"a":1}\n')
    readAll(tail)
    assert.equal(tail.isReplaced, false)
    fs.truncateSync(file, 3)
    assert.equal(tail.isReplaced, true)
    fs.rmSync(file)
    assert.equal(tail.isReplaced, true)
  })
})
