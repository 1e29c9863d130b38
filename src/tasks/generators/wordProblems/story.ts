import type { Draw } from './draw.js'

/** One calculation of a solution. */
export interface Calculation {
  readonly left: number
  readonly operator: '+' | '-' | '*' | '/'
  readonly right: number
  readonly result: number
}

/** A word problem with the calculations that solve it, in their order; the last result is the answer. */
export interface Story {
  readonly text: string
  readonly calculations: readonly Calculation[]
}

/** How large and long the problems are. */
export interface StorySize {
  /** Largest sum, and largest number that something is taken from. */
  readonly largestSum: number
  readonly largestProduct: number
  /** Weight of each number of calculations. */
  readonly lengths: Readonly<Record<string, number>>
  /** Share of the problems of two calculations that compare or share out (`3 more than Mia`) instead of telling one thing after another. */
  readonly relations: number
}

/** Whether a story is told in the usual words, or in others that are kept for tests. */
export type Wording = 'usual' | 'unseen'

/** The people of made-up problems. */
export const NAMES = 'Tom Anna Ben Lisa Max Emma Sam Mia Leo Nora Jack Ella Paul Lucy Omar Zoe'.split(' ')
const THINGS = 'apples books coins cards shells stamps pens marbles eggs balls cookies stickers'.split(' ')

/** Phrases by what they do with the number of things so far (v): N, M two people, T the things, b the next number. */
const PHRASES = {
  usual: {
    start: ['N has a T.', 'N finds a T.', 'N buys a T.', 'N starts with a T.'],
    startTwo: ['N has a red T and b blue T.'],
    startTimes: ['N has a boxes with b T each.', 'N buys a bags with b T each.', 'N makes b T each day for a days.'],
    add: ['Then N buys b more.', 'M gives N b more.', 'N finds b more.', 'Then N gets b T.'],
    subtract: ['N gives b to M.', 'Then N loses b.', 'N sells b T.', 'M takes b away.'],
    how: ['How many T are there now?', 'How many T does N have now?', 'How many T are left in the end?'],
    times: [
      'Each one costs b dollars. How many dollars do they cost?',
      'Every one weighs b pounds. How many pounds is that?',
    ],
    divide: [
      'N puts them into b equal bags. How many are in each bag?',
      'b friends share them equally. How many does each get?',
    ],
    more: ['N has a T. M has b more than N. How many do they have together?'],
    fewer: ['N has a T. M has b fewer than N. How many do they have together?'],
    timesAsMany: ['N has a T. M has b times as many. How many do they have together?'],
    each: [
      'There are c T. a children take b each. How many T are left?',
      'N has c dollars and buys a T for b dollars each. How many dollars are left?',
    ],
  },
  unseen: {
    start: ['a T belong to N.', 'N counts a T.'],
    startTwo: ['N owns a small T and b large T.'],
    startTimes: ['On each of a tables there are b T for N.'],
    add: ['Later b T come in for N.', 'Now b more are put on the table.'],
    subtract: ['Then b of them are lost.', 'M buys b from N.'],
    how: ['What number of T is that now?', 'N now has how many T?'],
    times: ['N sells each for b dollars. How many dollars does N get?'],
    divide: ['N makes b equal boxes of them. How many T does each box have?'],
    more: ['M has b more T than N, and N has a. How many T are there together?'],
    fewer: ['M has b fewer T than N, and N has a. How many T are there together?'],
    timesAsMany: ['M has b times as many T as N, and N has a. How many T are there together?'],
    each: ['From c T, b are given to each of a children. How many T does N have left?'],
  },
} as const satisfies Record<Wording, Record<string, readonly string[]>>

/** Share of the stories of events whose last sentence multiplies or divides, where that is possible. */
const ENDING_SHARE = 0.5

