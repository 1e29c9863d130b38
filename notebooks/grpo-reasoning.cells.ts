// %% [markdown]
// # Teaching a language model to reason with GRPO
//
// Asked a question, a standard language model (LLM) answers at once: every token of the answer has to come out of one pass through the
// network. A **reasoning model** first writes down steps, its **chain of thought**, and answers behind them.
//
// | | standard model | reasoning model |
// |---|---|---|
// | writes | the answer | steps, then the answer |
// | thinks for an answer | as long as one token takes | as many tokens as the problem needs |
// | a mistake | stays | can be noticed and taken back ("wait") |
// | why it answered so | nobody knows | can be read, and checked step by step |
// | good at | facts, style, questions of one step | problems of several steps: mathematics, logic, programs |
//
// **GRPO** (Group Relative Policy Optimization, [DeepSeekMath](https://arxiv.org/abs/2402.03300)) teaches it without anybody writing
// reasoning. It needs problems and a way to check answers:
//
// 1. the model answers each problem several times: a *group* of completions;
// 2. *reward functions*, ordinary TypeScript, score each completion;
// 3. completions that did better than the mean of their group become likelier, the others less likely;
// 4. the same again, with other problems.
//
// Other ways also make good completions likelier and bad ones less likely. They differ in where "good" comes from:
//
// | | DPO | PPO | GRPO |
// |---|---|---|---|
// | learns from | pairs: chosen, rejected | own completions and a reward | own completions and a reward |
// | who says what is good | people label each pair | a reward, often a model of what people prefer | a program checks the answer |
// | reasoning traces | those in the data | the model makes its own | the model makes its own |
// | what was to be expected | the other one of the pair | a second network, the critic, predicts it | the mean of the group |
// | trained networks | the policy | the policy and the critic | the policy |
// | data | fixed before training | made while training | made while training: scales with problems, not with labels |
//
// As it stands, the notebook trains the small model that comes with grpo-ts, which takes some minutes on two processor cores. It can
// reason but seldom does; it finds out that reasoning pays. The next cell switches to a model and to problems of your choice. Every
// figure in an output was computed by the cell above it.

// %% tags=["parameters"]
// A folder or a Hub id, such as 'Qwen/Qwen2.5-0.5B-Instruct'; empty: the small model of grpo-ts
let model = ''
// Or 'gsm8k', 'math', 'humaneval-js', 'knights-and-knaves', 'countdown', 'syllogism', …
let task = 'word-problems'
// Where the problems are: a file, a folder or a Hub id such as 'openai/gsm8k'; empty: they are made up
let data = ''
// Below, 0 takes what suits the model.
let maxSteps = 0 // training steps
let problemsPerStep = 0
let numGenerations = 0 // completions of a problem: the size of a group
let maxCompletionLength = 0 // tokens
let learningRate = 0
let evaluationProblems = 0
let interludes = true // what goes wrong: provoked and cured, always with the small model
let hubRepository = '' // 'you/name': where the adapter is pushed to if HF_TOKEN is set
let seed = 42 // the same seed gives the same run
let outputDir = 'runs/notebook'

// %% [markdown]
// ## 1. Environment
//
// This step finds out what the machine offers. Everything runs inside this Node process, without Python and without a server; grpo-ts
// takes the fastest *engine* (what computes with the model's numbers) that works here, and says why.

// %% tags=["nbval-ignore-output"]
import * as fs from 'fs'
import * as path from 'path'
import * as dfd from 'danfojs-node'
import { versions } from 'tslab'
import { selectEngine, show } from 'grpo-ts'

show.setUpCharts()
const startedAt = Date.now()
const engine = await selectEngine()
const { tslab, typescript } = versions
show.environment({
  engine: `${engine.name}: ${engine.why}`,
  notebook: `tslab ${tslab}, TypeScript ${typescript}, danfojs ${dfd.__version}, tfjs ${dfd.tensorflow.version_core}`,
})
// What suits the model, unless the parameters say otherwise.
const isEmbedded = model === ''
const settings = {
  maxSteps: maxSteps || (isEmbedded ? 80 : 20),
  problemsPerStep: problemsPerStep || (isEmbedded ? 16 : 4),
  numGenerations: numGenerations || (isEmbedded ? 8 : 4),
  maxCompletionLength: maxCompletionLength || (isEmbedded ? 128 : 256),
  learningRate: learningRate || (isEmbedded ? 1e-3 : 5e-5),
  evaluationProblems: evaluationProblems || (isEmbedded ? 200 : 20),
}
show.table([settings], { caption: 'Settings of this run' })
show.markdown('**Look at** the row `engine`: everything below is computed by it.')

// %% [markdown]
// ## 2. Load a model for reasoning
//
// This step loads a model that answers correctly now and then, since GRPO reinforces what a model can do and cannot put in what is not
// there: the small one for its own word problems, one of a billion parameters or more for problems in free text. Its weights stay
// frozen; *LoRA* adds a small trainable update to every linear layer, the product of two thin matrices, and as one of them starts at
// zero, the *policy* that is trained at first does exactly what the *base* model does.
//
// **Reasoning format.** A completion has to say where its reasoning ends and its answer begins. The tasks understand
// `<think>…</think>` around the reasoning and `#### 18`, `<answer>18</answer>` or `\boxed{18}` around the answer. These need not be
// special tokens: a tokenizer that does not know them spells them. Only the answer is graded.

