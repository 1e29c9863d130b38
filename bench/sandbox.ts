/**
 * Runs every canonical solution of HumanEval and HumanEval-X, and a stub for each: how many pass, and how many runs a second.
 * `node --import tsx bench/sandbox.ts ../shared/data`; Python is run if there is python3.
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { humanEval } from '../src/tasks/humanEval.js'
import type { Problem } from '../src/tasks/task.js'

const root = process.argv[2] ?? '../shared/data'
const languages = [
  { language: 'javascript', data: 'humaneval-x', stub: '  return null\n}\n' },
  { language: 'python', data: 'humaneval', stub: '    return None\n' },
] as const

for (const { language, data, stub } of languages) {
  if (language === 'python' && spawnSync('python3', ['--version']).status !== 0) continue
  const options = { split: 'test', language, allowPython: true, timeLimit: 20_000 } as const
  const { problems } = await humanEval({ ...options, data: path.join(root, data) })
  // The first runs start the lanes.
  await Promise.all(problems.slice(0, 4).map((problem) => gradeOf(problem, problem.answer)))
  const started = performance.now()
  const right = await Promise.all(problems.map((problem) => gradeOf(problem, problem.answer)))
  const seconds = (performance.now() - started) / 1000
  const stubs = await Promise.all(problems.map((problem) => gradeOf(problem, stub)))
  const failed = problems.filter((_, i) => !right[i]).map(({ id }) => id)
  console.log(
    `${language}: ${right.filter(Boolean).length} of ${problems.length} canonical solutions pass` +
      `${failed.length > 0 ? ` (not ${failed.join(', ')})` : ''}, ${stubs.filter(Boolean).length} stubs; ` +
      `${(problems.length / seconds).toFixed(0)} runs/s`,
  )
}

async function gradeOf(problem: Problem, completion: string): Promise<boolean> {
  return (await problem.grader!(completion, problem)).correct
}
