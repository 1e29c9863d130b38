/** The package has types, but not where its exports point to. */
declare module 'cephes' {
  /** Resolves when the functions can be called. */
  export const compiled: Promise<void>
  /** P(X <= k) of a binomial distribution. */
  export function bdtr(k: number, n: number, p: number): number
  /** P(X > k) of a binomial distribution. */
  export function bdtrc(k: number, n: number, p: number): number
  /** The x at which the regularised incomplete beta function I_x(a, b) is y. */
  export function incbi(a: number, b: number, y: number): number
  /** The quantile of the standard normal distribution. */
  export function ndtri(y: number): number
}
