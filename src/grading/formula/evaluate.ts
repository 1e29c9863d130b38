import { fraction } from '../numbers/fraction.js'
import * as balls from './ball.js'
import {
  binomial,
  doubleFactorial,
  factorial,
  greatest,
  greatestCommonDivisor,
  leastCommonMultiple,
  rounded,
} from './discrete.js'
import { integerOf } from './formula.js'
import type { Formula, FunctionName, Operator } from './formula.js'
import { ballOf, exact, integer, minus, over, plus, raised, signOf, smallInteger, spend, times, wrap } from './value.js'
import type { Calculation, Value } from './value.js'

/** What the variables of a formula stand for. */
export type Variables = ReadonlyMap<string, Value>

/** Sums and products of more terms are not worked out. */
const MAX_TERMS = 2000

/**
 * The value of a formula: exact as long as it is a fraction of a bounded size, then to the precision of the calculation. Null for
 * what has no value, such as words, or 1/0, and for what takes more work than the calculation may do.
 */
export function evaluate(formula: Formula, variables: Variables, calculation: Calculation): Value | null {
  if (!spend(calculation, 1)) return null
  switch (formula.kind) {
    case 'number':
      return exact(formula.value)
    case 'name':
      return variables.get(formula.name) ?? null
    case 'constant':
      return constant(formula.name, calculation)
    case 'call':
    case 'apply': {
      if (formula.kind === 'apply' && (formula.operator === 'sumOver' || formula.operator === 'productOver'))
        return series(formula.operator, formula.operands, variables, calculation)
      const values: Value[] = []
      for (const operand of formula.operands) {
        const value = evaluate(operand, variables, calculation)
        if (value === null) return null
        values.push(value)
      }
      return formula.kind === 'call'
        ? unknownFunction(formula.name, values)
        : operations[formula.operator](values, calculation)
    }
    default:
      return null
  }
}

function constant(name: 'pi' | 'e' | 'i' | 'infinity', calculation: Calculation): Value | null {
  const { precision, isReal } = calculation
  if (name === 'infinity' || (name === 'i' && isReal)) return null
  const { Decimal } = precision
  if (name === 'i') return wrap({ re: new Decimal(0), im: new Decimal(1), error: -Infinity })
  return wrap(balls.ball(precision, precision[name], null, -Infinity))
}

type Operation = (operands: readonly Value[], calculation: Calculation) => Value | null

function unary(operation: (value: Value, calculation: Calculation) => Value | null): Operation {
  return ([value, ...rest], calculation) => (value && rest.length === 0 ? operation(value, calculation) : null)
}

function binary(operation: (calculation: Calculation, a: Value, b: Value) => Value | null): Operation {
  return ([a, b], calculation) => (a && b ? operation(calculation, a, b) : null)
}

/** A function of a ball that takes much more work than a sum. */
function analytic(operation: (precision: balls.Precision, value: balls.Ball) => balls.Ball | null): Operation {
  return unary((value, calculation) => {
    if (!spend(calculation, 200)) return null
    return wrap(operation(calculation.precision, ballOf(calculation, value)))
  })
}

const undefinedHere: Operation = () => null

const operations: Readonly<Record<Operator, Operation>> = {
  add: binary(plus),
  negate: unary(minus),
  multiply: binary(times),
  divide: binary(over),
  power: binary(raised),
  root: binary((calculation, index, value) => {
    const exponent = over(calculation, integer(1), index)
    return exponent && raised(calculation, value, exponent)
  }),
  factorial: unary(factorial),
  doubleFactorial: unary(doubleFactorial),
  binomial: binary(binomial),
  // Within a function; elsewhere degrees are a unit.
  degree: unary((value, calculation) => {
    const pi = constant('pi', calculation)
    return pi && times(calculation, value, over(calculation, pi, integer(180))!)
  }),
  percent: undefinedHere,
  plusMinus: undefinedHere,
  minusPlus: undefinedHere,
  abs: unary((value, calculation) => {
    if (signOf(value) !== null) return signOf(value) === -1 ? minus(value) : value
    const { re, im, error } = ballOf(calculation, value)
    if (im === null) return null
    return wrap(balls.ball(calculation.precision, re.mul(re).add(im.mul(im)).sqrt(), null, error))
  }),
  floor: unary((value) => rounded(value, 'floor')),
  ceil: unary((value) => rounded(value, 'ceil')),
  log: binary((calculation, base, value) => {
    const [above, below] = [naturalLogarithm([value], calculation), naturalLogarithm([base], calculation)]
    return above && below && over(calculation, above, below)
  }),
  sumOver: undefinedHere,
  productOver: undefinedHere,
  union: undefinedHere,
  intersection: undefinedHere,
  difference: undefinedHere,
  ...functions(),
}

