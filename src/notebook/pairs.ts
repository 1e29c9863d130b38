import type { AnswerPair } from '../eval/answerPairs.js'
import { traces } from './traces.js'

/** Shows answers of two policies to the same problems, each pair side by side: see `answerPairs`. */
export function pairs(shown: readonly AnswerPair[]): void {
  for (const { problem, answers } of shown) {
    traces(
      Object.entries(answers).map(([title, { text, correct, reason, tokens, reasoning }]) => ({
        title,
        text,
        correct,
        facts: { tokens, steps: reasoning.steps, ...(!correct && reason !== null && { because: reason }) },
      })),
      `${problem.question} (answer: ${problem.answer})`,
    )
  }
}
