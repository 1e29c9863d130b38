import { z } from 'zod'
import { ConfigError } from '../errors.js'
import { codeLanguages } from '../sandbox/codeRun.js'
import type { CodeLanguage } from '../sandbox/codeRun.js'
import type { RunCodeOptions } from '../sandbox/runCode.js'
import { codeGrader } from '../grading/code/codeGrader.js'
import { declaredNames } from '../grading/code/extractCode.js'
import { plainPrompt, questionPrompt } from './questionPrompt.js'
import { answerFormRules } from '../grading/answerForm.js'
import type { AnswerForm } from '../grading/answerForm.js'
import { textColumn } from './rows/columns.js'
import { datasetTask } from './rows/datasetTask.js'
import type { Dataset, DatasetOptions } from './rows/datasetTask.js'
import { namedSplit } from './rows/splitFiles.js'
import { findDataFile } from './rows/findDataFile.js'
import type { Problem } from '../grading/problem.js'
import type { Task } from './task.js'

/** What tasks of programs take besides the options of tasks that are read. */
export const programOptions = {
  allowPython: z
    .boolean()
    .describe('Allow to run Python programs that the model writes (docs/sandbox.md). Defaults to false.'),
  timeLimit: z
    .int()
    .positive()
    .describe('Time for a program and its tests, in ms, for tasks of programs. Defaults to 5000.'),
  memoryLimit: z.int().positive().describe('Memory of a program, in MiB, for tasks of programs. Defaults to 256.'),
}

/** HumanEval problems, and the sandbox that their programs run in. */
export interface HumanEvalOptions extends DatasetOptions, RunCodeOptions {
  /** Language of rows that do not say theirs in a column `language`. Defaults to `python`. */
  language?: CodeLanguage
}

/**
 * HumanEval (Chen et al. 2021, https://arxiv.org/abs/2107.03374), HumanEval-X, and own problems in their layout: rows with
 * `prompt`, `test` (or `tests`), and `entry_point` unless the prompt ends with the function's head. A chat model is asked for
 * the whole function, any other model continues the prompt. Programs run in a sandbox; Python has to be allowed.
 *
 * HumanEval itself is a test set: a file or folder without training problems has no `train` split.
 */
export async function humanEval(options: HumanEvalOptions): Promise<Task> {
  const { language = 'python', allowPython, timeLimit, memoryLimit, data, ...rest } = options
  const file = findDataFile(data)
  if ((rest.split ?? 'train') === 'train' && namedSplit(file) === null && file !== data) {
    throw new ConfigError(
      `'${data}' holds a test set only; take split test, or train on a file or folder of your own with a training split`,
    )
  }
  const limits = {
    ...(allowPython !== undefined && { allowPython }),
    ...(timeLimit !== undefined && { timeLimit }),
    ...(memoryLimit !== undefined && { memoryLimit }),
  }
  return datasetTask(datasetOf(language, limits), { ...rest, data: file })
}

function datasetOf(language: CodeLanguage, options: RunCodeOptions): Dataset {
  const name = language === 'python' ? 'humaneval' : 'humaneval-js'
  return {
    name,
    instruction: 'Write the function that is asked for.',
    answerHint: 'code',
    reasoningFormat: 'code',
    systemPrompt(asked) {
      const form = codeForm(asked)
      return `Write the function that is asked for. ${answerFormRules[form].instruction(form === 'think' ? 'code' : 'whole function')}`
    },
    parse: (row, id, asked) => codeProblem(row, id, asked, language, options),
    prompt: (examples, systemPrompt) => (problem, tokenizer) => {
      if (tokenizer?.hasChatTemplate === true) return questionPrompt(problem, examples, systemPrompt, tokenizer)
      const shots = examples.map(({ columns, answer }) => `${String(columns?.prompt)}${answer}\n\n`)
      return plainPrompt(shots.join('') + String(problem.columns?.prompt), tokenizer)
    },
  }
}

/** No program fits on a line or into a box: the forms for that ask for a code block. */
export function codeForm(form: AnswerForm): AnswerForm {
  return form === 'gsm8k' || form === 'boxed' ? 'code' : form
}

/** The problem of a row, or the reason why it is none. */
export function codeProblem(
  row: Readonly<Record<string, unknown>>,
  id: string,
  asked: AnswerForm,
  defaultLanguage: CodeLanguage,
  options: RunCodeOptions,
): Problem | string {
  const language = textColumn(row, 'language') || defaultLanguage
  if (!codeLanguages.some((known) => known === language)) {
    return `has the language '${language}'; there are ${codeLanguages.join(', ')}`
  }
  const prompt = textColumn(row, 'prompt', 'declaration')
  const tests = textColumn(row, 'test', 'tests')
  if (tests.trim() === '') return 'has no test'
  const declared = declaredNames(prompt, language as CodeLanguage).at(-1)
  const entryPoint = textColumn(row, 'entry_point', 'entryPoint') || (declared ?? '')
  const answer = textColumn(row, 'canonical_solution', 'solution', 'answer')
  const written = textColumn(row, 'question')
  const form = codeForm(asked)
  const code = form === 'bare' ? prompt + answer : `\`\`\`${language}\n${prompt}${answer}\n\`\`\``
  const question =
    written || (prompt && `Complete this function in ${language}:\n\n\`\`\`${language}\n${prompt}\n\`\`\``)
  return {
    id: textColumn(row, 'task_id') || id,
    question,
    answer,
    answerForm: form,
    grader: codeGrader(options),
    ...(answer !== '' && { solution: answerFormRules[form].write('', code) }),
    ...(answer !== '' && { difficulty: answer.split('\n').filter((line) => line.trim() !== '').length }),
    columns: {
      language,
      prompt,
      tests,
      ...(entryPoint !== '' && { entry_point: entryPoint }),
      ...(typeof row.in_place === 'boolean' && { in_place: row.in_place }),
    },
  }
}
