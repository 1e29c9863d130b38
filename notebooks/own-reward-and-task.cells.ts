// %% [markdown]
// # A task and a reward of your own
//
// GRPO trains a language model on *problems* whose answers can be checked, by a *reward*: a function
// that gets what the model wrote and returns a number. This notebook makes both by hand, tests the
// reward before it is used, trains the small model that comes with grpo-ts for a minute, and
// compares its answers before and after.
//
// The method step by step is in [grpo-reasoning.ipynb](grpo-reasoning.ipynb).

// %% tags=["parameters"]
let model = '' // a folder or a Hub id; empty: the small model of grpo-ts
let data = '' // a file of your own with the columns question and answer; empty: problems made below
let maxSteps = 40
let learningRate = 1e-3 // for the small model; a larger one wants less, about 5e-5
let maxCompletionLength = 96 // tokens
let evaluationProblems = 100
let seed = 42

// %%
import * as path from 'path'
import { loadModel, selectEngine, show } from 'grpo-ts'

show.setUpCharts()
const backend = await selectEngine()
const embeddedFolder = 'word-problems-2m'
const base = await loadModel(model || embeddedFolder)
console.log(`${model || 'word-problems-2m'} on backend ${backend.name}`)

// %% [markdown]
// ## 1. The task
//
// A problem is an `id`, a `question` and its final `answer`; a solution is not needed.
// `tasks.defineTask` makes a task of a list of them, which asks each question in the model's own chat
// marks. Here: shopping. The problems are split by their numbers, not at random: the same calculation
// with another name would be no new problem.
//
// Problems in a file need no code: `tasks.fileTask({ data: 'my-problems.csv', grader: 'number' })`
// reads JSON lines, CSV or parquet.

// %%
import { tasks } from 'grpo-ts'
import type { Problem } from 'grpo-ts'

const made: { train: Problem[]; test: Problem[] } = { train: [], test: [] }
const names = ['Tom', 'Anna', 'Ben', 'Lisa', 'Max', 'Emma', 'Sam', 'Mia']
const things = ['apples', 'books', 'pens', 'cookies', 'balls', 'stamps']
for (let price = 2; price <= 6; price++) {
  for (let count = 2; count <= 6; count++) {
    for (let left = 1; left <= 12; left++) {
      const dollars = price * count + left
      if (dollars > 40) continue
      const number = made.train.length + made.test.length
      const name = names[number % names.length]
      const thing = things[number % things.length]
      made[(price + count + left) % 4 === 0 ? 'test' : 'train'].push({
        id: `shopping/${price}/${count}/${left}`,
        question: `${name} has ${dollars} dollars and buys ${count} ${thing} for ${price} dollars each. How many dollars are left?`,
        answer: String(left),
      })
    }
  }
}

// The small model ends its answers with a line such as `#### 7`; any other has to be told.
const systemPrompt = model
  ? 'Solve the problem step by step. End with a line of "#### " and the number alone.'
  : null
const ownTask = (problems: readonly Problem[]) =>
  tasks.defineTask({ name: 'shopping', problems: problems, systemPrompt: systemPrompt })
const trainTask = data
  ? await tasks.fileTask({ data: data, grader: 'number', reasoningFormat: 'gsm8k' })
  : ownTask(made.train)
const testTask = data
  ? await tasks.fileTask({ data: data, grader: 'number', reasoningFormat: 'gsm8k', split: 'test' })
  : ownTask(made.test)
console.log(
  `${trainTask.problems.length} problems to train on, ${testTask.problems.length} held out`,
)
show.table(
  trainTask.problems
    .slice(0, 3)
    .map(({ question, answer }) => ({ question: question, answer: answer })),
)
console.log(trainTask.prompt(trainTask.problems[0], base.tokenizer).text)

// %% [markdown]
// ## 2. The reward
//
// A plain function. The first one below looks right and is not: "does the completion contain the
// answer" also holds for a completion that lists every number. The second one wants the answer,
// alone, on the last line.
//
// The *self-test* shows a reward completions that are right and completions that cheat. A reward
// that pays a cheat like a right answer is *exploitable*: the model would learn the cheat.

// %%
import { rewards } from 'grpo-ts'
import type { RewardSample } from 'grpo-ts'

