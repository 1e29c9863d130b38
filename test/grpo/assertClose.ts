import assert from 'node:assert/strict'

/** Compares element by element with an absolute tolerance; NaN equals NaN. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = 'value',
): void {
  assert.equal(actual.length, expected.length, `${what}: length`)
  for (let i = 0; i < expected.length; i++) {
    const isClose = Object.is(actual[i], expected[i]) || Math.abs(actual[i]! - expected[i]!) <= tolerance
    assert.ok(isClose, `${what}[${i}]: got ${actual[i]!}, expected ${expected[i]!}`)
  }
}
