import type { Draw } from '../tasks/generators/wordProblems/draw.js'
import { formatCalculation } from '../tasks/generators/wordProblems/wordProblems.js'
import { calculate } from '../tasks/generators/wordProblems/story.js'
import type { Calculation } from '../tasks/generators/wordProblems/story.js'

/**
 * The ways in which people answer: the number alone; the calculations jotted down in one line; every step of the thinking;
 * every step, each looked at again, so that a slip is found and repaired.
 */
export const answerStyles = ['answer', 'calculation', 'steps', 'checked'] as const

export type AnswerStyle = (typeof answerStyles)[number]

/** How often a result is wrong by a slip, in each style; in `checked` at the first attempt. */
export type SlipRates = Readonly<Record<AnswerStyle, number>>

/** Words that begin a step. */
export const STEP_WORDS = ['First', 'Then', 'Next', 'Last']

/** Writes an answer to a problem as somebody would who answers in this style and makes slips. */
export function writeAnswer(
  draw: Draw,
  calculations: readonly Calculation[],
  style: AnswerStyle,
  slipRates: SlipRates,
): string {
  const slipRate = slipRates[style]
  const slipped = (result: number): number => (draw.chance(slipRate) ? slip(draw, result) : result)
  if (style === 'answer') return `#### ${slipped(calculations.at(-1)!.result)}`
  const written: string[] = []
  // What stands on the paper for each result: a slip that nobody found is carried on.
  const paper: number[] = []
  for (const [index, { left, operator, right }] of calculations.entries()) {
    const earlier = calculations.slice(0, index).map(({ result }) => result)
    const [first, second] = operands(earlier, paper, left, right)
    const calculation = calculate(first, operator, second)
    const shown = slipped(calculation.result)
    const text = formatCalculation(calculation, shown)
    paper.push(style === 'checked' ? calculation.result : shown)
    written.push(style === 'calculation' ? text : `${STEP_WORDS[Math.min(index, STEP_WORDS.length - 1)]!}: ${text}.`)
    if (style !== 'checked') continue
    const check = `Check: ${formatCalculation(calculation)}.`
    written.push(shown === calculation.result ? check : `${check} Wait, it is ${calculation.result}.`)
  }
  const last = paper.at(-1)!
  if (style === 'calculation') return `${written.join(', ')}\n#### ${last}`
  return `<think>\n${written.join('\n')}\n</think>\n#### ${last}`
}

/**
 * What is calculated with, as it stands on the paper: a number that is an earlier result is taken from there, the newest first; both
 * numbers are earlier results only where they are the last two.
 */
function operands(
  results: readonly number[],
  paper: readonly number[],
  left: number,
  right: number,
): readonly [number, number] {
  const last = results.length - 1
  if (last < 0) return [left, right]
  if (left === results[last]) return [paper[last]!, right]
  if (right !== results[last]) return [left, right]
  return [last > 0 && left === results[last - 1] ? paper[last - 1]! : left, paper[last]!]
}

/** A wrong result such as people write: off by a little, or by ten. */
export function slip(draw: Draw, result: number): number {
  const wrong = [-10, -2, -1, 1, 2, 10].map((by) => result + by).filter((value) => value >= 0)
  return draw.pick(wrong)
}
