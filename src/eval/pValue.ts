/** `0.012`, `0.0021`, `< 0.0001`: two digits, and no smaller than a permutation test of some thousand draws can tell. */
export function formatPValue(pValue: number): string {
  return pValue < 0.0001 ? '< 0.0001' : String(Number(pValue.toPrecision(2)))
}

/** `p = 0.012`, `p < 0.0001`, `p = 1` */
export function describePValue(pValue: number): string {
  const text = formatPValue(pValue)
  return text.startsWith('<') ? `p ${text}` : `p = ${text}`
}
