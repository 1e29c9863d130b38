// %% [markdown]
// # Code problems: rewards from tests
//
// Whether a program is right, its tests say. That makes programming a good subject for GRPO: the
// reward is computed, nobody has to read the programs. But a model's programs must be run, and
// nobody knows what they do. This notebook makes problems in the layout of
// [HumanEval](https://arxiv.org/abs/2107.03374), grades right, wrong, endless and hostile programs in
// the sandbox, and turns the tests into rewards and advantages.
//
// The programs of sections 2 and 3 are written by hand, so that each shows something. In section 4 a
// model writes: the small one that comes with grpo-ts, which knows **programs of one line** and nothing
// more, or the one that the parameter `model` names.

// %% tags=["parameters"]
// Such as 'Qwen/Qwen2.5-Coder-0.5B-Instruct' (a folder or a Hub id); empty: the small model of grpo-ts
let model = ''
let maxCompletionLength = 200 // tokens
let numGenerations = 4 // completions of a problem
let timeLimit = 1000 // ms that a program and its tests may take together
let seed = 42

// %% [markdown]
// ## 1. Problems
//
// A row has a `prompt` (the head of the function, with what it should do), the `test`, and the
// `entry_point`, the name of the function. `tasks.problemOfRow` makes a problem of a row; a file of
// such rows is a task: `tasks.loadTask('humaneval-js', { data: 'my-problems.jsonl' })`.

// %%
import { performance } from 'perf_hooks'
import { show, tasks } from 'grpo-ts'

show.setUpCharts()
const rows = [
  {
    language: 'javascript',
    entry_point: 'countVowels',
    prompt:
      '// Returns how many letters of a text are vowels (a, e, i, o, u), capitals included.\nfunction countVowels(text) {\n',
    canonical_solution: '  return (text.match(/[aeiou]/gi) ?? []).length\n}',
    test: "const assert = require('assert'); assert.equal(countVowels('banana'), 3); assert.equal(countVowels('SKY'), 0); assert.equal(countVowels('Every AND'), 3); assert.equal(countVowels(''), 0)",
  },
  {
    language: 'javascript',
    entry_point: 'largestGap',
    prompt:
      '// Returns the largest difference between two neighbours of a list of numbers, 0 for fewer than two.\nfunction largestGap(numbers) {\n',
    canonical_solution:
      '  let gap = 0\n  for (let i = 1; i < numbers.length; i++) gap = Math.max(gap, Math.abs(numbers[i] - numbers[i - 1]))\n  return gap\n}',
    test: "const assert = require('assert'); assert.equal(largestGap([1, 4, 2]), 3); assert.equal(largestGap([9, 1]), 8); assert.equal(largestGap([5]), 0); assert.equal(largestGap([]), 0)",
  },
]
const problems = rows.map((row) => {
  const problem = tasks.problemOfRow('humaneval-js', row, `own/${row.entry_point}`)
  if (typeof problem === 'string') throw new Error(problem) // the reason why a row is no problem
  return problem
})
show.table(
  problems.map(({ id, question, columns }) => ({
    id: id,
    question: question,
    tests: String(columns.tests),
  })),
)

// %% [markdown]
// ## 2. Grading programs
//
// A completion may be an explanation with a code block, or the rest of the function alone: the
// grader finds the program in it. The program then runs in a sandbox (JavaScript compiled to
// WebAssembly, in a thread of its own) without files, network or `process`. It has `timeLimit` ms
// and 256 MiB of memory. The tests run apart from it, so that it can neither see nor change them.

// %%
import { rewards } from 'grpo-ts'

const fenced = (code: string) => '```javascript\n' + code + '\n```'
const candidates: Record<string, string> = {
  right: `Match the vowels and count.\n\n${fenced("function countVowels(text) {\n  return [...text.toLowerCase()].filter((c) => 'aeiou'.includes(c)).length\n}")}`,
  'right, the body alone': '  return (text.match(/[aeiou]/gi) ?? []).length\n}',
  'wrong: forgets capitals': fenced(
    'function countVowels(text) {\n  return (text.match(/[aeiou]/g) ?? []).length\n}',
  ),
  'wrong: always 0': fenced('function countVowels(text) {\n  return 0\n}'),
  'does not parse': fenced('function countVowels(text) {\n  return text.match(\n}'),
  endless: fenced('function countVowels(text) {\n  while (true) {}\n}'),
  'eats memory': fenced(
    'function countVowels(text) {\n  const all = []\n  while (true) all.push(new Array(100000).fill(text))\n}',
  ),
  'hostile: reads files': fenced(
    "function countVowels(text) {\n  return require('fs').readFileSync('/etc/passwd').length\n}",
  ),
  'hostile: ends the process': fenced('process.exit(0)\nfunction countVowels(text) { return 0 }'),
  'hostile: answers equal everything': fenced(
    'Object.is = () => true\nfunction countVowels(text) { return { valueOf: () => 3, toString: () => "3" } }',
  ),
  'no program': 'Three vowels, I think.',
}
const grader = rewards.codeGrader({ timeLimit: timeLimit })
const graded = []
for (const [name, completion] of Object.entries(candidates)) {
  const startedAt = performance.now()
  const { correct, reason } = await grader(completion, problems[0])
  graded.push({
    program: name,
    passed: correct ? '✓' : '✗',
    why: (reason ?? '').replace(', or the end of its sandbox', ''), // whichever comes first on this machine
    ms: Math.round(performance.now() - startedAt),
  })
}
show.table(graded, { width: 120 })

