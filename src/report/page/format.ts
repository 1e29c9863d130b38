/** `0.312`, `1,234`, `1.2e-5`: about three digits. */
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (value !== 0 && (size < 0.001 || size >= 1e9)) return minus(value.toExponential(1))
  if (Number.isInteger(value) || size >= 1000) return minus(Math.round(value).toLocaleString('en'))
  return minus(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3))
}

/** With its sign: `+0.93`. */
export function formatSigned(value: number | null): string {
  return value !== null && value > 0 ? `+${formatNumber(value)}` : formatNumber(value)
}

/** `12.5 %` of a share; the blank does not break. */
export function formatShare(value: number | null): string {
  return value === null || !Number.isFinite(value) ? '–' : `${minus((100 * value).toFixed(1))}\u00a0%`
}

/** The difference of two shares in percentage points: `+49.5 points`. */
export function formatPoints(value: number): string {
  return `${value > 0 ? '+' : ''}${minus((100 * value).toFixed(1))}\u00a0points`
}

/** `2 h 5 min`, `3 min 20 s`, `4.2 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `1 step`, `12 steps`. */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}

/** With the minus sign in place of the hyphen, which reads and aligns better. */
function minus(text: string): string {
  return text.replace('-', '−')
}
