// %% [markdown]
// # Reading a run
//
// A training writes files while it goes on. This notebook trains the small model that comes with
// grpo-ts for a minute, then puts the training aside and reads what lies in the folder: what each
// metric says, what the diagnosis found, and what the model wrote. The cells from section 2 on read
// any run, also one of the command line: set `run` (and `otherRun`, to compare), and nothing is trained.

// %% tags=["parameters"]
let run = '' // the folder of a run to read; empty: a short one is trained here
let otherRun = '' // the folder of a run to compare it with; with an empty `run`, one is trained here
let maxSteps = 30
let temperature = 0.1 // too low, so that there is something to find; 1 is usual
let maxCompletionLength = 96 // tokens
let outputDir = 'runs/reading-a-run'
let seed = 42

// %% [markdown]
// ## 1. A short run
//
// With `outputDir` the trainer writes its files while it trains, so that a run can be read while it
// goes on, and when it was interrupted.

// %%
import * as fs from 'fs'
import * as path from 'path'
import { GRPOTrainer, loadModel, rewards, show, tasks, untilInterrupted } from 'grpo-ts'

show.setUpCharts()
const embeddedFolder = 'word-problems-2m'

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

const files = {
  'metrics.jsonl': 'a line for each step: rewards, lengths, gradient, times',
  'completions.jsonl': 'a line for each completion: what the model wrote and what it was worth',
  'diagnosis.jsonl': 'a line when a finding of the diagnosis starts or ends',
  adapter: 'the trained weights, as PEFT keeps them',
  checkpoints: 'what a run goes on from after an interruption',
}
show.table(
  Object.entries(files)
    .filter(([name]) => fs.existsSync(path.join(folder, name)))
    .map(([name, content]) => ({ file: name, content: content })),
)

// %% [markdown]
// ## 2. The metrics
//
// `grpo-ts/files` reads the files of a run, and checks them. (They are JSON lines, which any other
// program reads as well.) The names of the metrics are TRL's.

// %%
import { readMetrics } from 'grpo-ts/files'

const metrics = await readMetrics(folder)
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
}
show.table(
  Object.entries(meanings).map(([name, meaning]) => ({
    metric: name,
    [`step ${first.step}`]: first[name],
    [`step ${last.step}`]: last[name],
    meaning: meaning,
  })),
  { width: 150 },
)

// %% [markdown]
// Single steps jump, so the first and the last say little. A mean over a few steps shows where it
// goes: thin lines are steps, thick ones the mean of the last five. With this temperature, look at
// the groups that teach nothing and at the gradient, which is 0 in steps where no group teaches.

