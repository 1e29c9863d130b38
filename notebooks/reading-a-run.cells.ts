// %% [markdown]
// # Reading a run
//
// A training writes files while it goes on. This notebook trains the small model that comes with
// grpo-ts for a minute, then puts the training aside and reads what lies in the folder: what each
// metric says, what the diagnosis found, and what the model wrote. The cells from section 2 on read
// any run, also one of the command line: set `run` and leave the training out.

// %% tags=["parameters"]
let run = '' // the folder of a run to read; empty: a short one is trained here
let maxSteps = 30
let temperature = 0.1 // too low, so that there is something to find; 1 is usual
let maxCompletionLength = 96 // tokens
let outputDir = 'runs/reading-a-run'
let seed = 42

// %% [markdown]
// ## 1. A short run
//
// With `outputDir` the trainer writes a line for each step to `metrics.jsonl`, a line for each
// completion to `completions.jsonl`, and a line to `diagnosis.jsonl` when a finding starts or ends.

// %%
import * as fs from 'fs'
import * as path from 'path'
import { GRPOTrainer, loadModel, rewards, show, tasks, untilInterrupted } from 'grpo-ts'

show.setUpCharts()
const embeddedFolder = 'word-problems-1m'

/** A short run of the small model; its files go to a folder. */
async function train(temperature: number, outputDir: string): Promise<void> {
  const base = await loadModel(embeddedFolder)
  const trainer = new GRPOTrainer({
    policy: base.withLora({ r: 16, alpha: 32, targetModules: 'all-linear', seed: seed }),
    task: tasks.wordProblems({ seed: seed }),
    rewards: [rewards.correctness(), rewards.stepArithmetic({ weight: 0.1 })],
    config: {
      maxSteps: maxSteps,
      numGenerations: 8,
      perDeviceTrainBatchSize: 64, // 8 problems × 8 completions
      gradientAccumulationSteps: 1,
      maxCompletionLength: maxCompletionLength,
      temperature: temperature,
      learningRate: 1e-3,
      seed: seed,
    },
    outputDir: outputDir,
  })
  for await (const { step } of untilInterrupted(trainer)) {
    if (step % 10 === 0) console.log(`step ${step} of ${trainer.maxSteps}`)
  }
}
const folder = run || outputDir
if (run === '') await train(temperature, folder)
show.table(
  fs
    .readdirSync(folder, { withFileTypes: true })
    .map((entry) => ({
      file: entry.name,
      bytes: entry.isDirectory() ? null : fs.statSync(path.join(folder, entry.name)).size,
    })),
)

// %% [markdown]
// ## 2. The metrics
//
// JSON lines need no library: a line is an object, its keys are TRL's names.

