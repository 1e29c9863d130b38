import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { answerFormRules, answerForms } from '../../src/grading/answerForm.js'
import type { AnswerForm } from '../../src/grading/answerForm.js'
import type { Problem } from '../../src/grading/problem.js'
import { correctness } from '../../src/rewards/correctness.js'
import { format } from '../../src/rewards/format.js'
import { graderNames } from '../../src/grading/namedGraders.js'
import { loadTask, taskNames } from '../../src/tasks/loadTask.js'
import type { TaskOptions } from '../../src/tasks/loadTask.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { requireShared } from '../shared.js'
import { rewardOf } from './rewardOf.js'

const hasPython = process.platform === 'linux' && spawnSync('python3', ['--version']).status === 0

/** Rows of the tasks that are read. */
const rows: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  gsm8k: [
    { question: 'Kim has 36 pens and gets 36 more. How many?', answer: '36 + 36 = <<36+36=72>>72 pens.\n#### 72' },
    { question: 'What do 5 cars at $250 cost?', answer: 'First 5.\n#### Price\n5 * 250 = 1250\n#### 1,250' },
    { question: 'What is 3 minus 5?', answer: '#### -2' },
    { question: 'What is a half of 7?', answer: 'See \\boxed{7}/2, <answer>no</answer>.\n#### 3.5' },
  ],
  math: [
    { problem: 'What is $1 + \\frac{1}{2}$?', solution: 'It is\n\\[\\boxed{\\frac{3}{2}}\\]', level: 'Level 1' },
    { problem: 'Solve.', solution: 'Not $\\boxed{1}$ but $x=\\boxed{2\\sqrt{3}}$.\n\nThis is all.' },
    { problem: 'Which point?', solution: '#### A\n$\\boxed{(1, -2)}$', answer: '(1,-2)' },
    { problem: 'Which matrix?', answer: '\\begin{pmatrix} 1 & 0 \\\\ 0 & 1 \\end{pmatrix}' },
    { problem: 'Who?', solution: '<think>She</think> is $\\boxed{\\text{Evelyn}}$' },
  ],
  humaneval: [
    {
      task_id: 'a/1',
      prompt: 'def inc(x):\n',
      canonical_solution: '    return x + 1\n',
      test: 'def check(f):\n    assert f(1) == 2\n',
      entry_point: 'inc',
    },
    {
      task_id: 'a/2',
      prompt: 'def dec(x):\n',
      canonical_solution: '    return x - 1\n',
      test: 'def check(f):\n    assert f(1) == 0\n',
      entry_point: 'dec',
    },
  ],
  'humaneval-js': [
    {
      task_id: 'j/1',
      prompt: 'const inc = (x) => {\n',
      canonical_solution: '  return x + 1\n}\n',
      test: 'console.assert(inc(1) === 2)',
      entry_point: 'inc',
    },
    {
      task_id: 'j/2',
      prompt: 'const dec = (x) => {\n',
      canonical_solution: '  return x - 1\n}\n',
      test: 'console.assert(dec(1) === 0)',
      entry_point: 'dec',
    },
  ],
  file: [
    { question: 'What is 1 + 2?', answer: '3', how: 'Count: #### 1, 2, \\boxed{3}.\n#### not yet\n```\n3\n```' },
    { question: 'What is 1 + 9?', answer: '10', how: '' },
    { question: 'What is 3 / 4?', answer: '3/4', how: '<think>Three quarters</think> <answer>4</answer>' },
    { question: 'What is 5 - 12?', answer: '-7', how: 'Below zero.' },
  ],
}

/** Problems of a task in a form; null where the task does not take a form, or cannot run here. */
interface Case {
  readonly name: string
  readonly task: string
  readonly options: TaskOptions
}

function casesOf(task: string, fileOf: (task: string) => string): Case[] {
  if (task === 'humaneval' && !hasPython) return []
  const data = rows[task] ? { data: fileOf(task) } : {}
  const common: TaskOptions = { limit: 12, ...data, ...(task === 'humaneval' && { allowPython: true }) }
  if (task === 'sums')
    return [false, true].map((bare) => ({ name: `sums${bare ? ', bare' : ''}`, task, options: { ...common, bare } }))
  if (task === 'word-problems') return [{ name: task, task, options: common }]
  return answerForms.flatMap((reasoningFormat) =>
    (task === 'file' ? graderNames : [undefined]).map((grader) => ({
      name: `${task}, ${reasoningFormat}${grader === undefined ? '' : `, ${grader}`}`,
      task,
      options: { ...common, reasoningFormat, ...(grader && { grader, solutionColumn: 'how' }) },
    })),
  )
}

/** What a problem's own solution is, written out where the problem has none. */
function goldOf(problem: Problem): string {
  return problem.solution ?? answerFormRules[problem.answerForm!].write('We see it.', problem.answer)
}