// %%
import { loadModel } from 'grpo-ts'

const embeddedModel = 'word-problems-2m'
const base = await loadModel(model || embeddedModel)
const lora = { r: 16, alpha: 32, targetModules: 'all-linear' as const, seed: seed }
const policy = base.withLora(lora)
show.model(policy)
show.table(
  ['<think>', '</think>', '#### ', '<answer>', '\\boxed{'].map((mark) => {
    const ids = base.tokenizer.encode(mark)
    const spelled = ids.map((id) => base.tokenizer.idToToken(id)).join(' | ')
    return { mark: mark, tokens: ids.length, spelled: spelled }
  }),
  { caption: 'How the marks of reasoning and answer reach the model' },
)
show.markdown(
  '**Look at** `trained`: the part of the model that changes. `context` is what question, reasoning and answer have to fit into; ' +
    'larger models can be kept in 8 or 4 bits a number (`loadModel(model, { dtype: "int4" })`).',
)

// %% [markdown]
// ## 3. Prepare the problems
//
// This step loads what the model practises with: questions with final answers that a program can check (numbers, choices, programs with
// tests; matters of taste are not). No worked solution is needed, the model finds its own; the *test* split holds problems that training
// never sees, for step 7.
//
// Other problems are a line of the first cell away. `npx grpo-ts tasks NAME` shows what they look like.
//
// | problems | line |
// |---|---|
// | made up, nothing to load | `task = 'word-problems'`, `'arithmetic'`, `'countdown'`, `'syllogism'`, `'knights-and-knaves'` |
// | grade-school mathematics | `task = 'gsm8k'; data = 'openai/gsm8k'` |
// | competition mathematics | `task = 'math'; data = 'path/to/MATH'` |
// | programs with tests | `task = 'humaneval-js'; data = 'path/to/humaneval-x'`: they run in a sandbox |
// | your own | `task = 'file'; data = 'my-problems.csv'` |

// %%
import { tasks } from 'grpo-ts'

const isRead = data !== '' || task === 'gsm8k' || task === 'math'
const source = data === '' ? { seed: seed } : { data: data }
const wanted = isRead ? {} : { limit: Math.max(200, settings.maxSteps * settings.problemsPerStep) }
const trainTask = await tasks.loadTask(task, { ...source, ...wanted, split: 'train' })
const held = { ...(isRead ? source : {}), limit: settings.evaluationProblems }
const testTask = await tasks.loadTask(task, { ...held, split: 'test' })
show.problems(trainTask, base.tokenizer)
const frame = new dfd.DataFrame(
  trainTask.problems.map(({ question, difficulty }) => ({
    difficulty: difficulty ?? 0,
    tokens: base.tokenizer.encode(question).length,
  })),
)
show.table(frame.groupby(['difficulty']).agg({ tokens: ['count', 'mean', 'max'] }), {
  caption: `By difficulty; ${testTask.problems.length} other problems are held out`,
})
show.markdown(
  "**Look at** the spread. `difficulty` is the task's own scale (here the number of calculations; for GSM8K the steps of the solution, " +
    'for MATH the level): problems that are all too hard or all too easy teach nothing.',
)

// %% [markdown]
// ## 4. Configure GRPO
//
// This step says what is rewarded and how training goes about it. A *reward function* gets a completion and its problem and returns a
// number; since a model does whatever is paid, not what was meant, each is first shown completions that are right, nearly right, and made
// to cheat: an empty one, all numbers at once, the question repeated.
//
// The first reward pays 1 for the right answer and nothing else: reasoning earns nothing by itself. It is the library's, since reading
// answers out of free text has many traps. The second is written here: the share of the calculations that come out. Its weight of 0 means
// that it is watched but not paid. A reward that pays a cheat like a right answer is *exploitable* and must not be the main one. More of
// them, for partial credit, for steps, for brevity, and how they are combined, are on [a page of their own](../docs/rewards.md).

// %%
import { rewards } from 'grpo-ts'
import type { RewardFunction } from 'grpo-ts'

const soundness: RewardFunction = {
  name: 'soundness',
  weight: 0,
  score({ completion }) {
    const { calculations, wrongCalculations } = rewards.analyseReasoning(completion)
    return calculations.length === 0 ? 0 : 1 - wrongCalculations.length / calculations.length
  },
}
// A model that has not learned to mark its answers is paid a little for the form, too.
const rewardFunctions: RewardFunction[] = isEmbedded
  ? [rewards.correctness(), soundness]
  : [rewards.correctness(), rewards.format({ weight: 0.2 }), soundness]
const rewardTests = await show.rewardTests(rewardFunctions, trainTask.problems.slice(0, 10))
show.markdown('**Look at** the verdicts: the first reward has to be sound. One that is only watched may pay what it likes.')

// %% tags=["nbval-ignore-output"]
// The options have the names of GRPOConfig in TRL, in camel case, and its defaults where they are not given.
import { preflight } from 'grpo-ts'
import type { GRPOConfig } from 'grpo-ts'