// %% [markdown]
// Whatever a program does, it fails itself and nothing else: this notebook is still running. The
// same works without a problem around it.

// %%
show.table([
  await rewards.runCode({
    language: 'javascript',
    program: 'const double = (x) => 2 * x',
    tests: "if (double(21) !== 42) throw new Error('not 42')",
  }),
  await rewards.runCode({
    language: 'typescript',
    program: 'const double = (x: number): number => x + 2',
    tests: "if (double(21) !== 42) throw new Error('not 42')",
  }),
])

// %% [markdown]
// ## 3. Rewards and advantages
//
// `rewards.correctness()` asks the problem's grader: 1 where all tests pass, else 0. Some people pay
// for a part of the tests, so that there is something to learn from before a program is all right.
// That is a plain function with tests of its own. Here the candidates above are one group: a program
// gets pushed as far as it was better than the mean.

// %%
import { computeAdvantages } from 'grpo-ts/parts'

const inputs = Object.values(candidates).map((completion) => ({
  prompt: problems[0].question,
  completion: completion,
  answer: problems[0].answer,
  ids: [],
  meta: { problem: { ...problems[0], grader: grader }, finishReason: 'stop' as const },
}))
const correctness = rewards.correctness()

/** The share of single tests that pass; each runs for itself. */
const parts = rows[0].test.split('; ').slice(1)
const shareOfTests = rewards.rewardFunction(
  async ({ completion, meta }) => {
    let passed = 0
    for (const part of parts) {
      const one = {
        ...meta.problem,
        columns: { ...meta.problem.columns, tests: `const assert = require('assert'); ${part}` },
      }
      const { correct, reason } = await grader(completion, one)
      if (correct) passed++
      if (reason?.includes('time limit')) break // it would only take as long again
    }
    return passed / parts.length
  },
  { name: 'shareOfTests' },
)
const scores = []
for (const input of inputs)
  scores.push([await correctness.score(input), await shareOfTests.score(input)])
const advantagesOf = (column: number) =>
  computeAdvantages(
    scores.map((row) => [row[column]]),
    { numGenerations: scores.length },
  ).advantages
const [byAll, byShare] = [advantagesOf(0), advantagesOf(1)]
const names = Object.keys(candidates)
show.table(
  names.map((name, i) => ({
    program: name,
    'all tests': scores[i][0],
    'its advantage': byAll[i],
    'share of tests': scores[i][1],
    'its advantage ': byShare[i],
  })),
)
show.plot(
  [
    { type: 'bar', name: 'all tests or nothing', x: names, y: byAll },
    { type: 'bar', name: 'share of tests', x: names, y: byShare },
  ],
  { title: 'Advantage', yaxis: { title: 'advantage' } },
)

// %% [markdown]
// A share of the tests is easier to cheat: the function that always returns 0 has counted nothing and
// passes half of them. The second reward puts it above the mean of the group, so training makes it
// likelier; with all tests or nothing it is as wrong as the others. So where parts are paid, tests whose
// answer is 0, empty or `false` should be few.
//
// ## 4. What a model writes
//
// Task `small-programs` asks for functions of one line, with one to three operations. Their tests are
// not shown to the model. A model that you name gets the problems from above.

// %%
import { generate, loadModel } from 'grpo-ts'

const embeddedFolder = 'word-problems-2m'
const policy = await loadModel(model || embeddedFolder)
const small = await tasks.loadTask('small-programs', { split: 'test', limit: 3, seed: seed })
const asked = model
  ? problems.map((problem) => ({
      problem: problem,
      ids: policy.tokenizer.encodeChat([
        { role: 'user', content: `${problem.question}\n\nGive the whole function in one code block.` },
      ]),
    }))
  : small.problems.map((problem) => ({
      problem: problem,
      ids: small.prompt(problem, policy.tokenizer).ids,
    }))
const groups = await generate(
  policy,
  asked.map(({ ids }) => ids),
  {
    numGenerations: numGenerations,
    maxCompletionLength: maxCompletionLength,
    temperature: 1,
    seed: seed,
  },
)
let passed = 0
let mixed = 0
for (const [i, completions] of groups.entries()) {
  const shownTraces = []
  for (const [j, { text, ids }] of completions.entries()) {
    const { correct, reason } = await grader(text, asked[i].problem)
    shownTraces.push({
      title: `Completion ${j + 1}`,
      text: text,
      correct: correct,
      facts: { tokens: ids.length, why: reason ?? 'all tests pass' },
    })
  }
  const right = shownTraces.filter(({ correct }) => correct).length
  passed += right
  if (right > 0 && right < completions.length) mixed++
  show.traces(shownTraces, asked[i].problem.question)
}
show.markdown(
  `${passed} of ${groups.flat().length} completions pass the tests. In ${mixed} of ${groups.length} groups some pass and some do not: only those teach anything.`,
)

// %% [markdown]
// ## Train on code
//
// The small model trains on its one-line programs; a model that can write code and a file with many
// problems take the same command:
//
// ```sh
// npx grpo-ts train --model word-problems-2m --task small-programs
// npx grpo-ts train --model Qwen/Qwen2.5-Coder-0.5B-Instruct --task humaneval-js --data my-problems.jsonl
// ```
//
// Python works too, once it is allowed (`allowPython`): see [the sandbox](../docs/sandbox.md).
