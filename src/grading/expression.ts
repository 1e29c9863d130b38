/** A fraction in lowest terms with a positive denominator. */
export interface Fraction {
  readonly numerator: bigint
  readonly denominator: bigint
}

/** What an arithmetic expression is worth, and the numbers that it is written with. */
export interface Evaluation {
  readonly value: Fraction
  readonly numbers: readonly number[]
}

const MAX_LENGTH = 200
const SYMBOLS: readonly (readonly [RegExp, string])[] = [
  [/×|·|\\times|\\cdot/g, '*'],
  [/÷|\\div/g, '/'],
  [/−|–/g, '-'],
  [/\\left|\\right|\$|\\\(|\\\)|`|\*\*/g, ''],
]

/**
 * Works out whole numbers, + - * / and brackets exactly; `×`, `÷`, `−` and LaTeX's signs are understood.
 *
 * Returns null for anything else, for a division by zero, and for more than 200 characters.
 */
export function evaluateExpression(text: string): Evaluation | null {
  if (text.length > MAX_LENGTH) return null
  const source = SYMBOLS.reduce((result, [from, to]) => result.replace(from, to), text)
  const tokens = source.match(/\d+|[-+*/()]|\S/g) ?? []
  const numbers: number[] = []
  let position = 0

  const parseSum = (): Fraction | null => {
    let left = parseProduct()
    while (left !== null && (tokens[position] === '+' || tokens[position] === '-')) {
      const isPlus = tokens[position++] === '+'
      const right = parseProduct()
      left = right && add(left, isPlus ? right : negate(right))
    }
    return left
  }
  const parseProduct = (): Fraction | null => {
    let left = parseFactor()
    while (left !== null && (tokens[position] === '*' || tokens[position] === '/')) {
      const isTimes = tokens[position++] === '*'
      const right = parseFactor()
      left = right && (isTimes ? multiply(left, right) : divide(left, right))
    }
    return left
  }
  const parseFactor = (): Fraction | null => {
    const token = tokens[position++]
    if (token === '-') {
      const factor = parseFactor()
      return factor && negate(factor)
    }
    if (token === '(') {
      const inside = parseSum()
      return tokens[position++] === ')' ? inside : null
    }
    if (token === undefined || !/^\d+$/.test(token)) return null
    numbers.push(Number(token))
    return { numerator: BigInt(token), denominator: 1n }
  }

  const value = parseSum()
  return value === null || position < tokens.length ? null : { value, numbers }
}

function add(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator)
}

function negate({ numerator, denominator }: Fraction): Fraction {
  return { numerator: -numerator, denominator }
}

function multiply(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.numerator, a.denominator * b.denominator)
}

function divide(a: Fraction, b: Fraction): Fraction | null {
  return b.numerator === 0n ? null : fraction(a.numerator * b.denominator, a.denominator * b.numerator)
}

function fraction(numerator: bigint, denominator: bigint): Fraction {
  let [a, b] = [numerator < 0n ? -numerator : numerator, denominator < 0n ? -denominator : denominator]
  while (b !== 0n) [a, b] = [b, a % b]
  const divisor = denominator < 0n ? -a : a
  return { numerator: numerator / divisor, denominator: denominator / divisor }
}
