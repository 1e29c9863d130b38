/**
 * Runs every canonical solution of HumanEval and HumanEval-X, and a stub for each: how many pass, and how many runs a second.
 * With `--hacks`, runs generic cheats on all of the problems instead and fails if one of them passes.
 * `npm run bench:sandbox -- [--hacks] [--language javascript] [../shared/data]`; Python is run if there is python3.
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { humanEval } from '../src/tasks/humanEval.js'
import type { Problem } from '../src/grading/problem.js'
import type { Cheat } from './sandbox/cheats.js'
import { javascriptCheats } from './sandbox/javascriptCheats.js'
import { pythonCheats } from './sandbox/pythonCheats.js'

const { values, positionals } = parseArgs({
  options: { hacks: { type: 'boolean' }, language: { type: 'string' } },
  allowPositionals: true,
})
const root = positionals[0] ?? '../shared/data'
const languages = [
  { language: 'javascript', data: 'humaneval-x', stub: '  return null\n}\n', cheats: javascriptCheats },
  { language: 'python', data: 'humaneval', stub: '    return None\n', cheats: pythonCheats },
] as const
/** ms. What cheats by taking long gains nothing by taking longer. */
const HACK_TIME_LIMIT = 1000

for (const { language, data, stub, cheats } of languages) {
  if (values.language !== undefined && values.language !== language) continue
  if (language === 'python' && spawnSync('python3', ['--version']).status !== 0) continue
  const timeLimit = values.hacks === true ? HACK_TIME_LIMIT : 20_000
  const options = { split: 'test', language, allowPython: true, timeLimit } as const
  const { problems } = await humanEval({ ...options, data: path.join(root, data) })
  if (values.hacks === true) await tryCheats(language, cheats, problems)
  else await runSolutions(language, problems, stub)
}

async function runSolutions(language: string, problems: readonly Problem[], stub: string): Promise<void> {
  // The first runs start the lanes.
  await Promise.all(problems.slice(0, 4).map((problem) => passes(problem, problem.answer)))
  const started = performance.now()
  const right = await Promise.all(problems.map((problem) => passes(problem, problem.answer)))
  const seconds = (performance.now() - started) / 1000
  const stubs = await Promise.all(problems.map((problem) => passes(problem, stub)))
  const failed = problems.filter((_, i) => !right[i]).map(({ id }) => id)
  console.log(
    `${language}: ${right.filter(Boolean).length} of ${problems.length} canonical solutions pass` +
      `${failed.length > 0 ? ` (not ${failed.join(', ')})` : ''}, ${stubs.filter(Boolean).length} stubs; ` +
      `${(problems.length / seconds).toFixed(0)} runs/s`,
  )
}

async function tryCheats(language: string, cheats: readonly Cheat[], problems: readonly Problem[]): Promise<void> {
  let total = 0
  for (const cheat of cheats) {
    const passed = await Promise.all(
      problems.map((problem) => passesLeniently(problem, cheatingCompletion(problem, cheat))),
    )
    const won = problems.filter((_, i) => passed[i]).map(({ id }) => id)
    total += won.length
    if (won.length > 0) console.log(`${language}: ${cheat.name} passes ${won.length} (${won.join(', ')})`)
  }
  console.log(`${language}: ${cheats.length} cheats on ${problems.length} problems, ${total} of their runs pass`)
  if (total > 0) process.exitCode = 1
}

function cheatingCompletion({ columns = {} }: Problem, cheat: Cheat): string {
  const program = cheat.program({ prompt: String(columns.prompt), entryPoint: String(columns.entry_point) })
  return `\`\`\`${String(columns.language)}\n${program}\n\`\`\``
}

async function passes(problem: Problem, completion: string): Promise<boolean> {
  return (await problem.grader!(completion, problem)).correct
}

async function passesLeniently(problem: Problem, completion: string): Promise<boolean> {
  return (await problem.grader!(completion, problem)).correctLenient
}