const config: Partial<GRPOConfig> = {
  // The group. More: a better estimate of what to expect, more variety, more time. Usual: 4 to 8.
  numGenerations: settings.numGenerations,
  // Completions that are computed together, and how many such batches make a step: fewer together need less memory.
  perDeviceTrainBatchSize: settings.numGenerations * (isEmbedded ? settings.problemsPerStep : 1),
  gradientAccumulationSteps: isEmbedded ? 1 : settings.problemsPerStep,
  maxSteps: settings.maxSteps, // updates of the weights
  maxCompletionLength: settings.maxCompletionLength, // too small a limit teaches not to reason
  temperature: 1, // how freely tokens are drawn; too low makes a group alike. Usual: 0.7 to 1
  scaleRewards: 'group', // advantages in units of the group's standard deviation
  lossType: 'dapo', // each token of a step counts the same, in short and in long completions
  epsilon: 0.2, // no token is pushed further than to 1 ± 0.2 times its probability when it was sampled
  beta: 0, // pull back to the base model; above 0 it also costs a pass of the base model
  // Size of an update: too high, and training falls apart. Usual: 1e-6 to 5e-6 for all weights, more for LoRA.
  learningRate: settings.learningRate,
  lrSchedulerType: 'cosine', // the rate rises from 0 in the first steps, and falls to 0 at the last one
  warmupSteps: Math.min(5, Math.floor(settings.maxSteps / 10)),
  maxGradNorm: 1, // larger gradients are scaled down to this norm
  saveSteps: 10, // a checkpoint every so many steps; a run that was killed goes on from the latest
  seed: seed,
}
show.options(config)
// Samples some groups with these settings, changes nothing, and looks at what usually goes wrong.
const run = { policy: policy, task: trainTask, rewards: rewardFunctions, config: config }
const { report } = await preflight({ ...run, maxSeconds: 5 })
show.preflight(report)
show.markdown(
  '**Look at** `usable_groups`: a usable group holds right and wrong completions, and only those teach. Where the status is not ' +
    '`ok`, the advice says what to change.',
)

// %% [markdown]
// ## 5. Generate reasoning traces
//
// This step does by hand what the trainer does before each update: sample a group for each problem and have it judged. A group teaches by
// its differences, so it has to be diverse, and the *temperature* decides how diverse it is.
//
// Tokens are drawn at random by their probabilities. Near a temperature of 0 the likeliest token always wins, and all completions of a
// group are the same; above 1 unlikely tokens are drawn more often, sense and nonsense alike. The cell tries five temperatures, then shows
// the most mixed group of temperature 1 side by side. **Look at** the parts of a trace: problem, thinking, calculations, answer.

// %%
import { collectRollouts, parseGRPOConfig } from 'grpo-ts/parts'
import type { RolloutGroup } from 'grpo-ts'

const firstProblems = trainTask.problems.slice(0, settings.problemsPerStep)
const sample = (temperature: number) => {
  const drawing = parseGRPOConfig({ ...config, temperature: temperature })
  return collectRollouts(policy, trainTask, firstProblems, rewardFunctions, drawing, { seed: seed })
}
const temperatures = [0.1, 0.4, 0.7, 1, 1.3]
const tried = []
let firstGroups: readonly RolloutGroup[] = []
for (const temperature of temperatures) {
  const { metrics, groups } = await sample(temperature)
  if (temperature === 1) firstGroups = groups
  tried.push({
    temperature: temperature,
    'different completions': metrics['diversity/unique_completions'],
    'different answers': metrics['diversity/distinct_answers'],
    'steps of reasoning': metrics['reasoning/steps'],
    'share right': metrics['rewards/correctness/mean'],
    'groups that teach': 1 - metrics['frac_reward_zero_std'],
  })
}
show.table(tried, { caption: `Means over ${firstProblems.length} groups` })
show.plot(
  ['share right', 'groups that teach'].map((name) => ({ name: name, x: temperatures, y: tried.map((row) => row[name]) })),
  { title: 'What temperature does', xaxis: { title: 'temperature' }, yaxis: { range: [0, 1] } },
)
const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length
const variance = (values: readonly number[]) => mean(values.map((one) => (one - mean(values)) ** 2))
const rewardsOf = ({ completions }: RolloutGroup) => completions.map(({ reward }) => reward)
const spread = (one: RolloutGroup) => variance(rewardsOf(one))
const [group] = [...firstGroups].sort((a, b) => spread(b) - spread(a))
show.groups([group])

// %% [markdown]
// ### The advantage, by hand
//
// Is a reward of 1 much? For a problem that the model always solves there is nothing to learn from it; for one that it hardly ever solves it
// is precious. So a reward means something only in comparison with what was to be expected of *this* problem, and the other completions of
// the group had the same problem: their mean is what was to be expected. The *advantage* of completion $i$ is its reward minus the group's
// mean, in units of the group's standard deviation:
//
// $$A_i = \frac{r_i - \operatorname{mean}(r)}{\operatorname{std}(r) + 10^{-4}}$$
//
// It is what every token of the completion is multiplied with in the update: above 0 they become likelier, below 0 less likely.

