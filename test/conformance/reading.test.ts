import assert from 'node:assert/strict'
import { Reading } from './reading.js'

describe('conformance/reading', () => {
  const json = {
    name: 'a',
    absent: null,
    numbers: [
      [1, 2],
      [3, 4],
    ],
    none: [],
    config: { a: 1, b: { c: 2 } },
    cases: [
      { x: 1, y: null },
      { x: 2, y: 3 },
      { x: 4, z: 5 },
    ],
  }

  it('tells every field that nothing has read', () => {
    assert.deepEqual(new Reading(json).unread(), [
      'name',
      'numbers',
      'none',
      'config.a',
      'config.b.c',
      'cases[].x',
      'cases[].y',
      'cases[].z',
    ])
    const reading = new Reading(json)
    const document = reading.document as typeof json
    assert.deepEqual(document.numbers.flat(), [1, 2, 3, 4])
    assert.equal(document.config.b.c, 2)
    assert.deepEqual(
      document.cases.map(({ x }) => x),
      [1, 2, 4],
    )
    assert.deepEqual(reading.unread(), ['name', 'none', 'config.a', 'cases[].y', 'cases[].z'])
  })

  it('tells elements that nothing has read though others were, and counts one of which a null was read', () => {
    const reading = new Reading(json)
    const { cases } = reading.document as typeof json
    assert.deepEqual([cases[0]!.y, cases[1]!.x, cases[1]!.y], [null, 2, 3])
    assert.deepEqual(
      reading.unread().filter((field) => field.startsWith('cases')),
      ['cases[2]', 'cases[].z'],
    )
  })

  it('counts what is spread or written as JSON as read, and names of fields as not', () => {
    const reading = new Reading(json)
    const document = reading.document as typeof json
    assert.deepEqual(Object.keys(document.config), ['a', 'b'])
    assert.ok('name' in document)
    assert.ok(reading.unread().includes('config.a'))
    assert.equal(JSON.stringify(document), JSON.stringify(json))
    assert.deepEqual(reading.unread(), [])
  })
})
