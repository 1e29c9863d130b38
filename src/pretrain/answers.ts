import type { Draw } from '../tasks/wordProblems/draw.js'
import { formatCalculation } from '../tasks/wordProblems/wordProblems.js'
import { calculate } from '../tasks/wordProblems/story.js'
import type { Calculation } from '../tasks/wordProblems/story.js'

/**
 * The ways in which people answer: the number alone; the last calculation and the number; every step of the thinking; every
 * step, each looked at again, so that a slip is found and repaired.
 */
export const answerStyles = ['answer', 'calculation', 'steps', 'checked'] as const

export type AnswerStyle = (typeof answerStyles)[number]

/** How often a result is wrong by a slip, in each style; in `checked` at the first attempt. */
export type SlipRates = Readonly<Record<AnswerStyle, number>>

/** Words that begin a step. */
const STEP_WORDS = ['First', 'Then', 'Next', 'Last']

/** Writes an answer to a problem as somebody would who answers in this style and makes slips. */
export function writeAnswer(
  draw: Draw,
  calculations: readonly Calculation[],
  style: AnswerStyle,
  slipRates: SlipRates,
): string {
  const slipRate = slipRates[style]
  const last = calculations.at(-1)!
  const slipped = (result: number): number => (draw.chance(slipRate) ? slip(draw, result) : result)
  if (style === 'answer') return `#### ${slipped(last.result)}`
  if (style === 'calculation') {
    const shown = slipped(last.result)
    return `${formatCalculation(last, shown)}\n#### ${shown}`
  }
  const lines: string[] = []
  // What stands on the paper for the last result: a slip that nobody found is carried on.
  let written = 0
  for (const [index, { left, operator, right }] of calculations.entries()) {
    const before = calculations[index - 1]?.result
    const calculation =
      before === undefined
        ? calculate(left, operator, right)
        : left === before
          ? calculate(written, operator, right)
          : calculate(left, operator, written)
    const shown = slipped(calculation.result)
    lines.push(`${STEP_WORDS[Math.min(index, STEP_WORDS.length - 1)]!}: ${formatCalculation(calculation, shown)}.`)
    written = shown
    if (style === 'checked') {
      const check = `Check: ${formatCalculation(calculation)}.`
      lines.push(shown === calculation.result ? check : `${check} Wait, it is ${calculation.result}.`)
      written = calculation.result
    }
  }
  return `<think>\n${lines.join('\n')}\n</think>\n#### ${written}`
}

/** A wrong result such as people write: off by a little, or by ten. */
export function slip(draw: Draw, result: number): number {
  const wrong = [-10, -2, -1, 1, 2, 10].map((by) => result + by).filter((value) => value >= 0)
  return draw.pick(wrong)
}
