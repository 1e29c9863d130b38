import { ConfigError, GradingError } from '../errors.js'
import { thrownMessage } from '../io/thrown.js'
import { grade } from './number.js'
import type { Grade, Grader, Problem } from './problem.js'

/** The grader of a problem: its own, or that of numbers. */
export function graderOf({ grader = grade }: Problem): Grader {
  return grader
}

/**
 * Grades a completion with the grader of its problem.
 *
 * Throws a {@link GradingError} that names the problem when the grader fails, and what it throws for options that it cannot
 * work with (ConfigError).
 */
export function gradeOf(completion: string, problem: Problem, promptText?: string): Grade | Promise<Grade> {
  try {
    const grade = graderOf(problem)(completion, problem, promptText)
    if (!(grade instanceof Promise)) return grade
    return grade.catch((cause: unknown) => {
      throw gradingError(problem, cause)
    })
  } catch (cause) {
    throw gradingError(problem, cause)
  }
}

function gradingError(problem: Problem, cause: unknown): unknown {
  if (cause instanceof ConfigError) return cause
  const reason = thrownMessage(cause)
  const named = reason.includes(`problem ${problem.id}`) ? reason : `problem ${problem.id}: ${reason}`
  return new GradingError(`the grader failed: ${named}`, { cause })
}

/** Whether a text could be the answer to a problem, right or wrong. The gold answer always could. */
export function couldBeAnswer(text: string, problem: Problem): boolean {
  const given = text.trim()
  if (given === '' || given === problem.answer.trim()) return given !== ''
  return graderOf(problem).isAnswer?.(given, problem) ?? true
}
