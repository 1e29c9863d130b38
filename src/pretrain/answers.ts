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
  // What stands on the paper for the last result: a slip that nobody found is carried on.
  let last = 0
  for (const [index, { left, operator, right }] of calculations.entries()) {
    const before = calculations[index - 1]?.result
    const calculation =
      before === undefined
        ? calculate(left, operator, right)
        : left === before
          ? calculate(last, operator, right)
          : calculate(left, operator, last)
    const shown = slipped(calculation.result)
    const text = formatCalculation(calculation, shown)
    last = style === 'checked' ? calculation.result : shown
    written.push(style === 'calculation' ? text : `${STEP_WORDS[Math.min(index, STEP_WORDS.length - 1)]!}: ${text}.`)
    if (style !== 'checked') continue
    const check = `Check: ${formatCalculation(calculation)}.`
    written.push(shown === calculation.result ? check : `${check} Wait, it is ${calculation.result}.`)
  }
  if (style === 'calculation') return `${written.join(', ')}\n#### ${last}`
  return `<think>\n${written.join('\n')}\n</think>\n#### ${last}`
}

/** A wrong result such as people write: off by a little, or by ten. */
export function slip(draw: Draw, result: number): number {
  const wrong = [-10, -2, -1, 1, 2, 10].map((by) => result + by).filter((value) => value >= 0)
  return draw.pick(wrong)
}
