/** `node --import tsx bench/grading.ts [FOLDER]`: maths gradings a second on the gold solutions of GSM8K and MATH-500. */
import fs from 'node:fs'
import path from 'node:path'
import { grade } from '../src/grading/number.js'
import { gradeMath } from '../src/grading/math/gradeMath.js'
import { sharedPath } from '../test/shared.js'

interface Row {
  readonly question: string
  readonly solution: string
  readonly answer: string
}

const folder = process.argv[2] ?? sharedPath('data')
if (folder === null)
  throw new Error('../shared/data is not here; name a folder with gsm8k/test.jsonl and math/math500_test.json')

const gsm8k = fs
  .readFileSync(path.join(folder, 'gsm8k', 'test.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { question: string; answer: string })
  .map(({ question, answer }): Row => ({
    question,
    solution: answer,
    answer: answer.slice(answer.lastIndexOf('#### ') + 5),
  }))
const math = (
  JSON.parse(fs.readFileSync(path.join(folder, 'math', 'math500_test.json'), 'utf8')) as (Omit<Row, 'question'> & {
    problem: string
  })[]
).map(({ problem, ...rest }): Row => ({ ...rest, question: problem }))

const gradeNumber = (completion: string, { question, answer }: Row) =>
  grade(completion, { id: 'bench', question, answer })
const gradeExpression = (completion: string, { question, answer }: Row) =>
  gradeMath(completion, answer, { echoed: [question] })

for (const [name, rows, judge] of [
  ['GSM8K', gsm8k, gradeNumber],
  ['MATH-500', math, gradeExpression],
] as const) {
  const kinds = {
    gold: (i: number) => rows[i]!.solution,
    shuffled: (i: number) => rows[(i + 1) % rows.length]!.solution,
    stub: () => 'I do not know.',
  }
  for (const [kind, completion] of Object.entries(kinds)) {
    const started = performance.now()
    let right = 0
    for (const [i, row] of rows.entries()) if (judge(completion(i), row).correct) right++
    const perSecond = (1000 * rows.length) / (performance.now() - started)
    process.stdout.write(`${name} ${kind}: ${right} of ${rows.length} right, ${perSecond.toFixed(0)} gradings/s\n`)
  }
}
process.exit(0)
