import { ConfigError, DataError } from '../errors.js'
import { answerFormRules } from '../grading/answerForm.js'
import type { AnswerForm } from '../grading/answerForm.js'
import { namedGrader } from '../grading/namedGraders.js'
import type { GraderName } from '../grading/namedGraders.js'
import type { Grader, Problem } from '../grading/problem.js'
import { quote } from '../io/json.js'
import { questionPrompt } from './questionPrompt.js'
import type { Task } from './task.js'

/** A problem as {@link defineTask} takes it. */
export interface ProblemDefinition extends Omit<Problem, 'id'> {
  /** Stable from run to run. Defaults to the name of the task and the number of the problem, from 1. */
  readonly id?: string
}

/** What makes a task. */
export interface TaskDefinition {
  /** The task's name, in run folders and reports. */
  name: string
  /** The problems; those that have their own `answerForm` or `grader` keep it. */
  problems: readonly ProblemDefinition[]
  /** The form of answers: what the system prompt asks for, and what is right and paid by `format`. Defaults to `gsm8k`. */
  answerForm?: AnswerForm
  /** How answers are compared: a name or a function. Defaults to `number`. */
  grader?: GraderName | Grader
  /** The system message of a chat; null for none. Defaults to `Solve the problem.` and how to give the answer. */
  systemPrompt?: string | null
  /** What stands in the answer's place in that default, e.g. `city`. Defaults to `number`, or `answer` with another grader. */
  answerHint?: string
  /** Worked examples before each question, whose `solution` (or answer) shows the form. Defaults to none. */
  examples?: readonly ProblemDefinition[]
}

/**
 * A task from problems: `defineTask({ name: 'capitals', problems: [{ question, answer }], grader: 'exact' })`. Each question is
 * asked as in the tasks of this library: as a chat, with the marks of the model's own chat template, or as plain text if it has
 * none.
 *
 * Throws a {@link DataError} for a problem without question or answer and for an id that is there twice, a {@link ConfigError}
 * for an unknown form or grader.
 */
export function defineTask(definition: TaskDefinition): Task {
  const { name, answerForm = 'gsm8k', grader = 'number', problems } = definition
  const rules = answerFormRules[answerForm] as (typeof answerFormRules)[AnswerForm] | undefined
  if (rules === undefined) {
    throw new ConfigError(
      `answerForm is ${quote(answerForm)}; it must be one of ${Object.keys(answerFormRules).join(', ')}`,
    )
  }
  const all = [...problems, ...(definition.examples ?? [])]
  const graded = typeof grader === 'function' ? grader : namedGrader(grader, all.map(({ answer }) => answer)) // prettier-ignore
  const complete = (list: readonly ProblemDefinition[], prefix: string): Problem[] =>
    list.map((problem, i) => ({ id: `${prefix}/${i + 1}`, answerForm, grader: graded, ...problem }))
  const made = complete(problems, name)
  checkProblems(made, `task ${name}`)
  const examples = complete(definition.examples ?? [], `${name}/example`)
  const hint = definition.answerHint ?? (grader === 'number' ? 'number' : 'answer')
  const systemPrompt =
    definition.systemPrompt === undefined ? `Solve the problem. ${rules.instruction(hint)}` : definition.systemPrompt
  return {
    name,
    problems: made,
    systemPrompt,
    prompt: (problem, tokenizer) => questionPrompt(problem, examples, systemPrompt, tokenizer),
  }
}

/** Throws a {@link DataError} for what is no problem, and for an id that is there twice. From JavaScript it may be anything. */
export function checkProblems(problems: readonly unknown[], where: string): asserts problems is readonly Problem[] {
  const ids = new Set<unknown>()
  for (const [i, problem] of problems.entries()) {
    const { id, question, answer, answerFormat } = Object(problem) as Record<string, unknown>
    if (![id, question, answer].every((field) => typeof field === 'string')) {
      throw new DataError(`${where}: problem ${i} is ${quote(problem)}; expected { id, question, answer } as texts`)
    }
    if (answerFormat !== undefined) {
      throw new DataError(
        `${where}: problem ${i} has answerFormat ${quote(answerFormat)}; it is answerForm: gsm8k, think, boxed, code or bare`,
      )
    }
    if (ids.has(id)) throw new DataError(`${where}: the id ${quote(id)} is there twice; expected each once`)
    ids.add(id)
  }
}
