/** To six significant digits: more take space and say nothing in a chart. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6))
}