// %%
const totals = rewardsOf(group)
const groupMean = mean(totals)
const groupStd = Math.sqrt((variance(totals) * totals.length) / (totals.length - 1))
const byHand = totals.map((total) => (total - groupMean) / (groupStd + 1e-4))
const advantages = group.completions.map(({ advantage }) => advantage)
const largestDifference = Math.max(...byHand.map((value, i) => Math.abs(value - advantages[i])))
show.table(
  group.completions.map(({ text, rewards: parts }, i) => ({
    completion: text.replace(/\s+/g, ' '),
    ...parts,
    reward: totals[i],
    'reward − mean': totals[i] - groupMean,
    'advantage by hand': byHand[i],
    'advantage of the library': advantages[i],
  })),
  { width: 90 },
)
const best = advantages.indexOf(Math.max(...advantages))
const rightOnes = group.completions.filter(({ correct }) => correct).length
const wrongOnes = totals.length - rightOnes
const [r, m, s] = [totals[best], groupMean, groupStd].map((value) => value.toFixed(3))
show.markdown(
  groupStd === 0
    ? `All ${totals.length} completions got the reward ${m}: every advantage is 0, and this group teaches nothing.`
    : `**Look at** completion ${best + 1}: (${r} − ${m}) / ${s} = **${advantages[best].toFixed(2)}**. It did better than its group, so each ` +
        `of its ${group.completions[best].ids.length} tokens becomes likelier. The advantages add up to ${Math.abs(totals.length * mean(advantages)).toFixed(2)}: ` +
        `probability moves from the worse completions to the better ones. DPO would need people to label pairs; the check of the answers ` +
        `makes ${rightOnes} × ${wrongOnes} = ${rightOnes * wrongOnes} pairs of a right and a wrong one, and GRPO uses all ${totals.length} completions. ` +
        `PPO would train a critic, usually as large as the model, to predict the ${m} that are read off the group here.`,
)

// %% [markdown]
// ### Why compare within a group
//
// Without the group, the plain way would be to weigh each completion with its reward (REINFORCE). On average that pulls in the same
// direction: the same number subtracted from all rewards changes nothing on average, since probabilities always add up to 1. But
// how far it scatters depends on that number. Take a problem that is solved in 7 of 8 attempts, with rewards 1, 1, 1, 1, 1, 1, 1, 0. Plain rewards push 7 completions
// with weight 1: mean square $7/8 = 0.875$. Minus the mean $7/8$ they weigh $+0.125$ seven times and $-0.875$ once: mean square
// $(7 \cdot 0.125^2 + 0.875^2)/8 = 0.109$, an eighth. And a reward has no natural zero: 0 and 1, or 10 and 11, say the
// same. Add 10 to every reward, and the plain weights grow to about 11, while the differences within the group stay as they are.
//
// The cell measures that on the model: the gradient of each sampled group, with three ways to weigh its completions, and how far these
// gradients are from each other (their variance, the trace of the covariance). Less scatter is what makes training **more stable**: a step
// follows what the groups have in common instead of the luck of one of them. And it **assigns credit better**: an easy problem no longer
// praises every completion, the rare right answer to a hard one counts most. Within a completion GRPO does not say which step deserved it;
// every token gets the same advantage.

// %%
import { computeAdvantages, gradientVariance } from 'grpo-ts/parts'

const size = settings.numGenerations
const weightings: Record<string, (one: RolloutGroup) => number[]> = {
  'the reward': rewardsOf,
  'the reward + 10': (one) => rewardsOf(one).map((reward) => reward + 10),
  // The mean of the others in the group: on average the gradient stays the same.
  'the reward minus the mean of the others': (one) =>
    rewardsOf(one).map((reward) => ((reward - mean(rewardsOf(one))) * size) / (size - 1)),
}
const scatter = []
for (const [name, weigh] of Object.entries(weightings)) {
  const measured = await gradientVariance(policy, firstGroups, weigh)
  const square = mean(firstGroups.flatMap(weigh).map((weight) => weight ** 2))
  scatter.push({ 'weight of a completion': name, 'mean square': square, 'variance of the gradient': measured.variance })
}
show.table(scatter, { caption: `The gradients of ${firstGroups.length} groups of ${size}` })
/** Advantages of a right (first) and of a wrong completion (last) when k of a group are right. */
const advantagesOf = (k: number) => {
  const scores = Array.from({ length: size }, (_, i) => [i < k ? 1 : 0])
  return computeAdvantages(scores, { numGenerations: size }).advantages
}
const counts = Array.from({ length: size - 1 }, (_, i) => i + 1)
show.plot(
  [
    { name: 'of a right completion', x: counts, y: counts.map((k) => advantagesOf(k)[0]) },
    { name: 'of a wrong completion', x: counts, y: counts.map((k) => advantagesOf(k)[size - 1]) },
  ],
  { title: `Advantage in a group of ${size}`, xaxis: { title: 'right completions in the group' } },
)
const [plain, shifted, relative] = scatter.map((row) => row['variance of the gradient'])
const usable = firstGroups.filter((one) => spread(one) > 0).length
const notLess = ', not less here: wrong answers, of unlikely tokens, have long gradients, which a reward of 0 happens to silence. '
show.markdown(
  `**Look at** the last column. With 10 more for each completion the variance is ${shifted.toFixed(0)}; the mean of the group takes ` +
    `${(100 * (1 - relative / shifted)).toFixed(1)} % of it away, wherever the zero of the reward lies. Against rewards of 0 and 1 it is ` +
    `${relative.toFixed(2)} instead of ${plain.toFixed(2)}${relative < plain ? '. ' : notLess}` +
    `In the chart, the only right completion of ${size} gets ${advantagesOf(1)[0].toFixed(2)}, one of ${size - 1} right ones ${advantagesOf(size - 1)[0].toFixed(2)}. Where ` +
    `all are right or wrong nobody gets anything: of ${firstGroups.length} groups ${usable} hold different rewards, the others teach nothing.`,
)

