import { DataError } from '../errors.js'
import type { Grade, Problem } from '../tasks/task.js'
import { extractLastNumber, extractMarkedAnswer, readBareNumber, readNumber } from './answerExtraction.js'
import type { RewardFunction, RewardOptions } from './reward.js'
import { rewardWeight } from './reward.js'

/**
 * Grades a completion against the gold answer of a problem.
 *
 * Strict: the last line `#### <number>` or `<answer><number></answer>` (of several, only the last one counts), or, if the
 * problem's `answerFormat` is `bare`, a completion that is a number and nothing else. Lenient: that answer if there is one,
 * otherwise the last number of the text; so what is correct is also leniently correct. Numbers must be equal as decimals:
 * 1,000 = $1000.00, but 50% is 50 and not 0.5. Repetitions of the question, and of the whole prompt if it is given, do not
 * count as part of the completion.
 *
 * Throws a {@link DataError} if the gold answer is not a number.
 */
export function grade(completion: string, problem: Problem, promptText = ''): Grade {
  const gold = readNumber(problem.answer)
  if (gold === null) {
    throw new DataError(`problem ${problem.id} has the answer '${problem.answer}', but only numbers can be graded`)
  }
  const text = withoutEcho(withoutEcho(completion, promptText), problem.question)
  const strict = problem.answerFormat === 'bare' ? readBareNumber(completion) : extractMarkedAnswer(text)
  const extracted = strict ?? extractLastNumber(text)
  return { correct: strict === gold, correctLenient: extracted === gold, extracted }
}

export interface CorrectnessOptions extends RewardOptions {
  /** Takes the last number when the answer is not in the form asked for. Defaults to false. */
  lenient?: boolean
}

/** Rewards a right answer with 1, anything else with 0, by the problem's own grader or {@link grade}. */
export function correctness(options: CorrectnessOptions = {}): RewardFunction {
  const { lenient = false } = options
  return {
    name: 'correctness',
    weight: rewardWeight('correctness', options),
    score({ completion, problem, promptText }) {
      const pay = ({ correct, correctLenient }: Grade): number => ((lenient ? correctLenient : correct) ? 1 : 0)
      const result = (problem.grader ?? grade)(completion, problem, promptText)
      return result instanceof Promise ? result.then(pay) : pay(result)
    },
  }
}

/** Cuts out every repetition of a text; a line break keeps what was around it apart. */
function withoutEcho(completion: string, echoed: string): string {
  return echoed === '' ? completion : completion.replaceAll(echoed, '\n')
}
