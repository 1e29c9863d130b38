import assert from 'node:assert/strict'
import { formatTable, percent, threeDigits } from '../../../src/cli/terminal/table.js'

describe('cli/table', () => {
  it('aligns words at the left and numbers at the right', () => {
    const table = formatTable<{ op: string; ms: number }>(
      [
        { heading: 'op', text: ({ op }) => op, left: true },
        { heading: 'ms', text: ({ ms }) => ms.toFixed(1) },
      ],
      [
        { op: 'Linear', ms: 123.45 },
        { op: 'Add', ms: 1 },
      ],
    )
    assert.equal(table, 'op         ms\nLinear  123.5\nAdd       1.0\n')
  })

  it('leaves out columns that are empty in every row, and shows nothing without rows', () => {
    const columns = [
      { heading: 'a', text: (row: number) => String(row) },
      { heading: 'never', text: () => null },
      { heading: 'odd', text: (row: number) => (row % 2 === 1 ? 'x' : null) },
    ]
    assert.equal(formatTable(columns, [1, 2]), 'a  odd\n1    x\n2\n')
    assert.equal(formatTable(columns, []), '')
  })

  it('shows numbers with three digits and shares in percent, and nothing for what was not measured', () => {
    assert.deepEqual([0, 0.012345, 1.2345, 12.345, 123.45, 12345.6].map(threeDigits), [
      '0',
      '0.0123',
      '1.23',
      '12.3',
      '123',
      '12346',
    ])
    assert.deepEqual([0.12345, 1, null, undefined, NaN].map(percent), ['12.3 %', '100.0 %', null, null, null])
    assert.deepEqual([null, undefined, NaN, Infinity].map(threeDigits), [null, null, null, null])
  })
})