// %% [markdown]
// ## 6. Train
//
// This step repeats what step 5 did by hand and updates the policy each time. The trainer is an async iterator: each turn of the loop is a
// step, with its metrics, its groups, and what the live diagnosis has to say about the run.
//
// ■ (interrupt) stops it behind the step that is being computed; the cells below then look at what there is, and the last loop goes on. So
// that this also shows where nobody presses a button, the first loop stops by itself after a quarter of the steps.

// %%
import { GRPOTrainer } from 'grpo-ts'
import type { TrainingStep } from 'grpo-ts'

fs.rmSync(path.join(outputDir, 'eval.json'), { force: true }) // of an earlier run
const trainer = new GRPOTrainer({ ...run, outputDir: outputDir })
const steps: TrainingStep[] = []
const chart = show.liveChart()

// %%
import { untilInterrupted } from 'grpo-ts'

await null // lets plain tslab see that this cell is asynchronous
try {
  for await (const step of untilInterrupted(trainer)) {
    steps.push(step)
    chart.add(step.step, step.metrics)
    if (step.step === Math.ceil(trainer.maxSteps / 4)) break
  }
} finally {
  chart.done()
}

// %%
// Stopped: what the metrics mean, the most mixed group of the latest step, and the diagnosis.
const latest = steps[steps.length - 1]
show.metrics(steps)
const mixedFirst = [...latest.groups].sort((a, b) => spread(b) - spread(a))
show.groups(mixedFirst.slice(0, 1), { extremes: true, title: `Step ${latest.step}` })
show.findings(latest.diagnosis)

// %%
// And on, with the next step. This cell may be run again after every interruption.
await null
try {
  for await (const step of untilInterrupted(trainer)) {
    steps.push(step)
    chart.add(step.step, step.metrics)
  }
} finally {
  chart.done()
}

// %%
import { findingsOf } from 'grpo-ts'

const few = Math.max(1, Math.round(steps.length / 10))
/** A metric in the first and in the last tenth of the steps. */
const fromTo = (metric: string, digits = 2) =>
  [steps.slice(0, few), steps.slice(-few)]
    .map((some) => mean(some.map(({ metrics }) => metrics[metric])).toFixed(digits))
    .join(' → ')
const trainingSeconds = steps.reduce((sum, { metrics }) => sum + metrics.step_time, 0)
const peakMemory = `${((process.resourceUsage().maxRSS * 1024) / 2 ** 30).toFixed(2)} GiB`
show.rewardDistribution(steps)
show.findings(findingsOf(steps))
show.markdown(
  `**Look at** the right end of the bars: groups that are solved throughout. In ${steps.length} steps and ${trainingSeconds.toFixed(0)} s the mean ` +
    `reward went ${fromTo('reward')} (first and last ${few} steps), the steps of reasoning in a completion ${fromTo('reasoning/steps', 1)}, ` +
    `the entropy ${fromTo('entropy')} nats. Rewards in training prove little: those were the problems that it practised with.`,
)

// %% [markdown]
// ## 7. Evaluate
//
// This step measures whether the model became better on problems that it never saw. Base and trained model answer the same problems with the
// same seeds, so every problem is a pair, and what counts is the *difference* on the pairs, with an interval that says how far it can be
// trusted and a test that says how often chance alone would give as much.
//
// *pass@k* is the chance that one of k answers is right. Where that of the base is high, training makes the model do reliably what it could
// do now and then; where it is low, training has nothing to reinforce. How well it reasons shows in the calculations that hold (sound
// steps), in answers that follow from the last step (coherence), and in self-corrections (errors noticed). The word problems also come in wordings that training never used, a
// calculation longer, and with larger numbers: does what was learned carry over?

// %%
import { evaluate } from 'grpo-ts'
import { writeEvaluation } from 'grpo-ts/files'
import type { Evaluation } from 'grpo-ts'

const models = { base: base, trained: policy }
const decoding = (samples: number) => ({
  greedy: !isEmbedded, // one answer of the likeliest tokens; for the small model answers drawn as in training
  samples: isEmbedded ? samples : 0,
  maxCompletionLength: settings.maxCompletionLength,
})
const evaluation = await evaluate(models, testTask, decoding(4))
writeEvaluation(path.join(outputDir, 'eval.json'), evaluation)
const spent = { 'Training time': ['–', `${trainingSeconds.toFixed(0)} s`], Memory: ['–', peakMemory] }
show.evaluation(evaluation, { rows: { 'Generations of a problem': ['1', String(size)], ...spent } })
const sets: Record<string, Evaluation> = { 'like those of the training': evaluation }
if (trainTask.name === 'word-problems') {
  const variants = { 'unseen-wording': 'in wordings never seen', longer: 'longer', larger: 'larger numbers' } as const
  const limit = Math.min(150, settings.evaluationProblems)
  for (const [variant, name] of Object.entries(variants)) {
    const harder = await tasks.loadTask(task, { split: 'test', variant: variant as keyof typeof variants, limit: limit })
    sets[name] = await evaluate(models, harder, decoding(1))
  }
}
show.evaluations(sets)

// %%
// Before and after: problems that only one of the two solves, and which tokens training made likelier (blue) or less likely (orange).
import { answerPairs } from 'grpo-ts'
import { compareTokens } from 'grpo-ts/parts'

