import { grade } from './number.js'
import type { Grade, Grader, Problem } from './problem.js'

/** The grader of a problem: its own, or that of numbers. */
export function graderOf({ grader = grade }: Problem): Grader {
  return grader
}

/** Grades a completion with the grader of its problem. */
export function gradeOf(completion: string, problem: Problem, promptText?: string): Grade | Promise<Grade> {
  return graderOf(problem)(completion, problem, promptText)
}

/** Whether a text could be the answer to a problem, right or wrong. The gold answer always could. */
export function couldBeAnswer(text: string, problem: Problem): boolean {
  const given = text.trim()
  if (given === '' || given === problem.answer.trim()) return given !== ''
  return graderOf(problem).isAnswer?.(given, problem) ?? true
}
