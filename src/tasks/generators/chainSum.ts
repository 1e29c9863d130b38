import type { Task } from '../task.js'
import { generatedTask } from './generatedTask.js'
import type { GeneratorOptions, ProblemGenerator } from './generatedTask.js'

/**
 * Chains of additions and subtractions, `What is 52 - 17 + 9?`, as in BIG-bench's and reasoning-gym's chain_sum. Difficulty d
 * has d + 1 numbers; up to difficulty 2 they have one or two digits, then up to three, from 5 on up to four.
 */
export function chainSum(options: GeneratorOptions = {}): Task {
  return generatedTask(generator, options)
}

const generator: ProblemGenerator = {
  name: 'chain-sum',
  instruction: 'Work out the sum.',
  answerHint: 'number',
  easiest: 1,
  hardest: 9,
  defaultDifficulty: [1, 4],
  draw(random, difficulty) {
    const digits = difficulty <= 2 ? 2 : difficulty <= 4 ? 3 : 4
    const terms = Array.from({ length: difficulty + 1 }, (_, index) => {
      const size = random.int(1, digits)
      const number = random.int(size === 1 ? 1 : 10 ** (size - 1), 10 ** size - 1)
      return index > 0 && random.chance(0.5) ? -number : number
    })
    const [first, ...rest] = terms as [number, ...number[]]
    let total = first
    const steps = rest.map((term) => {
      const before = total
      total += term
      return `${before} ${signed(term)} = ${total}`
    })
    return {
      // The order of the terms does not make it another problem.
      key: terms.toSorted((a, b) => a - b).join(' '),
      question: `What is ${[first, ...rest.map(signed)].join(' ')}?`,
      answer: String(total),
      steps: steps.join('\n'),
    }
  },
}

/** `+ 5` or `- 5` */
function signed(term: number): string {
  return term < 0 ? `- ${-term}` : `+ ${term}`
}
