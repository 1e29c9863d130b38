import { apply, integerOf } from './formula.js'
import type { Formula } from './formula.js'
import { printFormula } from './printFormula.js'
import { fraction, multiply, power } from '../numbers/fraction.js'
import type { Fraction } from '../numbers/fraction.js'

/** What a unit measures, and how much of it: a square foot is 144 in². */
export interface Unit {
  /** Exponents of the base units. */
  readonly dimensions: ReadonlyMap<string, number>
  readonly factor: Fraction
}

/** Units by what they measure, with their size in hundredths, thousandths … of one another as ratios of integers. */
const table: readonly (readonly [dimension: string, units: Readonly<Record<string, readonly [bigint, bigint]>>])[] = [
  ['length', { mm: [1n, 1000n], cm: [1n, 100n], dm: [1n, 10n], m: [1n, 1n], km: [1000n, 1n] }],
  ['length', { in: [254n, 10_000n], ft: [3048n, 10_000n], yd: [9144n, 10_000n], mi: [1_609_344n, 1000n] }],
  ['time', { s: [1n, 1n], min: [60n, 1n], h: [3600n, 1n], day: [86_400n, 1n], week: [604_800n, 1n] }],
  [
    'mass',
    { mg: [1n, 1000n], g: [1n, 1n], kg: [1000n, 1n], lb: [45_359_237n, 100_000n], oz: [45_359_237n, 1_600_000n] },
  ],
  ['volume', { ml: [1n, 1000n], l: [1n, 1n] }],
  ['money', { '¢': [1n, 100n], $: [1n, 1n] }],
  ['euro', { '€': [1n, 1n] }],
  ['pound sterling', { '£': [1n, 1n] }],
  ['angle', { '°': [1n, 1n] }],
  ['radian', { rad: [1n, 1n] }],
  ['percent', { '%': [1n, 1n] }],
  ['morning', { am: [1n, 1n] }],
  ['afternoon', { pm: [1n, 1n] }],
]

const names: Readonly<Record<string, string>> = {
  millimeter: 'mm',
  millimetre: 'mm',
  centimeter: 'cm',
  centimetre: 'cm',
  meter: 'm',
  metre: 'm',
  kilometer: 'km',
  kilometre: 'km',
  inch: 'in',
  inche: 'in',
  foot: 'ft',
  feet: 'ft',
  yard: 'yd',
  mile: 'mi',
  second: 's',
  sec: 's',
  minute: 'min',
  hour: 'h',
  hr: 'h',
  gram: 'g',
  kilogram: 'kg',
  milligram: 'mg',
  ounce: 'oz',
  liter: 'l',
  litre: 'l',
  L: 'l',
  mL: 'ml',
  milliliter: 'ml',
  millilitre: 'ml',
  cent: '¢',
  dollar: '$',
  usd: '$',
  euro: '€',
  eur: '€',
  degree: '°',
  radian: 'rad',
  percent: '%',
  'p m': 'pm',
  'a m': 'am',
  p: 'pm',
  a: 'am',
}

/** Short names of units that are no table's: they are units behind a number, and not products of letters. */
const others = new Set(
  'mph kph kmh gal qt pt sq cu hz kw mb gb pts mol usd eur gbp cad aud inr hrs lbs yds mins secs kmph km/h'.split(' '),
)

const known = new Map<string, Unit>(
  table.flatMap(([dimension, units]) =>
    Object.entries(units).map(([name, [above, below]]) => [
      name,
      { dimensions: new Map([[dimension, 1]]), factor: fraction(above, below) },
    ]),
  ),
)

/** Whether a run of letters is the name of a unit. */
export function isKnownUnit(word: string): boolean {
  return unitOfWord(word) !== null || others.has(word.toLowerCase())
}

function unitOfWord(word: string): Unit | null {
  const lower = word.toLowerCase()
  const single = lower.length > 2 ? lower.replace(/s$/, '') : lower
  const name =
    names[word] ?? names[lower] ?? names[single] ?? (known.has(word) ? word : known.has(single) ? single : lower)
  return known.get(name) ?? null
}

/** The unit that words name; null for others, such as `apples`. */
function unitOfWords(text: string): Unit | null {
  const words = text.split(' ').filter((word) => word !== '')
  const per = words.indexOf('per')
  if (per > 0) return quotient(unitOfWords(words.slice(0, per).join(' ')), unitOfWords(words.slice(per + 1).join(' ')))
  const raised = { square: 2, sq: 2, cubic: 3, cu: 3 }[words[0] ?? '']
  if (raised !== undefined && words.length === 2) return raise(unitOfWord(words[1]!), raised)
  return words.length === 1 ? unitOfWord(words[0]!) : null
}

/** The unit of a formula that is nothing but units; null if it holds anything else or a unit that is not known. */
function unitOf(formula: Formula): Unit | null {
  if (formula.kind === 'unit' || formula.kind === 'text') return unitOfWords(formula.text)
  if (formula.kind === 'name') return unitOfWord(formula.name)
  if (formula.kind !== 'apply') return null
  const [left, right] = formula.operands
  if (formula.operator === 'multiply') return product(unitOf(left!), unitOf(right!))
  if (formula.operator === 'divide') return quotient(unitOf(left!), unitOf(right!))
  const exponent = formula.operator === 'power' ? integer(right!) : null
  return exponent === null ? null : raise(unitOf(left!), exponent)
}