/** Makes a story up. */
export function drawStory(draw: Draw, size: StorySize, wording: Wording): Story {
  const length = Number(draw.weighted(size.lengths))
  const phrases = PHRASES[wording]
  const name = draw.pick(NAMES)
  const other = draw.pick(NAMES.filter((candidate) => candidate !== name))
  const things = draw.pick(THINGS)
  const tell = (phrase: string, numbers: Readonly<Record<string, number>> = {}): string =>
    phrase.replace(/\b[NMTabc]\b/g, (letter) => {
      if (letter === 'N') return name
      if (letter === 'M') return other
      return letter === 'T' ? things : String(numbers[letter])
    })
  if (length === 2 && draw.chance(size.relations)) {
    const { kind, numbers, calculations } = drawRelation(draw, size)
    return { text: tell(draw.pick(phrases[kind]), numbers), calculations }
  }

  const calculations: Calculation[] = []
  const sentences: string[] = []
  const opening = length === 1 ? 'start' : draw.weighted({ start: 0.6, startTwo: 0.15, startTimes: 0.25 })
  const [a, b] = drawOpening(draw, size, opening)
  sentences.push(tell(draw.pick(phrases[opening]), { a, b }))
  let value = a
  const then = (operator: Calculation['operator'], right: number): void => {
    const calculation = calculate(value, operator, right)
    calculations.push(calculation)
    value = calculation.result
  }
  if (opening === 'startTwo') then('+', b)
  if (opening === 'startTimes') then('*', b)
  while (calculations.length < length) {
    const last = calculations.length === length - 1
    const ending = last ? drawEnding(draw, size, value, ENDING_SHARE) : null
    if (ending) {
      sentences.push(tell(draw.pick(phrases[ending.kind]), { b: ending.number }))
      then(ending.kind === 'times' ? '*' : '/', ending.number)
      return { text: sentences.join(' '), calculations }
    }
    const canAdd = value < size.largestSum
    const adds = canAdd && (value < 3 || draw.chance(0.5))
    const number = adds
      ? draw.int(1, Math.min(size.largestSum - value, Math.ceil(size.largestSum / 2)))
      : draw.int(1, value - 1)
    sentences.push(tell(draw.pick(phrases[adds ? 'add' : 'subtract']), { b: number }))
    then(adds ? '+' : '-', number)
  }
  sentences.push(tell(draw.pick(phrases.how)))
  return { text: sentences.join(' '), calculations }
}

/** A calculation with its right result; a division leaves its remainder out. */
export function calculate(left: number, operator: Calculation['operator'], right: number): Calculation {
  const results = { '+': left + right, '-': left - right, '*': left * right, '/': Math.floor(left / right) }
  return { left, operator, right, result: results[operator] }
}

/** The numbers of the first sentence. */
function drawOpening(draw: Draw, size: StorySize, opening: 'start' | 'startTwo' | 'startTimes'): [number, number] {
  if (opening === 'startTimes') return drawFactors(draw, size)
  const half = Math.floor(size.largestSum / 2)
  return [draw.int(2, opening === 'startTwo' ? half : Math.floor(size.largestSum * 0.7)), draw.int(2, half)]
}

/** Two factors of 2 to 9 with a product that is not too large. */
export function drawFactors(draw: Draw, { largestProduct }: Pick<StorySize, 'largestProduct'>): [number, number] {
  const first = draw.int(2, Math.min(9, Math.floor(largestProduct / 2)))
  return [first, draw.int(2, Math.min(9, Math.floor(largestProduct / first)))]
}

/** A last sentence that multiplies or divides, with some probability and where the number so far allows it; null for none. */
export function drawEnding(
  draw: Draw,
  { largestProduct }: Pick<StorySize, 'largestProduct'>,
  value: number,
  probability: number,
): { kind: 'times' | 'divide'; number: number } | null {
  if (!draw.chance(probability)) return null
  const divisors = [2, 3, 4, 5, 6, 7, 8, 9].filter((divisor) => value % divisor === 0 && value / divisor > 1)
  if (divisors.length > 0 && value <= largestProduct && draw.chance(0.6)) {
    return { kind: 'divide', number: draw.pick(divisors) }
  }
  if (value > 9 || value < 2) return null
  return { kind: 'times', number: draw.int(2, Math.min(9, Math.floor(largestProduct / value))) }
}

/** Two calculations of which the second one needs a number of the story besides the first one's result. */
function drawRelation(
  draw: Draw,
  size: StorySize,
): {
  kind: 'more' | 'fewer' | 'timesAsMany' | 'each'
  numbers: Readonly<Record<string, number>>
  calculations: Calculation[]
} {
  const kind = draw.weighted({ more: 1, fewer: 1, timesAsMany: 1, each: 2 })
  if (kind === 'each') {
    const [a, b] = drawFactors(draw, size)
    const c = a * b + draw.int(1, Math.max(1, Math.min(20, size.largestSum - a * b)))
    const taken = calculate(a, '*', b)
    return { kind, numbers: { a, b, c }, calculations: [taken, calculate(c, '-', taken.result)] }
  }
  if (kind === 'timesAsMany') {
    const b = draw.int(2, 4)
    const a = draw.int(2, Math.max(2, Math.min(9, Math.floor(size.largestSum / (b + 1)))))
    const second = calculate(a, '*', b)
    return { kind, numbers: { a, b }, calculations: [second, calculate(a, '+', second.result)] }
  }
  const a = draw.int(3, Math.floor(size.largestSum * 0.4))
  const b = kind === 'more' ? draw.int(1, Math.floor(size.largestSum - 2 * a)) : draw.int(1, a - 1)
  const second = calculate(a, kind === 'more' ? '+' : '-', b)
  return { kind, numbers: { a, b }, calculations: [second, calculate(a, '+', second.result)] }
}