function naturalLogarithm([value]: readonly Value[], calculation: Calculation): Value | null {
  if (value === undefined || (calculation.isReal && signOf(value) !== 1)) return null
  return analytic(balls.logarithm)([value], calculation)
}

function functions(): Record<FunctionName, Operation> {
  const sin = analytic(balls.sine)
  const cos = analytic((precision, x) => balls.sine(precision, x, { isCosine: true }))
  const quotient =
    (above: Operation, below: Operation): Operation =>
    (values, calculation) => {
      const [a, b] = [above(values, calculation), below(values, calculation)]
      return a && b && over(calculation, a, b)
    }
  const one: Operation = () => integer(1)
  const exp = analytic(balls.exponential)
  /** Half the sum of e^x and `sign` e^-x. */
  const hyperbolic =
    (sign: 1 | -1): Operation =>
    (values, calculation) => {
      const up = exp(values, calculation)
      const down = up && over(calculation, integer(sign), up)
      const both = up && down && plus(calculation, up, down)
      return both && over(calculation, both, integer(2))
    }
  const [sinh, cosh] = [hyperbolic(-1), hyperbolic(1)]
  const arcsin = analytic(balls.inverseSine)
  return {
    sin,
    cos,
    tan: quotient(sin, cos),
    cot: quotient(cos, sin),
    sec: quotient(one, cos),
    csc: quotient(one, sin),
    arcsin,
    arccos: (values, calculation) => {
      const [sine, pi] = [arcsin(values, calculation), constant('pi', calculation)]
      const right = pi && over(calculation, pi, integer(2))
      return sine && right && plus(calculation, right, minus(sine))
    },
    arctan: analytic(balls.inverseTangent),
    sinh,
    cosh,
    tanh: quotient(sinh, cosh),
    // cos x + i sin x
    cis: (values, calculation) => {
      const [x, y, i] = [cos(values, calculation), sin(values, calculation), constant('i', calculation)]
      const imaginary = y && i && times(calculation, y, i)
      return x && imaginary && plus(calculation, x, imaginary)
    },
    ln: naturalLogarithm,
    exp,
    gcd: greatestCommonDivisor,
    lcm: leastCommonMultiple,
    max: (values, calculation) => greatest(values, calculation, 1),
    min: (values, calculation) => greatest(values, calculation, -1),
  }
}

/** A function that is known by its name only: some fraction that depends on the name and the operands, always the same. */
function unknownFunction(name: string, operands: readonly Value[]): Value | null {
  let hash = 0x811c9dc5
  for (const operand of operands) if (!operand.exact) return null
  const key = `${name}(${operands.map(({ exact: value }) => `${value!.numerator}/${value!.denominator}`).join()})`
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return exact(fraction(BigInt((hash >>> 0) + 1), 0x7fff_ffffn))
}

function series(
  operator: 'sumOver' | 'productOver',
  [index, from, to, body]: readonly Formula[],
  variables: Variables,
  calculation: Calculation,
): Value | null {
  const bound = (formula: Formula | undefined): number | null => {
    const value = evaluate(formula ?? integerOf(0), variables, calculation)
    return value && smallInteger(value)
  }
  const [first, last] = [bound(from), bound(to)]
  if (index?.kind !== 'name' || body === undefined || first === null || last === null) return null
  if (last - first >= MAX_TERMS || last - first < -1) return null
  let result: Value | null = integer(operator === 'sumOver' ? 0 : 1)
  for (let i = first; i <= last && result !== null; i++) {
    const term = evaluate(body, new Map(variables).set(index.name, integer(i)), calculation)
    result = term && (operator === 'sumOver' ? plus : times)(calculation, result, term)
  }
  return result
}
