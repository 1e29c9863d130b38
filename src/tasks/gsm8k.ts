import { readNumber } from '../grading/answerExtraction.js'
import { answerFormRules } from '../grading/answerForm.js'
import type { AnswerForm } from '../grading/answerForm.js'
import { textColumn } from './rows/columns.js'
import { datasetTask } from './rows/datasetTask.js'
import type { Dataset, DatasetOptions } from './rows/datasetTask.js'
import type { Problem } from '../grading/problem.js'
import type { Task } from './task.js'

export type Gsm8kOptions = DatasetOptions

/**
 * GSM8K (Cobbe et al. 2021, https://arxiv.org/abs/2110.14168): word problems whose worked solution ends with a line
 * `#### 72`. The gold answer is what follows the last `#### `, without thousands commas; the difficulty is the number of
 * steps of the solution.
 *
 * Throws a DataError for data that is missing or malformed, and a FileFormatError for a file that cannot be read.
 */
export async function gsm8k(options: Gsm8kOptions): Promise<Task> {
  return datasetTask(dataset, options)
}

const dataset: Dataset = {
  name: 'gsm8k',
  instruction: 'Solve the problem.',
  answerHint: 'number',
  reasoningFormat: 'gsm8k',
  parse(row, id, form) {
    const question = textColumn(row, 'question')
    if (question.trim() === '') return 'has no question'
    if (typeof row.answer !== 'string') return 'has no answer'
    if (!row.answer.includes('#### ')) return 'has no answer line `#### <number>`'
    return gsm8kProblem(question, row.answer, id, form)
  },
}

/** The problem of a question and its worked answer, which may also be the number alone. */
export function gsm8kProblem(question: string, worked: string, id: string, form: AnswerForm): Problem | string {
  const marker = worked.lastIndexOf('#### ')
  const gold = (marker < 0 ? worked : worked.slice(marker + '#### '.length)).trim()
  if (readNumber(gold) === null || !/\d/.test(gold))
    return `has the answer '${gold.slice(0, 40)}', which is not a number`
  const answer = gold.replaceAll(',', '')
  if (marker < 0) return { id, question, answer, answerForm: form }
  const steps = stripAnnotations(worked.slice(0, marker)).trimEnd()
  const difficulty = steps.split('\n').filter((line) => line.trim() !== '').length
  return {
    id,
    question,
    answer,
    solution: answerFormRules[form].write(steps, form === 'gsm8k' ? gold : answer),
    difficulty,
    answerForm: form,
  }
}

/** Removes the calculator annotations of a solution: `48/2 = <<48/2=24>>24` becomes `48/2 = 24`. */
function stripAnnotations(solution: string): string {
  return solution.replace(/<<[^<>]*>>/g, '')
}
