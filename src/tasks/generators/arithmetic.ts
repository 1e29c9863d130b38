import { tellChain } from './arithmetic/chain.js'
import { scenarios } from './arithmetic/scenarios.js'
import { generatedTask } from './generatedTask.js'
import type { GeneratorOptions, ProblemGenerator } from './generatedTask.js'
import type { Task } from '../task.js'

/**
 * Word problems in GSM8K's form that are made up, with correct worked steps: prices, ages, shares, journeys, and stories of
 * things that come and go. The difficulty is the number of calculations; all numbers are whole and none is negative.
 * Problems with the same chain of calculations are all in the same split, whatever story tells them.
 */
export function arithmetic(options: GeneratorOptions = {}): Task {
  return generatedTask(generator, options)
}

const generator: ProblemGenerator = {
  name: 'arithmetic',
  instruction: 'Solve the problem.',
  answerHint: 'number',
  easiest: 1,
  hardest: 8,
  defaultDifficulty: [1, 4],
  draw(random, difficulty) {
    const suitable = scenarios.filter(({ length }) => length === difficulty)
    const isScenario = suitable.length > 0 && random.chance(0.5)
    const story = isScenario ? random.pick(suitable).tell(random) : tellChain(random, difficulty)
    return {
      key: story.calculations.join('; '),
      question: story.sentences.join(' '),
      answer: String(story.answer),
      steps: story.steps.join('\n'),
    }
  },
}
