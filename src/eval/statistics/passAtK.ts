import { ConfigError } from '../../errors.js'

/**
 * The probability that at least one of k completions is right, estimated without bias from n completions of which c are
 * right: 1 − C(n − c, k) / C(n, k) (Chen et al. 2021, arXiv 2107.03374, equation 1).
 *
 * Throws a {@link ConfigError} unless 0 <= c <= n and 1 <= k <= n.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (!(Number.isInteger(n) && Number.isInteger(c) && Number.isInteger(k) && c >= 0 && c <= n && k >= 1 && k <= n)) {
    throw new ConfigError(
      `passAtK: n ${n}, c ${c}, k ${k}; expected whole numbers with 0 <= c <= n and 1 <= k <= n; draw more samples for a larger k`,
    )
  }
  if (n - c < k) return 1
  let allWrong = 1
  for (let i = n - c + 1; i <= n; i++) allWrong *= 1 - k / i
  return 1 - allWrong
}

/** The k for which pass@k of n samples is told: powers of two, and n itself. */
export function passAtKs(n: number): number[] {
  const ks: number[] = []
  for (let k = 1; k < n; k *= 2) ks.push(k)
  return [...ks, n]
}