function containsAnswer({ completion, answer }: RewardSample): number {
  return completion.includes(answer) ? 1 : 0
}
function endsWithAnswer({ completion, answer }: RewardSample): number {
  return completion.trim().split('\n').pop() === `#### ${answer}` ? 1 : 0
}

const lintRows = []
for (const score of [containsAnswer, endsWithAnswer]) {
  const report = await rewards.lintReward(rewards.rewardFunction(score), trainTask.problems.slice(0, 10))
  const cheats = report.rows.filter(({ paidLikeGold }) => paidLikeGold > 0)
  lintRows.push({
    reward: report.reward,
    'pays for right answers': report.gold,
    verdict: report.verdict,
    'cheats that it pays for': cheats.map(({ name }) => name).join('; ') || 'none',
  })
}
show.table(lintRows)

// %% [markdown]
// ## 3. Train
//
// The model's own weights stay as they are; a small adapter (LoRA) beside them is trained. Each step
// takes 8 problems, lets the model answer each 8 times, and makes those answers likelier that got
// more than the mean of their 8. ■ stops after a step; the training cell run again goes on.

// %%
import { GRPOTrainer, untilInterrupted } from 'grpo-ts'

const policy = base.withLora({ r: 16, alpha: 32, targetModules: 'all-linear', seed: seed })
const trainer = new GRPOTrainer({
  policy: policy,
  task: trainTask,
  rewards: [endsWithAnswer],
  config: {
    maxSteps: maxSteps,
    numGenerations: 8,
    perDeviceTrainBatchSize: 64, // 8 problems × 8 completions
    gradientAccumulationSteps: 1,
    maxCompletionLength: maxCompletionLength,
    learningRate: learningRate,
    lrSchedulerType: 'cosine',
    warmupSteps: Math.min(4, Math.floor(maxSteps / 10)),
    seed: seed,
  },
})
const chart = show.liveChart([
  {
    series: { reward: 'mean', 'reward/best': 'best of 8' },
    layout: { title: 'Reward', yaxis: { range: [-0.02, 1.05] } },
  },
  { series: { 'completions/mean_length': 'tokens' }, layout: { title: 'Length of a completion' } },
])

// %%
await null // lets plain tslab see that this cell is asynchronous
try {
  for await (const step of untilInterrupted(trainer)) chart.add(step.step, step.metrics)
} finally {
  chart.done()
}

// %% [markdown]
// ## 4. Before and after
//
// Both models answer the same held-out problems. The interval says how far the difference can be
// trusted: where it holds 0, nothing has been shown.

// %%
import { describeComparison, evaluate } from 'grpo-ts'

const evaluation = await evaluate(
  { base: base, trained: policy },
  { ...testTask, problems: testTask.problems.slice(0, evaluationProblems) },
  { greedy: false, samples: 2, maxCompletionLength: maxCompletionLength },
)
const [before, after] = evaluation.policies.map(({ sampled }) => sampled)
show.markdown(describeComparison(evaluation.comparisons[0], evaluation.settings).join('  \n'))

// %%
const first = (index: number) => [before, after].map(({ completions }) => completions[index][0])
const changed = evaluation.problems
  .map((_, index) => index)
  .filter((index) => first(index)[0].correct !== first(index)[1].correct)
const gained = changed.filter((index) => first(index)[1].correct)
const lost = changed.filter((index) => first(index)[0].correct)
show.markdown(
  `First answers to ${evaluation.problems.length} problems: ${gained.length} wrong before and right after, ${lost.length} right before and wrong after.`,
)
for (const index of [...gained.slice(0, 2), ...lost.slice(0, 1)]) {
  const { question, answer } = evaluation.problems[index]
  show.traces(
    first(index).map(({ text, correct, tokens }, i) => ({
      title: i === 0 ? 'Before' : 'After',
      text: text,
      correct: correct,
      facts: { tokens: tokens },
    })),
    `${question} (answer: ${answer})`,
  )
}

// %% [markdown]
// ## Now yours
//
// Change the questions (the small model knows only the words of its own word problems; for others
// set `model`), or write a second reward into `rewards: […]`: their sum counts. Return `null` where
// a reward does not judge. More: [own rewards and tasks](../docs/own-rewards-and-tasks.md), [rewards](../docs/rewards.md).
