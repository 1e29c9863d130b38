import { DataError } from '../errors.js'
import { goldFault } from '../grading/goldAnswer.js'
import type { RewardFunction } from '../rewards/reward.js'
import type { Task } from '../tasks/task.js'

/** So many problems are named. */
const SHOWN = 5

/**
 * Throws a {@link DataError} that counts and names the problems whose gold answers no completion can match (see
 * {@link goldFault}), where a reward asks their graders.
 */
export function checkGoldAnswers({ name, problems }: Task, rewards: readonly RewardFunction[]): void {
  if (!rewards.some(({ asksGrader }) => asksGrader === true)) return
  const faults = problems.flatMap((problem) => {
    const fault = goldFault(problem)
    return fault === null ? [] : [{ ...fault, id: problem.id }]
  })
  if (faults.length === 0) return
  const shown = faults.slice(0, SHOWN).map(({ id, reason }) => `${id} ${reason}`)
  const more = faults.length > SHOWN ? `; and ${faults.length - SHOWN} more` : ''
  const advice = [...new Set(faults.map((fault) => fault.advice))].join('; ')
  throw new DataError(
    `${faults.length} of ${problems.length} problems of task ${name} cannot be graded: ${shown.join('; ')}${more}. ` +
      `Correct them (${advice}), leave them out (--on-bad-rows skip), or take rewards that do not ask the grader`,
  )
}
