/** Mean of the values that are not null; NaN when there are none. */
export function mean(values: readonly (number | null)[]): number {
  const scored = values.filter((value) => value !== null)
  return scored.reduce((sum, value) => sum + value, 0) / scored.length
}

/** Unbiased standard deviation (divisor n - 1) of the values that are not null; NaN for fewer than two. */
export function standardDeviation(values: readonly (number | null)[]): number {
  const scored = values.filter((value) => value !== null)
  if (scored.length < 2) return NaN
  const center = mean(scored)
  return Math.sqrt(scored.reduce((sum, value) => sum + (value - center) ** 2, 0) / (scored.length - 1))
}
