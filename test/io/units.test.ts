import assert from 'node:assert/strict'
import { duration, gibibytes, mebibytes, percent, roughDuration, short } from '../../src/io/units.js'

describe('io/units', () => {
  it('formats durations in the units that matter', () => {
    const cases = [
      [0.4, '0 s'],
      [59.4, '59 s'],
      [59.6, '1 min 00 s'],
      [605, '10 min 05 s'],
      [3599.6, '1 h 00 min'],
      [86399, '24 h 00 min'],
    ] as const
    for (const [seconds, expected] of cases) assert.equal(duration(seconds), expected)
  })

  it('formats durations that were forecast in one unit', () => {
    const cases = [
      [0.44, '0.4 s'],
      [35.2, '35 s'],
      [720, '12 min'],
      [12_600, '3.5 h'],
    ] as const
    for (const [seconds, expected] of cases) assert.equal(roughDuration(seconds), expected)
  })

  it('formats shares, numbers and bytes', () => {
    assert.deepEqual([percent(0.938), percent(0.9384, 1)], ['94 %', '93.8 %'])
    assert.deepEqual([short(0.012345), short(1.23456e-7), short(123.4)], ['0.0123', '1.23e-7', '123'])
    assert.deepEqual([gibibytes(1.25 * 2 ** 30), gibibytes(2 ** 30, 1)], ['1.25 GiB', '1.0 GiB'])
    assert.deepEqual([mebibytes(2 ** 20), mebibytes(2 ** 20 + 1)], ['1 MiB', '2 MiB'])
  })
})