/** Whether a formula is nothing but units. */
function isUnit(formula: Formula): boolean {
  if (formula.kind === 'unit') return true
  // The numerator of `60 \frac{\text{km}}{\text{h}}`.
  if (formula.kind === 'text') return isKnownUnit(formula.text)
  if (formula.kind !== 'apply') return false
  if (formula.operator === 'power') return isUnit(formula.operands[0]!) && integer(formula.operands[1]!) !== null
  const [left, right] = formula.operands
  if (formula.operator === 'divide' && isUnit(left!) && right!.kind === 'name') return isKnownUnit(right.name)
  return (formula.operator === 'multiply' || formula.operator === 'divide') && formula.operands.every(isUnit)
}

/** Whether two units are the same quantity's, so that they can be compared. */
export function isSameQuantity(a: Unit, b: Unit): boolean {
  return (
    a.dimensions.size === b.dimensions.size &&
    [...a.dimensions].every(([dimension, exponent]) => b.dimensions.get(dimension) === exponent)
  )
}

function integer(formula: Formula): number | null {
  if (formula.kind === 'apply' && formula.operator === 'negate') {
    const value = integer(formula.operands[0]!)
    return value === null ? null : -value
  }
  if (formula.kind !== 'number' || formula.value.denominator !== 1n || formula.value.numerator > 9n) return null
  return Number(formula.value.numerator)
}

function product(a: Unit | null, b: Unit | null): Unit | null {
  if (a === null || b === null) return null
  const dimensions = new Map(a.dimensions)
  for (const [dimension, exponent] of b.dimensions) {
    const sum = (dimensions.get(dimension) ?? 0) + exponent
    if (sum === 0) dimensions.delete(dimension)
    else dimensions.set(dimension, sum)
  }
  return { dimensions, factor: multiply(a.factor, b.factor) }
}

function raise(unit: Unit | null, exponent: number): Unit | null {
  if (unit === null) return null
  return {
    dimensions: new Map([...unit.dimensions].map(([dimension, one]) => [dimension, one * exponent])),
    factor: power(unit.factor, exponent)!,
  }
}

function quotient(a: Unit | null, b: Unit | null): Unit | null {
  return product(a, raise(b, -1))
}

/** A value and the units it is measured in; `unit` is null where there is none, or none that is known. */
export interface Measured {
  readonly value: Formula
  readonly unit: Unit | null
}

/** Takes the units off a value: `5 m/s²` is 5, `25π cm²` is 25π, `3 cm + x` is 3 + x; per cent and degrees are units. */
export function withoutUnits(formula: Formula): Measured {
  const { value, unit } = strip(formula)
  return value === null ? { value: formula, unit: null } : { value, unit: unit && unitOf(unit) }
}

interface Stripped {
  /** Null for what is nothing but units. */
  readonly value: Formula | null
  readonly unit: Formula | null
}

function strip(formula: Formula): Stripped {
  if (isUnit(formula)) return { value: null, unit: formula }
  const kept = { value: formula, unit: null }
  if (formula.kind !== 'apply') return kept
  const { operator, operands } = formula
  if (operator === 'percent') return { ...strip(operands[0]!), unit: { kind: 'unit', text: '%' } }
  if (operator === 'degree') return { ...strip(operands[0]!), unit: { kind: 'unit', text: '°' } }
  if (operator === 'multiply' || operator === 'divide') return stripProduct(operator, operands)
  if (!['add', 'negate', 'plusMinus', 'minusPlus'].includes(operator)) return kept
  const stripped = operands.map(strip)
  const units = stripped.flatMap(({ unit }) => unit ?? [])
  const values = stripped.flatMap(({ value }) => value ?? [])
  const isOne = units.every((unit) => printFormula(unit) === printFormula(units[0]!))
  // 6 feet + 4 inches is no 10.
  return values.length < operands.length || !isOne
    ? kept
    : { value: apply(operator, ...values), unit: units[0] ?? null }
}

function stripProduct(operator: 'multiply' | 'divide', operands: readonly Formula[]): Stripped {
  const [left, right] = operands.map(strip) as [Stripped, Stripped]
  const joined = (a: Formula | null, b: Formula | null): Formula | null => {
    if (b === null) return a
    if (a !== null) return apply(operator, a, b)
    return operator === 'multiply' ? b : apply('divide', integerOf(1), b)
  }
  return { value: joined(left.value, right.value), unit: joined(left.unit, right.unit) }
}

/** Letters that are units behind a number, as in `5 m/s^2`, where no variable is meant. */
const unitLetters = new Set(['m', 's', 'g', 'h', 'l', 'L', 'N', 'J', 'W', 'V', 'A', 'K', 'C', 'F', 'T', 'k', 'M'])

/** A value of which the variables that may be units are units: 5 m is 5. */
export function withoutUnitLetters(formula: Formula): Formula {
  const asUnits = (part: Formula): Formula => {
    if (part.kind === 'name' && unitLetters.has(part.name)) return { kind: 'unit', text: part.name }
    // A unit stands behind its number: `l8` is none.
    const [left, right] = part.kind === 'apply' ? part.operands : []
    if (part.kind === 'apply' && part.operator === 'multiply' && left?.kind === 'name' && right?.kind === 'number')
      return part
    const isKept = part.kind !== 'apply' || !['multiply', 'divide', 'power', 'negate'].includes(part.operator)
    return isKept ? part : apply(part.operator, ...part.operands.map(asUnits))
  }
  return withoutUnits(asUnits(formula)).value
}
