import { DataError } from '../errors.js'
import { readNumber } from '../rewards/answerExtraction.js'
import { checkCount } from './checkCount.js'
import { questionPrompt } from './questionPrompt.js'
import { readRows } from './readRows.js'
import { splitFiles, splitName } from './splitFiles.js'
import type { MalformedRow, Problem, Split, Task } from './task.js'

export const gsm8kSystemPrompt =
  'Solve the problem. Reason step by step, then end with the final answer alone on a line of the form `#### <number>`.'

export interface Gsm8kOptions {
  /** A `.jsonl` or `.parquet` file with the columns `question` and `answer`, or a folder of them (see {@link splitFiles}). */
  data: string
  /** Defaults to `train`. */
  split?: Split
  /** Takes the first problems only. Defaults to all. */
  limit?: number
  /**
   * Number of worked examples before each question, the first rows of the training split (of the file itself if `data`
   * is a single file); they are not among the problems. Defaults to 0.
   */
  shots?: number
  /** The system message of a chat; null for none. Defaults to {@link gsm8kSystemPrompt}. */
  systemPrompt?: string | null
  /**
   * Called for each malformed row, which is then left out. Defaults to throwing a {@link DataError} that counts all of
   * them and names the first ones.
   */
  onMalformedRow?: (row: MalformedRow) => void
}

/**
 * GSM8K (Cobbe et al. 2021, https://arxiv.org/abs/2110.14168): word problems whose worked solution ends with a line
 * `#### 72`. The gold answer is what follows the last `#### `, without thousands commas.
 *
 * Throws a {@link DataError} for data that is missing or malformed, and a FileFormatError for a file, or a line of it, that
 * cannot be parsed at all.
 */
export async function gsm8k(options: Gsm8kOptions): Promise<Task> {
  const { data, split = 'train', shots = 0, systemPrompt = gsm8kSystemPrompt } = options
  if (options.limit !== undefined) checkCount('limit', options.limit, 1)
  checkCount('shots', shots, 0)
  const files = splitFiles(data, split)
  let problems = await readProblems(files, options.onMalformedRow)
  let examples: readonly Problem[] = []
  if (shots > 0) {
    const exampleFiles = files[0] === data ? files : splitFiles(data, 'train')
    const isSameSplit = exampleFiles[0] === files[0]
    examples = (isSameSplit ? problems : await readProblems(exampleFiles, options.onMalformedRow)).slice(0, shots)
    if (examples.length < shots) {
      throw new DataError(`shots ${shots}: ${exampleFiles.join(', ')} hold only ${examples.length} problems`)
    }
    if (isSameSplit) problems = problems.slice(shots)
  }
  if (problems.length === 0) throw new DataError(`${files.join(', ')}: no problems are left to use`)
  return {
    name: 'gsm8k',
    problems: problems.slice(0, options.limit),
    systemPrompt,
    prompt: (problem, tokenizer) => questionPrompt(problem.question, examples, systemPrompt, tokenizer),
  }
}

async function readProblems(
  files: readonly string[],
  onMalformedRow?: (row: MalformedRow) => void,
): Promise<Problem[]> {
  const problems: Problem[] = []
  const malformed: MalformedRow[] = []
  let row = 0
  for (const file of files) {
    for await (const { line, value } of readRows(file)) {
      const problem = parseRow(value, `gsm8k/${splitName(file)}/${++row}`)
      if (typeof problem === 'object') problems.push(problem)
      else malformed.push({ file, line, reason: problem })
    }
  }
  if (onMalformedRow !== undefined) malformed.forEach(onMalformedRow)
  else if (malformed.length > 0) throw new DataError(describeMalformed(malformed, row))
  return problems
}

/** The problem of a row, or the reason why it is none. */
function parseRow(row: unknown, id: string): Problem | string {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return 'is not an object with question and answer'
  const { question, answer } = row as Record<string, unknown>
  if (typeof question !== 'string' || question.trim() === '') return 'has no question'
  if (typeof answer !== 'string') return 'has no answer'
  const marker = answer.lastIndexOf('#### ')
  if (marker < 0) return 'has no answer line `#### <number>`'
  const gold = answer.slice(marker + '#### '.length).trim()
  if (readNumber(gold) === null) return `has the answer '${gold.slice(0, 40)}', which is not a number`
  return { id, question, answer: gold.replaceAll(',', ''), solution: stripAnnotations(answer) }
}

/** Removes the calculator annotations of a solution: `48/2 = <<48/2=24>>24` becomes `48/2 = 24`. */
function stripAnnotations(solution: string): string {
  return solution.replace(/<<[^<>]*>>/g, '')
}

function describeMalformed(malformed: readonly MalformedRow[], rows: number): string {
  const shown = malformed.slice(0, 5).map(({ file, line, reason }) => `${file}:${line} ${reason}`)
  const rest = malformed.length > shown.length ? `; and ${malformed.length - shown.length} more` : ''
  return `${malformed.length} of ${rows} rows are malformed: ${shown.join('; ')}${rest}. Correct them, or pass onMalformedRow to leave them out`
}
