import type { ArithmeticToken } from './arithmeticTokens.js'

/** An arithmetic expression that stands in a text. */
export interface Arithmetic {
  readonly value: number
  /** Numbers in it, so 1 means that nothing is calculated. */
  readonly operands: number
  /** Places behind the point of its only number. */
  readonly places: number
  readonly percent: boolean
  /** Other values that the notation may mean: `200 + 10%` is 200.1, but also 220. */
  readonly alternatives: readonly number[]
  /** Units of its numbers that differ, so that sums such as 6 feet + 4 inches cannot be checked. */
  readonly mixedUnits: boolean
  /** Behind the last token that was used. */
  readonly end: number
}

const precedence: Readonly<Record<string, number>> = { '+': 1, '-': 1, '*': 2, '/': 2, '^': 4 }

/**
 * Reads the longest expression that starts at `start`, by recursive descent; null if there is none. `2(3 + 4)` is a product
 * unless `implicitProducts` is false.
 */
export function parseArithmetic(
  tokens: readonly ArithmeticToken[],
  start: number,
  { implicitProducts = true }: { implicitProducts?: boolean } = {},
): Arithmetic | null {
  let position = start
  let operands = 0
  let last: { readonly places: number; readonly percent: boolean } = { places: 0, percent: false }
  const alternatives: number[] = []
  const units = new Set<string>()
  let sums = 0

  function skipUnits(): void {
    const words: string[] = []
    for (let token = tokens[position]; token?.kind === 'word' && words.length < 4; token = tokens[position]) {
      words.push(token.text)
      position++
    }
    if (words.length > 0) units.add(words.join(' ').replace(/s$/, ''))
  }

  function operand(depth: number): number | null {
    const token = tokens[position]
    if (token?.kind === 'operator' && token.text === '-') {
      position++
      const value = operand(depth)
      return value === null ? null : -value
    }
    if (token?.kind === 'number') {
      position++
      operands++
      last = token
      const mixed = mixedFraction()
      if (mixed !== null) return token.value + mixed
      const before = position
      skipUnits()
      // A power of a unit, `1 foot^2`, is none of the number.
      if (position > before && isOperator(tokens[position], '^')) return null
      return token.percent ? token.value / 100 : token.value
    }
    if (token?.kind !== 'open' || depth > 30) return null
    position++
    const value = expression(0, depth + 1)
    if (value === null || tokens[position]?.kind !== 'close') return null
    position++
    skipUnits()
    return value
  }

  /** The fraction of a mixed number, `1/2` in `2 1/2`. */
  function mixedFraction(): number | null {
    const [numerator, bar, denominator] = tokens.slice(position, position + 3)
    if (numerator?.kind !== 'number' || bar?.kind !== 'operator' || bar.text !== '/' || denominator?.kind !== 'number')
      return null
    if (numerator.places + denominator.places > 0 || numerator.value >= denominator.value) return null
    position += 3
    return numerator.value / denominator.value
  }

  function expression(minimum: number, depth: number): number | null {
    let left = operand(depth)
    if (left === null) return null
    for (;;) {
      const token = tokens[position]
      const implicit = implicitProducts && token?.kind === 'open' && depth < 30
      const operator = token?.kind === 'operator' ? token.text : implicit ? '*' : null
      if (operator === null || precedence[operator]! < minimum) return left
      const before = { position, operands, last }
      if (!implicit) position++
      const rightIsPercent = isPercent(tokens[position])
      const right = expression(precedence[operator]! + (operator === '^' ? 0 : 1), depth + 1)
      if (right === null) {
        ;({ position, operands, last } = before)
        return left
      }
      if ((operator === '+' || operator === '-') && rightIsPercent)
        alternatives.push(left * (operator === '+' ? 1 + right : 1 - right))
      if (operator === '+' || operator === '-') sums++
      left = apply(operator, left, right)
    }
  }

  const value = expression(0, 0)
  if (value === null || !Number.isFinite(value)) return null
  const { places, percent } = last
  return { value, operands, places, percent, alternatives, mixedUnits: sums > 0 && units.size > 1, end: position }
}

function isOperator(token: ArithmeticToken | undefined, text: string): boolean {
  return token?.kind === 'operator' && token.text === text
}

function isPercent(token: ArithmeticToken | undefined): boolean {
  return token?.kind === 'number' && token.percent
}

function apply(operator: string, left: number, right: number): number {
  if (operator === '+') return left + right
  if (operator === '-') return left - right
  if (operator === '*') return left * right
  return operator === '/' ? left / right : left ** right
}