/** A completion with its reasoning, as it goes on where the prompt has opened the reasoning. */
function afterOpening(gold: string): string {
  return gold.startsWith('<think>') ? gold.slice('<think>'.length) : `We see it.\n</think>\n${gold}`
}

async function payOf(
  problem: Problem,
  completion: string,
  prompt = problem.question,
): Promise<[number | null, number | null]> {
  return [
    await rewardOf(correctness(), completion, { problem, prompt }),
    await rewardOf(format(), completion, { problem, prompt }),
  ]
}

function nearAnswers({ answer, columns }: Problem): string[] {
  if (columns?.tests !== undefined) return []
  const value = Number(answer)
  const edits =
    Number.isFinite(value) && answer !== ''
      ? [value + 1, value * 10 + 7, -value - 1, value / 100 + 1000].map(String)
      : [`not ${answer}`]
  return [...edits, `${answer}7`, `${answer} or 77`]
}

describe('the gold solution earns full pay, and nothing else does', () => {
  const inFolder = useTemporaryFolder()
  const fileOf = (task: string): string => {
    const file = inFolder(`${task}.jsonl`)
    fs.writeFileSync(file, rows[task]!.map((row) => `${JSON.stringify(row)}\n`).join(''))
    return file
  }

  for (const task of taskNames) {
    it(`${task}: in every form and with every grader`, async function () {
      const cases = casesOf(task, fileOf)
      if (cases.length === 0) {
        console.log(`      skipped: ${task} needs Python in a sandbox`)
        this.skip()
      }
      for (const { name, options } of cases) {
        const { problems } = await loadTask(task, options)
        assert.ok(problems.length > 0, name)
        for (const [i, problem] of problems.entries()) {
          const gold = goldOf(problem)
          const label = `${name}, ${problem.id}: ${gold}`
          assert.deepEqual(await payOf(problem, gold), [1, 1], label)
          for (const prompt of ['Q\n<think>\n', 'Q<think>']) {
            assert.deepEqual(await payOf(problem, afterOpening(gold), prompt), [1, 1], `after the opening of ${label}`)
          }
          for (const empty of ['', ' \n', '<think></think>\n<answer></answer>', '#### ', '$\\boxed{}$', '```\n\n```']) {
            assert.deepEqual(await payOf(problem, empty), [0, 0], `${name}: ${empty}`)
          }
          const other = problems.slice(i + 1).find(({ answer }) => answer !== problem.answer)
          if (other) assert.equal((await payOf(problem, goldOf(other)))[0], 0, `${name}: shuffled ${goldOf(other)}`)
          for (const near of nearAnswers(problem)) {
            const completion = answerFormRules[problem.answerForm!].write('We see it.', near)
            assert.equal((await payOf(problem, completion))[0], 0, `${name}: near ${completion}`)
          }
        }
      }
    })
  }

  it('an answer in another form than the one that is asked for is not strictly right, and its form is not paid', async () => {
    for (const task of ['arithmetic', 'countdown', 'syllogism', 'knights-and-knaves', 'chain-sum', 'math', 'file']) {
      const data = rows[task] ? { data: fileOf(task) } : {}
      for (const grader of task === 'file' ? graderNames : [undefined]) {
        for (const asked of answerForms) {
          const { problems } = await loadTask(task, {
            limit: 4,
            ...data,
            reasoningFormat: asked,
            ...(grader && { grader }),
          })
          for (const [problem, given] of problems.flatMap((each) =>
            answerForms.map((form): [Problem, AnswerForm] => [each, form]),
          )) {
            if (given === asked) continue
            const completion = answerFormRules[given].write('We see it.', problem.answer)
            assert.deepEqual(await payOf(problem, completion), [0, 0], `${task} asks for ${asked}: ${completion}`)
          }
        }
      }
    }
  })

  for (const [task, folder] of [
    ['gsm8k', 'gsm8k'],
    ['math', 'math'],
    ['knights-and-knaves', 'knights-and-knaves'],
  ] as const) {
    it(`${task}: the data itself, in every form`, async function () {
      const data = requireShared(this, 'data', folder)
      for (const reasoningFormat of answerForms) {
        const { problems } = await loadTask(task, {
          data,
          split: 'test',
          limit: 500,
          reasoningFormat,
          onMalformedRow: () => undefined,
        })
        const failed: string[] = []
        for (const problem of problems) {
          const pay = await payOf(problem, goldOf(problem))
          if (pay.some((value) => value !== 1))
            failed.push(`${problem.id} ${pay.join()} ${goldOf(problem).slice(-150)}`)
        }
        assert.deepEqual(failed, [], reasoningFormat)
      }
    })
  }

  it('humaneval-js: the data itself, in every form', async function () {
    const data = requireShared(this, 'data', 'humaneval-x')
    for (const reasoningFormat of answerForms) {
      const { problems } = await loadTask('humaneval-js', { data, split: 'test', limit: 20, reasoningFormat })
      for (const problem of problems) assert.deepEqual(await payOf(problem, goldOf(problem)), [1, 1], problem.id)
    }
  })
})
