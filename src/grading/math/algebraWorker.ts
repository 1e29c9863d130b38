/** The thread in which expressions are compared; see algebra.ts. */
import { parentPort } from 'node:worker_threads'
import { ComputeEngine } from '../../bundled/computeEngine.js'
import type { Expression } from '../../bundled/computeEngine.js'

/** A comparison to make. */
export interface AlgebraRequest {
  readonly left: string
  readonly right: string
  /** `value`: both are the same; `proportional`: one is a constant other than 0 times the other. */
  readonly relation: 'value' | 'proportional'
  /** The largest difference that counts as equal, relative to 1 or to the values if they are larger. */
  readonly tolerance: number
}

const engine = new ComputeEngine()

/** Where expressions with unknowns are evaluated; unknown `i` takes the value `i` places further on. */
const points = [0.7312, -1.3719, 2.1843, -0.4127, 3.0719, -1.8231, 0.2791, -2.6157]
const PROBES = 4

parentPort?.on('message', (request: AlgebraRequest) => {
  let equal = false
  try {
    equal = compare(request)
  } catch {
    // What the engine cannot read is equal to nothing.
  }
  parentPort?.postMessage(equal)
})
parentPort?.postMessage('ready')

function compare({ left, right, relation, tolerance }: AlgebraRequest): boolean {
  const a = engine.parse(prepare(left))
  const b = engine.parse(prepare(right))
  if (!a.isValid || !b.isValid) return false
  if (relation === 'value' && a.isEqual(b) === true) return true
  const unknowns = [...new Set([...a.unknowns, ...b.unknowns])].sort()
  if (unknowns.length > points.length) return false
  if (unknowns.length === 0) {
    const [x, y] = [valueOf(a), valueOf(b)]
    return x !== null && y !== null && relation === 'value' && isClose(x, y, tolerance)
  }
  return agreesAtPoints(a, b, unknowns, relation, tolerance)
}

/** Evaluates both at some points; expressions that agree there are equal unless they were made to deceive. */
function agreesAtPoints(
  a: Expression,
  b: Expression,
  unknowns: readonly string[],
  relation: AlgebraRequest['relation'],
  tolerance: number,
): boolean {
  let ratio: Complex | null = null
  let compared = 0
  for (let probe = 0; probe < PROBES; probe++) {
    const values = Object.fromEntries(unknowns.map((name, i) => [name, points[(i + 3 * probe) % points.length]!]))
    const [x, y] = [valueOf(a.subs(values)), valueOf(b.subs(values))]
    if (x === null || y === null) continue
    compared++
    if (relation === 'value') {
      if (!isClose(x, y, tolerance)) return false
      continue
    }
    if (Math.hypot(...y) < 1e-9) return false
    const quotient = divide(x, y)
    if (Math.hypot(...quotient) < 1e-9 || (ratio !== null && !isClose(ratio, quotient, tolerance))) return false
    ratio = quotient
  }
  return compared >= 2
}

type Complex = [real: number, imaginary: number]

function valueOf(expression: Expression): Complex | null {
  const value = expression.N()
  const [real, imaginary] = [value.re, value.im]
  return Number.isFinite(real) && Number.isFinite(imaginary) ? [real, imaginary] : null
}

function isClose(x: Complex, y: Complex, tolerance: number): boolean {
  return Math.hypot(x[0] - y[0], x[1] - y[1]) <= tolerance * Math.max(1, Math.hypot(...x))
}

function divide([a, b]: Complex, [c, d]: Complex): Complex {
  const norm = c * c + d * d
  return [(a * c + b * d) / norm, (b * c - a * d) / norm]
}

/** What the engine does not know: binomial coefficients. */
function prepare(latex: string): string {
  return latex.replace(/\\binom\{([^{}]*)\}\{([^{}]*)\}/g, '\\frac{($1)!}{($2)!(($1)-($2))!}')
}