const pairs = answerPairs(evaluation)
const improved = pairs.filter(({ outcome }) => outcome === 'improved')
const worsened = pairs.filter(({ outcome }) => outcome === 'worsened')
show.pairs([...improved.slice(0, 2), ...worsened.slice(0, 1)])
const shownPair = [...improved, ...pairs][0]
const shownProblem = testTask.problems.find(({ id }) => id === shownPair.problem.id)
const reading = {
  promptIds: testTask.prompt(shownProblem, base.tokenizer).ids,
  text: shownPair.answers.trained.text,
}
const { ids, before, after, change } = await compareTokens(base, policy, reading)
const title = `The answer of the trained model: ${shownPair.problem.question}`
show.tokens(policy.tokenizer, [{ title: title, ids: ids, values: change }], { by: 'change' })
show.markdown(
  `First answers to ${pairs.length} problems: ${improved.length} wrong before and right after, ${worsened.length} the other way round. ` +
    '**Look at** where the colour is: often in few places, such as the decision to reason. The first token had the probability ' +
    `${Math.exp(before[0]).toFixed(3)} before training, and ${Math.exp(after[0]).toFixed(3)} after it.`,
)

// %% [markdown]
// ### Three worked examples
//
// A word problem, a deduction and a program, each with its own check: a number, a choice, and tests that run the program in a sandbox. A
// model that reads free text (the first cell names one) gets those of the task `worked-examples`: Sarah's apples, the roses that may or may
// not fade, and the longest palindrome. The small model gets problems of the same three kinds in its own size, after a short training on
// each kind.

// %%
import { experiment } from 'grpo-ts'
import type { ChecklistItem } from 'grpo-ts'

const usual = { numGenerations: 8, perDeviceTrainBatchSize: 64, learningRate: 5e-3, seed: seed }
const solved: ChecklistItem[] = []
for (const kind of isEmbedded ? ['word-problems', 'orderings', 'small-programs'] : ['worked-examples']) {
  const pupil = isEmbedded && kind !== task ? base.withLora(lora) : policy
  if (pupil !== policy) {
    const [practice, judges] = [await tasks.loadTask(kind, { seed: seed }), [rewards.correctness()]]
    const most = Math.min(kind === 'orderings' ? 40 : 15, settings.maxSteps)
    const brief = { ...usual, learningRate: 3e-3, maxSteps: most, maxCompletionLength: 96 }
    await experiment(kind, { policy: pupil, task: practice, rewards: judges, config: brief })
  }
  const problems = await tasks.loadTask(kind, { split: 'test', limit: Math.min(60, settings.evaluationProblems) })
  const answers = answerPairs(await evaluate({ base: base, trained: pupil }, problems, decoding(1)))
  const right = (who: string) => answers.filter((pair) => pair.answers[who].correct).length
  const said = `the base model solves ${right('base')}, the trained one ${right('trained')}`
  show.markdown(`**${kind}**: of ${answers.length} problems that training never saw ${said}. **Look at** the answers, and the verdicts of the checks:`)
  const better = answers.filter(({ outcome }) => outcome === 'improved')
  show.pairs(isEmbedded ? [...better, ...answers].slice(0, 1) : answers)
  solved.push({ item: `Worked examples: ${kind}`, done: right('trained') > 0, evidence: said })
}

// %% [markdown]
// ### Save and share
//
// The adapter is what was trained. The trainer has saved it in PEFT's layout, which `peft`, transformers and vLLM read; loaded again it gives
// exactly the same log-probabilities. The run's folder also holds the metrics, every completion with its rewards, checkpoints, and now a
// report to open in a browser. Pushed to the Hugging Face Hub it gets a model card made of the run; without `HF_TOKEN` and `hubRepository`
// that is a dry run, and nothing is sent.

// %%
import { pushToHub, writeReport } from 'grpo-ts'
import { writeRunConfig } from 'grpo-ts/files'

const reloaded = base.withAdapter(path.join(outputDir, 'adapter'))
const { change: lost } = await compareTokens(policy, reloaded, reading)
const reloadDifference = Math.max(...lost.map(Math.abs))
const names = rewardFunctions.map(({ name }) => name)
writeRunConfig(outputDir, { model: model || embeddedModel, task: task, rewards: names, ...trainer.config })
console.log(`open ${path.relative('.', writeReport(outputDir))}`)
const isDryRun = hubRepository === '' || !process.env.HF_TOKEN
const repo = hubRepository || 'your-name/grpo-reasoning'
const { url, files } = await pushToHub({ run: outputDir, repo: repo, dryRun: isDryRun, onWarning: console.log })
show.table(
  files.map((file) => ({ file: file.path, bytes: file.size })),
  { caption: `${isDryRun ? 'What a push would send' : 'Pushed'} to ${url}` },
)
show.markdown(`Largest difference of a log-probability after loading the adapter again: ${reloadDifference}.`)

// %% [markdown]
// ## OpenAI's o1, DeepSeek's R1 and this model
//
// Both answer after a long chain of thought, and both got there by reinforcement learning. How o1 was trained is not published. DeepSeek
// published R1: [R1-Zero](https://arxiv.org/abs/2501.12948) is a base model trained with GRPO, the method of this notebook, on rewards for
// right answers and for the form alone. Nobody showed it how to reason. Its completions grew longer by themselves, and it began to check
// itself, since that earned more. Three things that were seen there can be looked for here.
//
// What differs is size: billions of parameters, which know language and mathematics before they are trained to reason, and problems of all
// kinds. The small model had seen its ways of reasoning in pretraining; GRPO found out when to use them.