// %%
/** A metric as two lines of one colour. */
const curve = (name: string, label = name, color = '#2f7de1') => {
  const x = metrics.map(({ step }) => step)
  const y = metrics.map((line) => line[name])
  const smooth = y.map((_, i) => {
    const recent = y.slice(Math.max(0, i - 4), i + 1).filter((value) => value !== null)
    return recent.reduce((sum, value) => sum + value, 0) / recent.length
  })
  return [
    { x: x, y: y, line: { width: 1, color: color }, showlegend: false },
    { name: label, x: x, y: smooth, line: { width: 3, color: color } },
  ]
}
const share = { range: [-0.02, 1.02] as [number, number] }
show.plots([
  { data: curve('reward'), layout: { title: 'Reward' } },
  {
    data: [...curve('groups/all_right', 'all right'), ...curve('groups/all_wrong', 'all wrong', '#e0701a')],
    layout: { title: 'Groups that teach nothing', yaxis: share },
  },
  { data: curve('entropy'), layout: { title: 'Entropy (nats)' } },
  { data: curve('completions/mean_length', 'tokens'), layout: { title: 'Length' } },
  {
    data: curve('completions/clipped_ratio', 'cut off'),
    layout: { title: 'Share that was cut off', yaxis: share },
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
import { readDiagnosis } from 'grpo-ts/files'

const diagnosis = await readDiagnosis(folder)
show.table(
  diagnosis.map(({ step, state, name, severity }) => ({
    step: step,
    state: state,
    finding: name,
    severity: severity,
  })),
)
/** Each finding once, as it was last said. */
const latest = (lines: typeof diagnosis) =>
  [...new Map(lines.map((line) => [`${line.name} ${line.subject}`, line])).values()] as Finding[]
show.findings(latest(diagnosis))

// %% [markdown]
// ## 4. The completions
//
// Numbers do not say *why*. Read what the model writes: every step has its groups in
// `completions.jsonl`, with rewards and advantages. Below, of the first and of the last step the group
// whose rewards are farthest apart, each different completion once.

// %%
import { readCompletions } from 'grpo-ts/files'
import type { CompletionLine } from 'grpo-ts/files'

/** Lines that have something in common, side by side. */
const gather = <Key>(lines: readonly CompletionLine[], key: (line: CompletionLine) => Key) => {
  const groups = new Map<Key, CompletionLine[]>()
  for (const line of lines) groups.set(key(line), [...(groups.get(key(line)) ?? []), line])
  return [...groups.values()]
}
/** The group of a step whose rewards are farthest apart. */
const widestGroup = (lines: readonly CompletionLine[], step: number) => {
  const spread = (group: readonly CompletionLine[]) => {
    const values = group.map(({ reward }) => reward)
    return Math.max(...values) - Math.min(...values)
  }
  const groups = gather(lines.filter((line) => line.step === step), ({ group }) => group)
  return groups.sort((a, b) => spread(b) - spread(a))[0]
}
/** The prompt without the marks of the chat. */
const questionOf = ({ prompt }: CompletionLine) => prompt.replace(/<\|\w+\|>/g, '').trim()
const completionsOf = async (folder: string) => {
  const lines: CompletionLine[] = []
  for await (const line of readCompletions(folder)) lines.push(line)
  return lines
}

const completions = await completionsOf(folder)
for (const step of [first.step, last.step]) {
  const group = widestGroup(completions, step)
  show.table(
    gather(group, ({ completion }) => completion)
      .sort((a, b) => b.length - a.length)
      .map((copies) => ({
        completion: copies[0].completion,
        times: copies.length,
        reward: copies[0].reward,
        advantage: copies[0].advantage,
      })),
    { caption: `Step ${step}: ${questionOf(group[0])} (answer: ${group[0].answer})` },
  )
}

// %% [markdown]
// A group of eight that holds the same completion several times has tried few ways: this is what the
// finding *identical completions* counts.
//
// ## 5. Another run beside it
//
// The diagnosis advised a temperature of 1. The same run again, with that one change, and both in
// the same charts.

// %%
const otherFolder = otherRun || (run === '' ? `${outputDir}-temperature-1` : '')
if (run === '') await train(1, otherFolder)
const runs: { name: string; folder: string }[] = [
  { name: run || `temperature ${temperature}`, folder: folder },
  ...(otherFolder ? [{ name: otherRun || 'temperature 1', folder: otherFolder }] : []),
]
const metricsOfRuns = []
for (const { name, folder } of runs) metricsOfRuns.push({ name: name, lines: await readMetrics(folder) })
const beside = (metric: string, title: string) => ({
  data: metricsOfRuns.map(({ name, lines }) => ({
    name: name,
    x: lines.map(({ step }) => step),
    y: lines.map((line) => line[metric]),
  })),
  layout: { title: title, xaxis: { title: 'step' } },
})
show.plots([
  beside('frac_reward_zero_std', 'Share of groups that teach nothing'),
  beside('diversity/unique_completions', 'Different completions of 8'),
  beside('reasoning/steps', 'Steps of reasoning in a completion'),
  beside('reward', 'Reward'),
])
if (otherFolder) show.findings(latest(await readDiagnosis(otherFolder)))

// %% [markdown]
// Rewards of runs with different temperatures are not the same measure: at a low one the model
// gives its likeliest answer, at 1 it also tries others. Which run taught more, an evaluation on held-out
// problems says: section 4 of [own-reward-and-task.ipynb](own-reward-and-task.ipynb).
//
// With the completions in hand, questions that no metric answers take a line or two. Are long ones
// right more often? What does one earn that is cut off?

// %%
/** To three digits behind the point, without the sign of a 0. */
const meanOf = (values: readonly number[]) =>
  values.length === 0 ? null : Math.round((1000 * values.reduce((sum, value) => sum + value, 0)) / values.length) / 1000 + 0
const kinds: Record<string, (line: CompletionLine) => boolean> = {
  'answers at once (up to 10 tokens)': ({ length, finish_reason }) => length <= 10 && finish_reason === 'stop',
  'reasons (more than 10 tokens)': ({ length, finish_reason }) => length > 10 && finish_reason === 'stop',
  'cut off': ({ finish_reason }) => finish_reason === 'length',
}
const rows = []
const lengths: Record<string, number[]> = {}
for (const { name, folder } of runs) {
  const lines = await completionsOf(folder)
  lengths[name] = lines.map(({ length }) => length)
  for (const [kind, is] of Object.entries(kinds)) {
    const found = lines.filter(is)
    rows.push({
      run: name,
      completion: kind,
      share: found.length / lines.length,
      'share right': meanOf(found.map(({ correct }) => Number(correct))),
      'mean advantage': meanOf(found.map(({ advantage }) => advantage)),
    })
  }
}
show.table(rows)
show.histogram(lengths, { title: 'Length of the completions', xaxis: { title: 'tokens' } })

// %% [markdown]
// Look at the two rows that are not empty for temperature 1: a completion that reasons is right more often than
// one that answers at once, so its advantage is above 0 on average, and GRPO makes reasoning likelier. At
// temperature 0.1 no completion reasons, so there is nothing to reinforce.
//
// Below, the longest right completion of the last step, beside the worst of its group:

// %%
const lines = await completionsOf(runs[runs.length - 1].folder)
const lastLines = lines.filter(({ step }) => step === lines[lines.length - 1].step)
const [longest] = lastLines.filter(({ correct }) => correct).sort((a, b) => b.length - a.length)
const [worst] = lastLines
  .filter(({ group }) => group === (longest ?? lastLines[0]).group)
  .sort((a, b) => a.advantage - b.advantage)
show.traces(
  [longest, worst].filter(Boolean).map((line) => ({
    title: line === longest ? 'The longest that is right' : 'The worst of its group',
    text: line.completion,
    correct: line.correct,
    facts: {
      reward: line.reward,
      advantage: line.advantage,
      tokens: line.length,
      ended: line.finish_reason === 'stop' ? 'by itself' : 'cut off',
    },
  })),
  `${questionOf(worst)} (answer: ${worst.answer})`,
)

// %% [markdown]
// ## 6. The report
//
// All of this is in one page, with search through the completions. It is one file that needs no
// network: open it in a browser, or send it to somebody. `npx grpo-ts report RUN` writes it, too;
// with `--watch` it shows a run while it goes on.

// %%
import { writeReport } from 'grpo-ts'

const reportFile = writeReport(folder)
console.log(`open ${path.relative('.', reportFile)}`)

// %% [markdown]
// ## Try
//
// Train again with `temperature = 1` and `maxCompletionLength = 24`: who is cut off, and what does
// that earn? All metrics are in [metrics](../docs/metrics.md).