// %%
const readLines = <Line>(name: string, from = folder): Line[] =>
  fs
    .readFileSync(path.join(from, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
type Metrics = { step: number } & Record<string, number | null> // null stands for NaN
const metrics = readLines<Metrics>('metrics.jsonl')
const first = metrics[0]
const last = metrics[metrics.length - 1]

const meanings = {
  reward: 'mean reward of the completions: what training raises. It jumps with the problems of a step',
  reward_std: 'how far the rewards of a step are apart; 0: nothing to compare',
  frac_reward_zero_std:
    'share of groups whose rewards are all equal. They teach nothing; near 1 the step is wasted',
  'groups/all_right': 'those where all are right: the problem is solved',
  'groups/all_wrong': 'those where all are wrong: the problem is too hard',
  entropy:
    'how open the choice of a token still is, in nats. It falls slowly; near 0 nothing new is tried',
  'completions/mean_length': 'tokens of a completion; healthy when it rises only with the reward',
  'completions/clipped_ratio':
    'share that was cut off at maxCompletionLength, before its answer; above 0.2 raise the limit',
  grad_norm: 'length of the gradient, before clipping: jumps announce instability, 0 says that no group teaches',
  learning_rate: 'size of the update in this step',
  loss: 'its gradient counts, its value does not: minus the mean advantage of the tokens',
}
show.table(
  Object.entries(meanings).map(([name, meaning]) => ({
    metric: name,
    [`step ${first.step}`]: first[name],
    [`step ${last.step}`]: last[name],
    meaning: meaning,
  })),
  { limit: 20, width: 150 },
)

// %% [markdown]
// Single steps jump. A mean over a few steps shows where it goes: thin lines are steps, thick ones the mean
// of the last five.

// %%
const curve = (name: string, label = name) => {
  const x = metrics.map(({ step }) => step)
  const y = metrics.map((line) => line[name])
  const smooth = y.map((_, i) => {
    const recent = y.slice(Math.max(0, i - 4), i + 1).filter((value) => value !== null)
    return recent.reduce((sum, value) => sum + value, 0) / recent.length
  })
  return [
    { name: label, mode: 'lines' as const, x: x, y: y, line: { width: 1 } },
    { name: `${label}, mean of 5`, mode: 'lines' as const, x: x, y: smooth, line: { width: 3 } },
  ]
}
show.plots([
  { data: curve('reward'), layout: { title: 'Reward' } },
  {
    data: [...curve('groups/all_right', 'all right'), ...curve('groups/all_wrong', 'all wrong')],
    layout: { title: 'Groups that teach nothing', yaxis: { range: [-0.02, 1.02] } },
  },
  { data: curve('entropy'), layout: { title: 'Entropy (nats)' } },
  { data: curve('completions/mean_length', 'tokens'), layout: { title: 'Length' } },
  {
    data: curve('completions/clipped_ratio', 'cut off'),
    layout: { title: 'Share that was cut off' },
  },
  { data: curve('grad_norm'), layout: { title: 'Length of the gradient' } },
])

// %% [markdown]
// ## 3. The diagnosis
//
// Rules watch the metrics during a run: nothing to learn from, cut off completions, collapse,
// instability, a reward that is exploited. What they find names its numbers and one change to try.
// They may also be silent: then none of the known troubles is there, which is not a proof that all
// is well.

// %%
import type { Finding } from 'grpo-ts'

const diagnosis = readLines<Finding & { step: number }>('diagnosis.jsonl')
show.table(
  diagnosis.map(({ step, state, name, severity }) => ({
    step: step,
    state: state,
    finding: name,
    severity: severity,
  })),
)
// Each finding once, as it was last said.
const latest = new Map(diagnosis.map((finding) => [`${finding.name} ${finding.subject}`, finding]))
show.findings([...latest.values()])

// %% [markdown]
// ## 4. The completions
//
// Numbers do not say *why*. Read what the model writes: every step has its groups in
// `completions.jsonl`, with rewards and advantages. Below, the group of the first and of the last step
// whose rewards are farthest apart, its best and its worst completion.

// %%
interface Line {
  step: number
  group: number
  problem: string
  prompt: string
  completion: string
  answer: string
  rewards: Record<string, number | null>
  reward: number
  advantage: number
  finish_reason: 'stop' | 'length'
  length: number
}
const completions = readLines<Line>('completions.jsonl')
const groupsOf = (step: number) => {
  const groups = new Map<number, Line[]>()
  for (const line of completions.filter((one) => one.step === step))
    groups.set(line.group, [...(groups.get(line.group) ?? []), line])
  return [...groups.values()]
}
const spread = (group: Line[]) => {
  const values = group.map(({ reward }) => reward)
  return Math.max(...values) - Math.min(...values)
}
for (const step of [completions[0].step, completions[completions.length - 1].step]) {
  const [group] = groupsOf(step).sort((a, b) => spread(b) - spread(a))
  const ranked = [...group].sort((a, b) => b.advantage - a.advantage)
  show.traces(
    [ranked[0], ranked[ranked.length - 1]].map((line) => ({
      title: `Step ${step}: ${line === ranked[0] ? 'best' : 'worst'} of ${group.length}`,
      text: line.completion,
      facts: {
        reward: line.reward,
        advantage: line.advantage,
        tokens: line.length,
        ended: line.finish_reason === 'stop' ? 'by itself' : 'cut off',
      },
    })),
    `${group[0].prompt} (answer: ${group[0].answer})`,
  )
}

// %% [markdown]
// With the completions in hand, questions that no metric answers take a line or two. Are long ones
// right more often? Who earns what when it is cut off?

// %%
const half = (isEarly: boolean) =>
  completions.filter(({ step }) => step <= metrics.length / 2 === isEarly)
const meanOf = (values: readonly number[]) =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
const kinds: [string, (line: Line) => boolean][] = [
  ['up to 10 tokens', ({ length, finish_reason }) => length <= 10 && finish_reason === 'stop'],
  ['more than 10 tokens', ({ length, finish_reason }) => length > 10 && finish_reason === 'stop'],
  ['cut off', ({ finish_reason }) => finish_reason === 'length'],
]
show.table(
  kinds.flatMap(([kind, is]) =>
    [true, false].map((isEarly) => {
      const found = half(isEarly).filter(is)
      return {
        completions: kind,
        steps: isEarly ? 'first half' : 'second half',
        share: found.length / half(isEarly).length,
        'mean reward': meanOf(found.map(({ reward }) => reward)),
        'mean advantage': meanOf(found.map(({ advantage }) => advantage)),
      }
    }),
  ),
)
show.histogram(
  {
    'first half': half(true).map(({ length }) => length),
    'second half': half(false).map(({ length }) => length),
  },
  { title: 'Length of the completions', xaxis: { title: 'tokens' } },
)

// %% [markdown]
// ## 5. Another run beside it
//
// The diagnosis advised a temperature of 1. The same run again, with that one change, and both in
// the same charts. (Not where a run of your own is read: there, compare two folders.)

// %%
const otherFolder = `${outputDir}-temperature-1`
if (run === '') {
  await train(1, otherFolder)
  const other = readLines<Metrics>('metrics.jsonl', otherFolder)
  const beside = (name: string, title: string) => ({
    data: [
      { name: `temperature ${temperature}`, lines: metrics },
      { name: 'temperature 1', lines: other },
    ].map(({ name: label, lines }) => ({
      name: label,
      mode: 'lines' as const,
      x: lines.map(({ step }) => step),
      y: lines.map((line) => line[name]),
    })),
    layout: { title: title },
  })
  show.plots([
    beside('frac_reward_zero_std', 'Groups that teach nothing'),
    beside('diversity/unique_completions', 'Different completions of 8'),
    beside('reasoning/steps', 'Steps of reasoning in a completion'),
    beside('reward', 'Reward'),
  ])
  const found = readLines<Finding>('diagnosis.jsonl', otherFolder)
  show.findings([
    ...new Map(found.map((finding) => [`${finding.name} ${finding.subject}`, finding])).values(),
  ])
}

// %% [markdown]
// Rewards of runs with different temperatures are not the same measure: at a low one the model
// gives its likeliest answer, at 1 it also tries others. Which run taught more, an evaluation on held-out
// problems says: section 4 of [own-reward-and-task.ipynb](own-reward-and-task.ipynb).
//
// ## 6. The report
//
// All of this is in one page, with search through the completions. It is one file that needs no
// network: open it in a browser, or send it to somebody. `npx grpo-ts report RUN` writes it, too;
// with `--watch` it shows a run while it goes on.

// %%
import { writeReport } from 'grpo-ts'

const reportFile = writeReport(folder)
console.log(`open ${path.resolve(reportFile)}`)

// %% [markdown]
// ## Try
//
// Train again with `temperature = 1` and `maxCompletionLength = 24`: who is cut off, and what does
// that earn? All metrics are in [metrics](../docs/metrics.md).