// %%
show.table(
  [
    ['completions grow longer by themselves', 'tokens', 'completions/mean_length'],
    ['steps of reasoning appear', 'steps in a completion', 'reasoning/steps'],
    ['it checks and corrects itself ("wait")', 'corrections in a completion', 'reasoning/self_corrections'],
  ].map(([seen, unit, metric]) => ({
    'seen in R1-Zero': seen,
    [`here, first and last ${few} steps`]: `${fromTo(metric)} ${unit}`,
  })),
)
// A held-out problem that was solved because a mistake was taken back.
const corrected = pairs.find(({ answers: { trained } }) => trained.correct && trained.reasoning.helpfulSelfCorrections > 0)
show.pairs(corrected ? [corrected] : [])

// %% [markdown]
// ## What goes wrong: a hacked reward
//
// This section shows what happens when a reward pays something else than what was meant. Suppose that the answer check has a bug: somebody
// wrote `>=` for `===`. Here and below, fresh adapters of the small model are trained in short runs, one that provokes a trouble and one
// that cures it, and the live diagnosis says what it sees.

// %%
import type { Experiment } from 'grpo-ts'

const small = isEmbedded ? base : await loadModel(embeddedModel)
const smallTask = tasks.wordProblems({ limit: 1600, seed: seed })
/** A short training of a new adapter of the small model, 8 problems a step and 8 completions each. */
const short = (name: string, changed: Partial<GRPOConfig>, judges = [rewards.correctness()]) => {
  const all = { ...usual, maxCompletionLength: 128, lrSchedulerType: 'constant' as const, ...changed }
  return experiment(name, { policy: small.withLora(lora), task: smallTask, rewards: judges, config: all })
}
/** The finding that a provoked run should lead to and its cure should not. */
const troubles: { finding: string; provoked: Experiment; cured: Experiment }[] = []

const atLeast: RewardFunction = {
  name: 'at_least',
  weight: 1,
  score({ completion, answer, prompt, meta }) {
    const { extracted } = rewards.grade(completion, meta.problem, prompt)
    return extracted !== null && Number(extracted) >= Number(answer) ? 1 : 0 // the bug
  },
}
const watched = rewards.correctness({ weight: 0 }) // measured, not paid
await show.rewardTests([atLeast], smallTask.problems.slice(0, 10))
if (interludes) {
  const provoked = await short('paid with >=', { maxSteps: 30, learningRate: 1e-3 }, [atLeast, watched])
  const cured = await short('paid with ===', { maxSteps: 30, learningRate: 1e-3 })
  show.experiments([provoked, cured], {
    reward: 'Reward: what is paid',
    accuracy: 'Right answers: what was meant',
  })
  const cheats = provoked.steps[provoked.steps.length - 1].groups.filter(({ completions }) =>
    completions.some(({ reward, correct }) => reward === 1 && !correct),
  )
  show.groups(cheats.slice(0, 1))
  troubles.push({ finding: 'reward_hacking', provoked: provoked, cured: cured })
}
show.markdown(
  '**Look at** the first two charts: the reward rises, right answers do not. What helps: test a reward on cheats before it is used, watch ' +
    'a second measure that is not paid, and read completions.',
)

// %% [markdown]
// ## What goes wrong: the model does not reason
//
// Reasoning disappears, or never begins, where it does not pay. Provoked by a limit of tokens that is too small: whatever begins to reason is
// cut off before its answer and earns nothing, so training drives out the little reasoning that there is. Cured by a limit that leaves room
// for steps and answer.
//
// Other cures: ask for the format in the prompt, show worked examples (`shots`), sample at a higher temperature, take a model that can reason
// at all. What was driven out hardly comes back by itself: go back to a checkpoint.

// %%
if (interludes) {
  const rate = { maxSteps: 20, learningRate: 3e-3 }
  const provoked = await short('at most 12 tokens', { ...rate, maxCompletionLength: 12 })
  const cured = await short('at most 128 tokens', rate)
  show.experiments([provoked, cured], {
    'reasoning/steps': 'Steps of reasoning in a completion',
    'completions/clipped_ratio': 'Share that is cut off',
    accuracy: 'Right answers',
  })
  troubles.push({ finding: 'no_reasoning', provoked: provoked, cured: cured })
  show.markdown('**Look at** the first chart: steps vanish where they are cut off, and grow where there is room for them and they pay.')
}

// %% [markdown]
// ## What goes wrong: no reward variance
//
// Where all completions of a group earn the same, every advantage is 0 and nothing is learned. Provoked by a temperature near 0: the
// completions of a group are all the same. Cured by temperature 1. More completions of a problem, and problems of middling difficulty, help
// too.

// %%
if (interludes) {
  const provoked = await short('temperature 0.05', { maxSteps: 8, temperature: 0.05 })
  const cured = await short('temperature 1', { maxSteps: 8 })
  show.experiments([provoked, cured], {
    frac_reward_zero_std: 'Share of groups with equal rewards',
    'diversity/unique_completions': 'Different completions of 8',
  })
  troubles.push({ finding: 'identical_completions', provoked: provoked, cured: cured })
  show.markdown('**Look at** the first chart: at 1 no group has anything to teach, however long the training goes on.')
}

