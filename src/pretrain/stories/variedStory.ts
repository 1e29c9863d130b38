import { calculate, drawEnding, drawFactors } from '../../tasks/generators/wordProblems/story.js'
import type { Calculation, Story } from '../../tasks/generators/wordProblems/story.js'
import type { Draw } from '../../tasks/generators/wordProblems/draw.js'
import { crc32 } from 'node:zlib'
import { asides, productEndings, quotientEndings, storyFamilies } from './families.js'
import type { StoryFamily } from './families.js'
import { drawNumberStyle, tell } from './phrase.js'
import { situations } from './situations.js'
import type { Situation } from './situations.js'
import { drawCast } from './words.js'

/** Which wordings a story may take: `kept` are those that the corpus leaves out, to measure with while it is being tuned. */
export type WordingPart = 'corpus' | 'kept'

/** How large the numbers are, and how long the stories. */
export interface VariedStorySize {
  readonly largestSum: number
  readonly largestProduct: number
  /** Weight of each number of calculations of stories of events. */
  readonly lengths: Readonly<Record<string, number>>
}

const FAMILY_SHARE = 0.45
const ASIDE_SHARE = 0.12
const ENDING_SHARE = 0.4
/** One wording in so many is kept. */
const KEPT_EVERY = 10

/** Whether a wording belongs to the kept ones, by a checksum of its text. */
export function isKept(wording: string): boolean {
  return crc32(wording) % KEPT_EVERY === 0
}

/** The wordings of a list that belong to a part; all of them where it would be left without. */
function ofPart(wordings: readonly string[], part: WordingPart): readonly string[] {
  const chosen = wordings.filter((wording) => isKept(wording) === (part === 'kept'))
  return chosen.length > 0 ? chosen : wordings
}

/** Makes a story up: one event after another, or of a family. */
export function drawVariedStory(draw: Draw, size: VariedStorySize, part: WordingPart): Story {
  return draw.chance(FAMILY_SHARE) ? drawFamilyStory(draw, size, part) : drawEventStory(draw, size, part)
}

function drawFamilyStory(draw: Draw, size: VariedStorySize, part: WordingPart): Story {
  const kind = draw.weighted({ comparisons: 0.35, parts: 0.3, groups: 0.27, plain: 0.08 })
  for (;;) {
    const family = draw.pick(storyFamilies[kind])
    const wordings = ofPart(family.wordings, part)
    const drawn = drawNumbers(draw, family, size)
    if (!drawn) continue
    const cast = drawCast(draw)
    const { numbers, calculations } = drawn
    return { text: tell(draw, draw.pick(wordings), cast, numbers, drawNumberStyle(draw)), calculations }
  }
}

/** Numbers with which all calculations of a family come out and stay small; null after too many tries. */
function drawNumbers(
  draw: Draw,
  { steps }: StoryFamily,
  { largestSum, largestProduct }: VariedStorySize,
): { numbers: Record<string, number>; calculations: Calculation[] } | null {
  const parsed = steps.split(', ').map((step) => step.split(' ') as [string, Calculation['operator'], string])
  for (let tries = 0; tries < 300; tries++) {
    const values: Record<string, number> = {}
    const calculations: Calculation[] = []
    const factors = new Set(
      parsed.flatMap(([left, operator, right]) => (operator === '*' ? [left, right] : operator === '/' ? [right] : [])),
    )
    const valueOf = (name: string): number => {
      if (/^\d/.test(name)) return Number(name)
      values[name] ??= factors.has(name)
        ? draw.int(2, 9)
        : draw.int(2, draw.chance(0.5) ? Math.ceil(largestSum / 2) : largestSum)
      return values[name]
    }
    const isFine = parsed.every(([left, operator, right], i) => {
      const calculation = calculate(valueOf(left), operator, valueOf(right))
      calculations.push(calculation)
      values[`r${i + 1}`] = calculation.result
      const { result } = calculation
      if (operator === '*') return result <= largestProduct
      if (operator === '/')
        return calculation.left % calculation.right === 0 && result >= 2 && calculation.left <= largestProduct
      return result >= 1 && result <= largestSum
    })
    if (isFine) return { numbers: values, calculations }
  }
  return null
}

function drawEventStory(draw: Draw, size: VariedStorySize, part: WordingPart): Story {
  const kind = draw.weighted({ possession: 0.45, place: 0.2, crowd: 0.12, money: 0.13, measure: 0.1 })
  const situation: Situation = situations[kind]
  const length = Number(draw.weighted(size.lengths))
  const cast = drawCast(draw)
  const style = drawNumberStyle(draw)
  const sentences: string[] = []
  const say = (wordings: readonly string[], numbers: Readonly<Record<string, number>> = {}): void => {
    sentences.push(tell(draw, draw.pick(ofPart(wordings, part)), cast, numbers, style))
  }
  const calculations: Calculation[] = []
  let value = 0
  const then = (operator: Calculation['operator'], right: number): void => {
    const calculation = calculate(value, operator, right)
    calculations.push(calculation)
    value = calculation.result
  }
  if (draw.chance(ASIDE_SHARE)) say(asides)
  const half = Math.floor(size.largestSum / 2)
  switch (draw.weighted({ start: 0.5, startTwo: 0.17, startTimes: 0.25, startDivide: 0.08 })) {
    case 'start':
      value = draw.int(2, Math.floor(size.largestSum * 0.7))
      say(situation.start, { a: value })
      break
    case 'startTwo': {
      value = draw.int(2, half)
      const b = draw.int(2, half)
      say(situation.startTwo, { a: value, b })
      then('+', b)
      break
    }
    case 'startTimes': {
      const [a, b] = drawFactors(draw, size)
      say(situation.startTimes, { a, b })
      value = a
      then('*', b)
      break
    }
    case 'startDivide': {
      const [divisor, quotient] = drawFactors(draw, size)
      value = divisor * quotient
      say(situation.startDivide, { a: value, b: divisor })
      then('/', divisor)
    }
  }
  while (calculations.length < length) {
    if (draw.chance(ASIDE_SHARE / 3)) say(asides)
    const isLast = calculations.length === length - 1
    const ending = isLast ? drawEnding(draw, size, value, ENDING_SHARE) : null
    if (ending) {
      const divides = ending.kind === 'divide'
      say(divides ? quotientEndings : productEndings, { b: ending.number })
      then(divides ? '/' : '*', ending.number)
      return { text: sentences.join(' '), calculations }
    }
    if (value >= 2 && value % 2 === 0 && value <= size.largestSum && draw.chance(0.05)) {
      say(situation.halve)
      then('/', 2)
    } else if (value > 1 && value <= half && draw.chance(0.04)) {
      say(situation.double)
      then('*', 2)
    } else if (value < 3 || (value < size.largestSum && draw.chance(0.5))) {
      const b = draw.int(1, Math.max(1, Math.min(size.largestSum - value, half)))
      say(situation.add, { b })
      then('+', b)
    } else {
      const b = draw.int(1, value - 1)
      say(situation.subtract, { b })
      then('-', b)
    }
  }
  say(situation.ask)
  return { text: sentences.join(' '), calculations }
}