// %% [markdown]
// ## What goes wrong: poor reasoning
//
// Steps that are written but do not carry the answer are no reasoning. Provoked by a reward that counts steps, whatever they say; its
// self-test finds it exploitable before any training. Cured by paying for right answers and fining calculations that do not come out. Simpler
// problems, worked examples, more training and a larger model help too.

// %%
const countSteps = rewards.reasoningSteps({ targetSteps: 6 })
await show.rewardTests([countSteps], smallTask.problems.slice(0, 10))
if (interludes) {
  const paid = [rewards.correctness(), rewards.stepArithmetic()]
  const provoked = await short('steps are paid', { maxSteps: 20 }, [countSteps, watched])
  const cured = await short('right answers are paid, errors fined', { maxSteps: 20 }, paid)
  show.experiments([provoked, cured], {
    'reasoning/steps': 'Steps of reasoning in a completion',
    'reasoning/correct_calculations': 'Calculations that come out',
    accuracy: 'Right answers',
  })
  for (const { name, steps: made } of [provoked, cured])
    show.groups(made[made.length - 1].groups.slice(0, 1), { extremes: true, title: name })
  troubles.push({ finding: 'unsound_reasoning', provoked: provoked, cured: cured })
  show.markdown('**Look at** steps and right answers together: more steps are better reasoning only where more answers are right.')
}

// %% [markdown]
// ## What goes wrong: instability
//
// Updates that are too large destroy what was learned. Provoked by a learning rate that keeps rising to 0.04, without a limit for the
// gradients; `beta` is above 0 so that the distance to the base model (`kl`) is measured. Cured by a tenth of the rate and `maxGradNorm`.
// Larger steps (more problems in each, or gradient accumulation), rewards in units of the group's standard deviation and a pull to the base
// model steady it, too.

// %%
if (interludes) {
  const rising = { lrSchedulerType: 'constant_with_warmup' as const, beta: 1e-3, maxSteps: 18 }
  const provoked = await short('rate up to 0.04', { ...rising, learningRate: 0.04, warmupSteps: 18, maxGradNorm: 0 })
  const cured = await short('rate 0.004', { ...rising, learningRate: 0.004, warmupSteps: 3, maxGradNorm: 1 })
  show.experiments([provoked, cured], {
    reward: 'Reward',
    kl: 'Distance to the base model (kl, nats)',
    grad_norm: 'Length of the gradient',
  })
  troubles.push({ finding: 'reward_collapse', provoked: provoked, cured: cured })
  show.markdown('**Look at** the distance to the base model: it grows by leaps where the reward falls.')
}

// %% [markdown]
// ## Completion checklist
//
// What belongs to training a reasoning model, computed from what this run did.

// %%
import { completionChecklist } from 'grpo-ts'

const has = ({ findings }: Experiment, finding: string) => findings.some(({ name }) => name === finding)
const finished = { ...run, trainer: trainer, steps: steps, evaluation: evaluation, outputDir: outputDir }
const digits = (value: number) => `largest difference ${value}`
show.checklist([
  { item: 'Environment set up', done: true, evidence: `engine ${engine.name}` },
  ...completionChecklist({ ...finished, rewardTests: rewardTests }),
  { item: 'Saved model loads to the same numbers', done: reloadDifference === 0, evidence: digits(reloadDifference) },
  { item: 'Advantages worked out by hand', done: largestDifference < 1e-6, evidence: digits(largestDifference) },
  ...solved,
  ...troubles.map(({ finding, provoked, cured }) => ({
    item: `Provoked, diagnosed and cured: ${finding.replace(/_/g, ' ')}`,
    done: has(provoked, finding) && !has(cured, finding),
    evidence:
      `${provoked.name}: ${has(provoked, finding) ? 'diagnosed' : 'not diagnosed'}; ` +
      `${cured.name}: ${has(cured, finding) ? 'still there' : 'gone'}`,
  })),
])
const minutes = ((Date.now() - startedAt) / 60_000).toFixed(1)
show.markdown(`The notebook took ${minutes} minutes. [The walkthrough](../docs/walkthrough.md) shows all this with pictures.`)

// %% [markdown]
// ## What you have learned
//
// - What a reasoning model is, and why steps before an answer help: the table at the top, the pairs of step 7.
// - How GRPO gets there without labels: groups, a checked answer, advantages (steps 4 and 5), and why it compares within a group.
// - How it differs from DPO and PPO: the second table at the top.
// - How traces are sampled, judged and read: steps 5 and 7.
// - How a training is configured, watched, interrupted and diagnosed: steps 4 and 6, and what goes wrong.
// - What all that has to do with o1 and R1.
//
// [Learning outcomes](../docs/learning-outcomes.md) asks a question about each and answers it.
//
// **To try next**
//
// - Raise the weight of `soundness` in step 4 to 0.2 and run again: do fewer calculations go wrong?
// - Halve `numGenerations` and double `problemsPerStep`: as many completions, smaller groups.
// - In the first cell: `model = 'Qwen/Qwen2.5-0.5B-Instruct'`, `task = 'gsm8k'`, `data = 'openai/gsm8k'`; it takes a GPU, or patience.
// - Without a browser: `npm run notebook -- -p maxSteps=200`; as a program: [README](../README.md).
