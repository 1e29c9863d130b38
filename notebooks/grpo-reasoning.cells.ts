// %% [markdown]
// # Teaching a language model to reason with GRPO
//
// A *reasoning model* writes down the steps to an answer before it answers. This notebook trains
// one in seven steps, in TypeScript, with GRPO (Group Relative Policy Optimization,
// [DeepSeekMath](https://arxiv.org/abs/2402.03300)). GRPO needs problems and a way to check
// answers. Nobody writes the reasoning, and nobody labels anything:
//
// 1. the model answers each problem several times: a *group* of completions;
// 2. *reward functions*, ordinary TypeScript, score each completion;
// 3. completions that did better than the mean of their group become likelier, the others less likely;
// 4. the same again, with other problems.
//
// As it stands, the notebook trains the small model that comes with grpo-ts, which takes some
// minutes on two processor cores. It can reason but seldom does; it finds out that reasoning pays.
// The next cell switches to a model and to problems of your choice. Every figure in the outputs was
// computed by the cell above it.

// %% tags=["parameters"]
// A folder or a Hub id, such as 'HuggingFaceTB/SmolLM2-135M-Instruct'; empty: the small model of grpo-ts
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
let interludes = true // reward hacking and the four troubles; always with the small model
let hubRepository = '' // 'you/name': where the adapter is pushed to if HF_TOKEN is set
let seed = 42 // the same seed gives the same run
let outputDir = 'runs/notebook'

// %% [markdown]
// ## 1. Environment
//
// Everything runs inside this Node process; there is no Python and no server. grpo-ts takes the
// fastest *backend* (the engine that computes with tensors) that works on this machine, and says
// why.

// %%
import { spawnSync } from 'child_process'
import * as fs from 'fs'
import * as os from 'os'
import * as path from 'path'
import * as dfd from 'danfojs-node'
import { versions } from 'tslab'
import { selectEngine, show } from 'grpo-ts'

show.setUpCharts()
const startedAt = Date.now()
const size = (bytes: number) =>
  bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`
const percent = (share: number) => `${(100 * share).toFixed(1)} %`
const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length

const backend = await selectEngine()
const gpu = spawnSync('nvidia-smi', ['--query-gpu=name,memory.total', '--format=csv,noheader'], {
  encoding: 'utf8',
})
show.table([
  { what: 'grpo-ts', value: require('grpo-ts/package.json').version },
  { what: 'Node.js', value: `${versions.node} on ${process.platform} ${process.arch}` },
  { what: 'tslab, TypeScript', value: `${versions.tslab}, ${versions.typescript}` },
  { what: 'tfjs, danfojs', value: `${dfd.tensorflow.version_core}, ${dfd.__version}` },
  { what: 'backend', value: `${backend.name}: ${backend.why}` },
  { what: 'processor', value: `${os.cpus()[0]?.model.trim()}, ${os.availableParallelism()} cores` },
  { what: 'memory', value: `${size(os.freemem())} of ${size(os.totalmem())} free` },
  {
    what: 'GPU',
    value: gpu.status === 0 ? gpu.stdout.trim() : 'none found (nvidia-smi does not answer)',
  },
])

// %%
// What suits the model, unless the parameters say otherwise.
const isEmbedded = model === ''
const settings = {
  maxSteps: maxSteps || (isEmbedded ? 100 : 20),
  problemsPerStep: problemsPerStep || (isEmbedded ? 16 : 4),
  numGenerations: numGenerations || (isEmbedded ? 8 : 4),
  maxCompletionLength: maxCompletionLength || (isEmbedded ? 128 : 256),
  learningRate: learningRate || (isEmbedded ? 1e-3 : 5e-5),
  evaluationProblems: evaluationProblems || (isEmbedded ? 500 : 20),
  evaluationSamples: isEmbedded ? 4 : 1,
}
show.table([settings], { caption: 'Settings of this run' })

// %% [markdown]
// ## 2. Load a model for reasoning
//
// The model's own weights stay frozen. LoRA adds a small trainable update to every linear layer:
// two thin matrices A and B, whose product is added to the layer's weight. B starts at zero, so the
// new model, the *policy*, at first does exactly what the *base* model does. One set of frozen
// weights in memory serves both. Those of a large model can be kept in 8 or 4 bits a number while the
// adapter stays exact (QLoRA): `loadModel(model, { dtype: 'int4' })`.

// %%
import { loadModel } from 'grpo-ts'
import { Safetensors } from 'grpo-ts/files'

const embeddedFolder = 'word-problems-1m'
const base = await loadModel(model || embeddedFolder)
const lora = { r: 16, alpha: 32, targetModules: 'all-linear' as const, seed: seed }
const policy = base.withLora(lora)

const weights = Safetensors.open(base.folder)
const sizes = weights
  .names()
  .map((name) => weights.info(name).shape.reduce((product, size) => product * size, 1))
weights.close()
const parameters = sizes.reduce((sum, size) => sum + size, 0)
const trainable = policy.adapter.values.length
show.table([
  {
    what: 'model',
    value: `${base.config.architecture} in ${model || 'checkpoints/word-problems-1m'}`,
  },
  {
    what: 'parameters',
    value: `${parameters.toLocaleString('en')}, ${size(base.engineModel.weightBytes)} in memory`,
  },
  { what: 'layers', value: `${base.config.numLayers} of width ${base.config.hiddenSize}` },
  { what: 'vocabulary', value: `${base.config.vocabularySize.toLocaleString('en')} tokens` },
  {
    what: 'context',
    value: `${base.config.maxPositions.toLocaleString('en')} tokens for prompt and completion`,
  },
  {
    what: 'LoRA',
    value: `rank ${lora.r}: ${trainable.toLocaleString('en')} trainable parameters, ${percent(trainable / parameters)} as many as the model has`,
  },
])

// %% [markdown]
// **Reasoning format.** A completion has to say where its reasoning ends and its answer begins. The
// tasks understand `<think>…</think>` around the reasoning, and `#### 18`, `<answer>18</answer>` or
// `\boxed{18}` around the answer. These need not be special tokens: a tokenizer that does not know
// them spells them. Only the answer is graded; what stands between the tags is the model's own
// business.

// %%
show.table(
  ['<think>', '</think>', '#### ', '<answer>', '\\boxed{'].map((mark) => {
    const ids = base.tokenizer.encode(mark)
    return {
      mark: mark,
      tokens: ids.length,
      ids: ids.join(' '),
      spelled: ids.map((id) => base.tokenizer.idToToken(id)).join(' | '),
    }
  }),
  { caption: 'How the marks of reasoning and answer reach the model' },
)

// %% [markdown]
// ## 3. Prepare the problems
//
// A problem is a question and its final answer. Answers have to be checkable: numbers, choices,
// programs with tests; matters of taste are not. No worked solution is needed: the model finds its
// own. The *test* split holds problems that training never sees; step 7 measures with them.

// %%
import { tasks } from 'grpo-ts'

const hasData = data !== ''
const isMadeUp = !hasData && task !== 'gsm8k' && task !== 'math'
const taskOptions: tasks.TaskOptions = hasData ? { data: data } : { seed: seed }
const trainLimit = isMadeUp
  ? { limit: Math.max(200, settings.maxSteps * settings.problemsPerStep) }
  : {}
const trainTask = await tasks.loadTask(task, { ...taskOptions, ...trainLimit, split: 'train' })
const testTask = await tasks.loadTask(task, {
  ...(hasData ? taskOptions : {}),
  split: 'test',
  limit: settings.evaluationProblems,
})

const frame = new dfd.DataFrame(
  trainTask.problems.map(({ question, answer, difficulty }) => ({
    question: question,
    answer: answer,
    difficulty: difficulty ?? 0,
    words: question.split(/\s+/).length,
    tokens: base.tokenizer.encode(question).length,
  })),
)
console.log(
  `task ${trainTask.name}: ${trainTask.problems.length} problems to train on, ${testTask.problems.length} held out`,
)
show.table(frame.head(5))

// %% [markdown]
// A look at all of them. `difficulty` is the task's own scale (here the number of calculations; for
// GSM8K the steps of its solution, for MATH the level).

// %%
show.table(frame.loc({ columns: ['difficulty', 'words', 'tokens'] }).describe(), {
  caption: 'Distribution over the problems',
})
show.table(
  frame.groupby(['difficulty']).agg({ words: ['count', 'mean'], tokens: ['mean', 'max'] }),
  { caption: 'By difficulty' },
)
const numbers = trainTask.problems
  .map(({ answer }) => Number(answer))
  .filter((answer) => Number.isFinite(answer))
const values = (column: string) => ({ problems: frame[column].values as number[] })
show.plots([
  show.countValues(values('tokens'), {
    title: 'Length of the questions',
    xaxis: { title: 'tokens' },
  }),
  show.countValues(values('difficulty'), { title: 'Difficulty', xaxis: { title: 'difficulty' } }),
  ...(numbers.length === 0
    ? []
    : [show.countValues({ problems: numbers }, { title: 'Answers', xaxis: { title: 'answer' } })]),
])

// %%
const example = trainTask.problems[0]
const examplePrompt = trainTask.prompt(example, base.tokenizer)
const longestPrompt = Math.max(
  ...trainTask.problems
    .slice(0, 500)
    .map((one) => trainTask.prompt(one, base.tokenizer).ids.length),
)
show.traces([
  { title: 'The prompt, as the model gets it', text: examplePrompt.text },
  { title: 'The final answer, all that training uses', text: example.answer },
  {
    title: 'A worked solution, which training never sees',
    text: example.solution ?? '(the task has none)',
  },
])
show.markdown(
  `The longest of the first prompts has ${longestPrompt} tokens; with completions of at most ${settings.maxCompletionLength} that is ` +
    `${longestPrompt + settings.maxCompletionLength} of the ${base.config.maxPositions.toLocaleString('en')} tokens that fit into the context.`,
)

// %% [markdown]
// **Other problems** are one line of the parameters away. Tasks that are made up need nothing else;
// the others read files (JSON lines, parquet, CSV) or a data set of the Hub. Programs that a model
// writes for HumanEval run in a sandbox.

// %%
const lines = {
  'word-problems': "task = 'word-problems'",
  arithmetic: "task = 'arithmetic'",
  'knights-and-knaves': "task = 'knights-and-knaves'",
  syllogism: "task = 'syllogism'",
  countdown: "task = 'countdown'",
  gsm8k: "task = 'gsm8k'; data = 'openai/gsm8k'",
  math: "task = 'math'; data = 'path/to/MATH'",
  'humaneval-js': "task = 'humaneval-js'; data = 'path/to/humaneval-x'",
  file: "task = 'file'; data = 'my-problems.csv'",
}
const others = []
for (const [name, line] of Object.entries(lines)) {
  const isRead = line.includes('data')
  const [problem] = isRead ? [] : (await tasks.loadTask(name, { limit: 1, seed: seed })).problems
  others.push({
    task: name,
    'line to change': line,
    'such as': problem?.question ?? 'read from files',
    answer: problem?.answer ?? null,
  })
}
show.table(others)

// %% [markdown]
// ## 4. Configure GRPO
//
// ### Rewards
//
// A reward function gets a completion and its problem and returns a number. The first one below
// pays 1 for the right answer and nothing else: reasoning earns nothing by itself. It is the
// library's, since reading answers out of free text has many traps. The second is written here: the
// share of the calculations in a completion that come out. Its weight is 0 for the small model, so
// it is watched but not paid; raise the weight and run the cells from step 2 on again to see what
// that changes.

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

// %% [markdown]
// **Self-test.** A model does whatever is paid, not what was meant. So first the rewards are shown
// completions that are right, nearly right, and made to cheat: an empty one, all numbers at once,
// the question repeated. A reward that pays one of those like a right answer is called
// *exploitable*: it must not be the main reward.

// %%
const lintRows = []
for (const reward of rewardFunctions) {
  const report = await rewards.lintReward(reward, trainTask.problems.slice(0, 10))
  const paid = (kind: string) =>
    report.rows.filter((row) => row.kind === kind && row.mean !== null).map((row) => row.mean)
  lintRows.push({
    reward: reward.name,
    weight: reward.weight,
    'pays for right answers': report.gold,
    'most for a cheat': Math.max(...paid('adversarial')),
    verdict: report.verdict,
    explanation: report.explanation,
  })
}
show.table(lintRows)

// %% [markdown]
// ### Options
//
// They have the names of `GRPOConfig` in [TRL](https://huggingface.co/docs/trl/grpo_trainer), in
// camel case, and its defaults where they are not given. A comment says what each option does.

// %%
import type { GRPOConfig } from 'grpo-ts'

const stepCompletions = settings.problemsPerStep * settings.numGenerations
const microBatches = isEmbedded ? 1 : settings.problemsPerStep
const config: Partial<GRPOConfig> = {
  // The group. More: a better estimate of what to expect, more variety, more time. Usual: 4 to 8.
  numGenerations: settings.numGenerations,
  // Completions that are computed together; fewer need less memory.
  perDeviceTrainBatchSize: stepCompletions / microBatches,
  // Such batches in a step. More problems in a step make it steadier and slower.
  gradientAccumulationSteps: microBatches,
  // Updates of the weights.
  maxSteps: settings.maxSteps,
  // Reasoning that is cut off earns nothing: too small a limit teaches not to reason (trouble 1).
  maxCompletionLength: settings.maxCompletionLength,
  // How freely tokens are drawn; too low makes a group alike (trouble 2). Usual: 0.7 to 1.
  temperature: 1,
  // Advantages in units of the group's standard deviation.
  scaleRewards: 'group',
  // Each token of a step counts the same, in short and in long completions.
  lossType: 'dapo',
  // No token is pushed further than to 1 ± 0.2 times its probability when it was sampled. Matters
  // when a batch is trained on several times (numIterations).
  epsilon: 0.2,
  // Pull back to the base model; above 0 it also costs a pass of the base model.
  beta: 0,
  // Size of an update. Higher learns faster, until training falls apart (trouble 4). Usual: 1e-6 to
  // 5e-6 for all weights of a large model, more for LoRA and for small models.
  learningRate: settings.learningRate,
  // The rate rises from 0 in the first steps, and falls to 0 at the last one.
  lrSchedulerType: 'cosine',
  warmupSteps: Math.min(5, Math.floor(settings.maxSteps / 10)),
  // Larger gradients are scaled down to this norm.
  maxGradNorm: 1,
  // A checkpoint every so many steps; a run that was killed goes on from the latest.
  saveSteps: 10,
  seed: seed,
}

// %%
import { grpoOptions } from 'grpo-ts/parts'

const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
show.table(
  grpoOptions()
    .filter(({ name }) => name in config)
    .map(({ name, trlName, description, defaultValue }) => ({
      option: name,
      'in TRL': trlName,
      value: shown(config[name]),
      default: shown(defaultValue),
      meaning: description.replace(/ Defaults to .*$/, ''),
    })),
)

// %% [markdown]
// **Preflight.** Samples some groups with these settings, changes nothing, and looks at what
// usually goes wrong with a run before it begins. A *usable* group holds right and wrong
// completions: only those teach.

// %%
import { preflight } from 'grpo-ts'

const { report: preflightReport } = await preflight({
  policy: policy,
  task: trainTask,
  rewards: rewardFunctions,
  config: config,
  maxSeconds: 5,
})
show.table(
  preflightReport.checks.map(({ name, status, message, advice }) => ({
    check: name,
    status: status,
    found: message,
    advice: advice,
  })),
)

// %% [markdown]
// ## 5. Generate reasoning traces
//
// What the trainer does before each update, written out: sample a group for each problem, have it
// judged, and work out the *advantages*.

// %%
import { generate } from 'grpo-ts'
import { computeAdvantages } from 'grpo-ts/parts'
import type { CausalLM, Problem, RolloutGroup } from 'grpo-ts'

/** A group of completions for each problem, with rewards and advantages. */
async function sampleGroups(
  sampler: CausalLM,
  problems: readonly Problem[],
  temperature = 1,
): Promise<RolloutGroup[]> {
  const prompts = problems.map((one) => trainTask.prompt(one, sampler.tokenizer))
  const sampled = await generate(
    sampler,
    prompts.map(({ ids }) => ids),
    {
      numGenerations: settings.numGenerations,
      maxCompletionLength: settings.maxCompletionLength,
      temperature: temperature,
      seed: seed,
    },
  )
  const judge = rewardFunctions.findIndex(({ judges }) => judges === 'correctness')
  const groups: RolloutGroup[] = []
  for (const [i, completions] of sampled.entries()) {
    const scores: number[][] = [] // a row for each completion, a column for each reward function
    for (const { text, ids, finishReason } of completions) {
      const judged = {
        prompt: prompts[i].text,
        completion: text,
        answer: problems[i].answer,
        ids: ids,
        meta: { problem: problems[i], finishReason: finishReason },
      }
      const row: number[] = []
      for (const reward of rewardFunctions) row.push(await reward.score(judged))
      scores.push(row)
    }
    const { advantages, rewards: totals } = computeAdvantages(scores, {
      numGenerations: settings.numGenerations,
      rewardWeights: rewardFunctions.map(({ weight }) => weight),
    })
    groups.push({
      problem: problems[i],
      promptText: prompts[i].text,
      promptIds: prompts[i].ids,
      completions: completions.map((completion, j) => ({
        ...completion,
        rewards: Object.fromEntries(
          rewardFunctions.map(({ name }, column) => [name, scores[j][column]]),
        ),
        correct: judge < 0 ? null : scores[j][judge] > 0,
        reward: totals[j],
        advantage: advantages[j],
      })),
    })
  }
  return groups
}

const isReasoned = (text: string) => rewards.analyseReasoning(text).steps.length > 0
const differ = ({ completions }: RolloutGroup) =>
  new Set(completions.map(({ reward }) => reward)).size > 1
const firstGroups = await sampleGroups(
  policy,
  trainTask.problems.slice(0, settings.problemsPerStep),
)
// The group to look at: one that is neither nearly all right nor nearly all wrong, with much reasoning.
const evenness = ({ completions }: RolloutGroup) => {
  const share = mean(completions.map(({ correct }) => Number(correct)))
  return Number(share >= 0.25 && share <= 0.75)
}
const reasonedIn = ({ completions }: RolloutGroup) =>
  completions.filter(({ text }) => isReasoned(text)).length
const group = [...firstGroups].sort(
  (a, b) =>
    Number(differ(b)) - Number(differ(a)) ||
    evenness(b) - evenness(a) ||
    reasonedIn(b) - reasonedIn(a),
)[0]

show.traces(
  group.completions.map(({ text, reward, rewards: parts }, i) => ({
    title: `Completion ${i + 1}`,
    text: text,
    correct: parts.correctness === 1,
    facts: { reward: reward },
  })),
  `${group.problem.question} (answer: ${group.problem.answer})`,
)

// %% [markdown]
// ### The advantage
//
// Is a reward of 1 much? For a problem that the model always solves it is nothing to learn from;
// for one that it hardly ever solves it is precious. So a reward means something only in comparison
// with what was to be expected of *this* problem. The other completions of the group had the same
// problem: their mean reward is what was to be expected. The *advantage* of completion $i$ is its
// reward minus the group's mean, in units of the group's standard deviation:
//
// $$A_i = \frac{r_i - \operatorname{mean}(r)}{\operatorname{std}(r) + 10^{-4}}$$
//
// Worked by hand, beside what the library computes:

// %%
const totals = group.completions.map(({ reward }) => reward)
const groupMean = mean(totals)
const groupStd = Math.sqrt(
  totals.reduce((sum, total) => sum + (total - groupMean) ** 2, 0) / (totals.length - 1),
)
const byHand = totals.map((total) => (total - groupMean) / (groupStd + 1e-4))
const advantages = group.completions.map(({ advantage }) => advantage)
const largestDifference = Math.max(...byHand.map((value, i) => Math.abs(value - advantages[i])))

show.table(
  group.completions.map(({ text, rewards: parts, reward }, i) => ({
    completion: text.replace(/\s+/g, ' '),
    ...parts,
    reward: reward,
    'reward − mean': reward - groupMean,
    'advantage by hand': byHand[i],
    'advantage of the library': advantages[i],
  })),
  { width: 90 },
)

// %%
// Of equal ones the longest, which has most to show.
const longestWith = (advantage: number) =>
  advantages.reduce((found, value, i) => {
    const isLonger =
      found < 0 || group.completions[i].ids.length > group.completions[found].ids.length
    return value === advantage && isLonger ? i : found
  }, -1)
const best = longestWith(Math.max(...advantages))
const worst = longestWith(Math.min(...advantages))
const byRounding = largestDifference === 0 ? '0' : largestDifference.toExponential(0)
const isFlat = advantages.every((advantage) => advantage === 0)
show.markdown(
  isFlat
    ? `All ${totals.length} completions got the reward ${groupMean.toFixed(3)}. So every advantage is 0, and this group teaches nothing.`
    : `The ${totals.length} rewards have the mean ${groupMean.toFixed(3)} and the standard deviation ${groupStd.toFixed(3)}. Completion ${best + 1} ` +
        `got ${totals[best].toFixed(3)}: (${totals[best].toFixed(3)} − ${groupMean.toFixed(3)}) / ${groupStd.toFixed(3)} = **${advantages[best].toFixed(2)}**. ` +
        `It did better than its group, so each of its ${group.completions[best].ids.length} tokens becomes likelier. Completion ${worst + 1} got ` +
        `${totals[worst].toFixed(3)}, which gives **${advantages[worst].toFixed(2)}**: its tokens become less likely. The advantages of the group add up to ` +
        `${Math.abs(advantages.reduce((sum, value) => sum + value, 0)).toFixed(2)}: probability moves from the worse completions to the better ones. ` +
        `The largest difference between hand and library is ${byRounding}.`,
)
show.traces(
  [best, worst].map((i) => ({
    title: i === best ? 'Best of the group' : 'Worst of the group',
    text: group.completions[i].text,
    correct: group.completions[i].rewards.correctness === 1,
    facts: { reward: totals[i], advantage: advantages[i] },
  })),
)

// %% [markdown]
// **Why the group matters.** The same right answer is worth more the rarer it is. With $k$ right
// completions in a group of $G$, and a reward of 1 or 0, this is what a right and a wrong one get.
// At either end, where all are right or all are wrong, nobody gets anything: such a group costs
// time and teaches nothing.

// %%
const groupSize = settings.numGenerations
const right = Array.from({ length: groupSize + 1 }, (_, k) => k)
const advantagesOf = (k: number) =>
  computeAdvantages(
    Array.from({ length: groupSize }, (_, i) => [i < k ? 1 : 0]),
    { numGenerations: groupSize },
  ).advantages
show.plot(
  [
    {
      name: 'of a right completion',
      mode: 'lines+markers',
      x: right.slice(1),
      y: right.slice(1).map((k) => advantagesOf(k)[0]),
    },
    {
      name: 'of a wrong completion',
      mode: 'lines+markers',
      x: right.slice(0, -1),
      y: right.slice(0, -1).map((k) => advantagesOf(k)[groupSize - 1]),
    },
  ],
  {
    title: `Advantage in a group of ${groupSize}`,
    xaxis: { title: 'right completions in the group' },
    yaxis: { title: 'advantage' },
  },
)
const usable = firstGroups.filter(differ).length
show.markdown(
  `In a group of ${groupSize}, the only right completion gets ${advantagesOf(1)[0].toFixed(2)}, one of ${groupSize - 1} right ones ${advantagesOf(groupSize - 1)[0].toFixed(2)}. ` +
    `Of the ${firstGroups.length} groups sampled above ${usable} hold different rewards; the other ${firstGroups.length - usable} teach nothing.`,
)

// %% [markdown]
// ### What temperature does
//
// Tokens are drawn at random by their probabilities. The temperature says how much of that chance
// is left: near 0 the likeliest token always wins, and all completions of a group are the same;
// above 1 unlikely tokens are drawn more often, sense and nonsense alike. GRPO lives on differences
// within a group, so it samples at about 1.

// %%
import { groupMetrics } from 'grpo-ts/parts'

const temperatures = [0.1, 0.4, 0.7, 1, 1.3]
const diversity = []
for (const temperature of temperatures) {
  const groups = await sampleGroups(
    policy,
    trainTask.problems.slice(0, settings.problemsPerStep),
    temperature,
  )
  const completions = groups.flatMap((one) => one.completions)
  const metrics = groupMetrics(groups)
  diversity.push({
    temperature: temperature,
    'different completions in a group': metrics['diversity/unique_completions'],
    'different answers in a group': metrics['diversity/distinct_answers'],
    'share that reasons': mean(completions.map(({ text }) => Number(isReasoned(text)))),
    'share right': mean(completions.map(({ correct }) => Number(correct))),
    'groups that teach': mean(groups.map((one) => Number(differ(one)))),
  })
}
show.table(diversity)
show.plot(
  ['share that reasons', 'share right', 'groups that teach'].map((name) => ({
    name: name,
    mode: 'lines+markers' as const,
    x: temperatures,
    y: diversity.map((row) => row[name] as number),
  })),
  {
    title: 'Temperature',
    xaxis: { title: 'temperature' },
    yaxis: { title: 'share', range: [0, 1] },
  },
)

// %% [markdown]
// ### Interlude: GRPO, DPO and PPO
//
// All three make good completions likelier and bad ones less likely. They differ in where "good"
// comes from.
//
// | | DPO | PPO | GRPO |
// |---|---|---|---|
// | learns from | pairs that somebody labelled: chosen, rejected | own completions and a reward | own completions and a reward |
// | what was to be expected | the other one of the pair | a second network, the critic, predicts it | the mean of the group |
// | trained networks | the policy | the policy and the critic | the policy |
// | data | fixed before training | made while training | made while training |
//
// The group above shows it in numbers:

// %%
const rightOnes = group.completions.filter(({ rewards: parts }) => parts.correctness === 1).length
const wrongOnes = group.completions.length - rightOnes
show.markdown(
  `**DPO** would need somebody to label a pair; here the answer check makes ${rightOnes} × ${wrongOnes} = ${rightOnes * wrongOnes} pairs of a right and a wrong completion without labels. One pair uses 2 of ` +
    `the ${group.completions.length} completions, GRPO uses all ${group.completions.filter(({ advantage }) => advantage !== 0).length} whose advantage is not 0. ` +
    `**PPO** would train a critic, usually as large as the model: ${parameters.toLocaleString('en')} parameters more. GRPO reads what was to be expected off the ` +
    `other completions: ${groupMean.toFixed(3)} for this problem.`,
)

// %% [markdown]
// ## 6. Train
//
// The trainer is an async iterator: each turn of the loop is one step, with its metrics and its
// groups. ■ (interrupt) stops it after the step that is being computed; the cells below then look
// at what there is, and the cell after them goes on. So that this also shows where nobody presses a
// button, the first cell stops by itself after a quarter of the steps.

// %%
import { GRPOTrainer } from 'grpo-ts'
import type { TrainingStep } from 'grpo-ts'

fs.rmSync(path.join(outputDir, 'eval.json'), { force: true }) // of an earlier run
const trainer = new GRPOTrainer({
  policy: policy,
  task: trainTask,
  rewards: rewardFunctions,
  config: config,
  outputDir: outputDir,
})
const steps: TrainingStep[] = []
const pauseAt = Math.ceil(trainer.maxSteps / 4)
const chart = show.liveChart(
  [
    {
      series: {
        reward: 'mean',
        'reward/best': 'best of a group',
        'reward/worst': 'worst of a group',
      },
      layout: { title: 'Reward', yaxis: { range: [-0.02, 1.05] } },
    },
    {
      series: { 'groups/all_right': 'all right', 'groups/all_wrong': 'all wrong' },
      layout: { title: 'Share of groups that teach nothing', yaxis: { range: [-0.02, 1.05] } },
    },
    {
      series: { 'reasoning/steps': 'steps', 'reasoning/self_corrections': 'self-corrections' },
      layout: { title: 'Reasoning in a completion' },
    },
    {
      series: { entropy: 'entropy in nats', 'rewards/soundness/mean': 'soundness' },
      layout: { title: 'Certainty, and calculations that hold' },
    },
  ],
  {
    columns: {
      reward: 'reward',
      reward_std: 'reward_std',
      frac_reward_zero_std: 'frac_reward_zero_std',
      'completions/mean_length': 'completions/mean_length',
      'reasoning/steps': 'reasoning/steps',
      entropy: 'entropy',
      grad_norm: 'grad_norm',
      step_time: 'step_time (s)',
    },
  },
)

// %%
import { untilInterrupted } from 'grpo-ts'

await null // lets plain tslab see that this cell is asynchronous
try {
  for await (const step of untilInterrupted(trainer)) {
    steps.push(step)
    chart.add(step.step, step.metrics)
    if (step.step === pauseAt) break
  }
} finally {
  chart.done()
}

// %% [markdown]
// Stopped. What the metrics mean, with their values at the start and now:

// %%
const meanings = {
  reward: 'mean reward of the completions: what training raises',
  reward_std: 'its standard deviation: 0 would mean that there is nothing to compare',
  frac_reward_zero_std: 'share of groups whose rewards are all equal, which teach nothing',
  'rewards/correctness/mean': 'share of right completions',
  'reward/best':
    'best reward of a group, mean over the groups: what the model can do when it is lucky',
  'completions/mean_length': 'tokens of a completion; reasoning is long',
  'completions/clipped_ratio': 'share cut off at maxCompletionLength; those earn nothing',
  'reasoning/steps': 'steps of reasoning in a completion',
  'reasoning/self_corrections': 'places where a completion takes something back',
  'diversity/unique_completions': 'different completions in a group',
  entropy:
    'how freely tokens are still chosen, in nats; near 0 the model tries nothing else any more',
  grad_norm: 'length of the gradient: jumps announce instability',
  learning_rate: 'size of this update',
  'sampling/sampling_logp_difference/max':
    'largest difference between the log-probability when sampled and when trained on: 0, one engine does both',
}
const metricTable = () =>
  show.table(
    Object.entries(meanings).map(([name, meaning]) => ({
      metric: name,
      'first step': steps[0].metrics[name],
      'latest step': steps[steps.length - 1].metrics[name],
      meaning: meaning,
    })),
  )
metricTable()

// %%
// A look inside the latest step: the group with the most different rewards.
const latestGroups = steps[steps.length - 1].groups
const inspected = latestGroups.find(differ) ?? latestGroups[0]
const ranked = [...inspected.completions].sort((a, b) => b.advantage - a.advantage)
show.traces(
  [ranked[0], ranked[ranked.length - 1]].map(({ text, reward, advantage, rewards: parts }, i) => ({
    title: i === 0 ? 'Best' : 'Worst',
    text: text,
    correct: parts.correctness === 1,
    facts: { reward: reward, advantage: advantage },
  })),
  `Step ${steps[steps.length - 1].step}: ${inspected.problem.question} (answer: ${inspected.problem.answer})`,
)
show.findings(steps[steps.length - 1].diagnosis)

// %% [markdown]
// And on, with the next step. This cell may be run again after every interruption.

// %%
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
/** Everything that the diagnosis found in some steps, each finding as it was first said. */
const foundIn = (some: readonly TrainingStep[]) => {
  const all = some.flatMap(({ diagnosis }) => diagnosis)
  return all.filter(({ name, subject }, i) => {
    return all.findIndex((one) => one.name === name && one.subject === subject) === i
  })
}
metricTable()
const trainingSeconds = steps.reduce((sum, { metrics }) => sum + metrics.step_time, 0)
const peakMemory = process.resourceUsage().maxRSS * 1024
const few = Math.max(1, Math.floor(steps.length / 10))
const rewardOf = (some: readonly TrainingStep[]) => mean(some.map(({ metrics }) => metrics.reward))
show.markdown(
  `${steps.length} steps, ${(steps.length * stepCompletions).toLocaleString('en')} completions in ${trainingSeconds.toFixed(0)} s. Mean reward ` +
    `${rewardOf(steps.slice(0, few)).toFixed(3)} in the first ${few} steps, ${rewardOf(steps.slice(-few)).toFixed(3)} in the last. ` +
    `The process used ${size(peakMemory)} at most.`,
)
show.findings(foundIn(steps))

// %% [markdown]
// **The reward distribution**, in the first steps and in the last: how many completions of a group
// are right.

// %%
const rightInGroups = (some: readonly TrainingStep[]) =>
  some.flatMap(({ groups }) =>
    groups.map(
      ({ completions }) =>
        completions.filter(({ rewards: parts }) => parts.correctness === 1).length,
    ),
  )
show.histogram(
  {
    [`first ${few} steps`]: rightInGroups(steps.slice(0, few)),
    [`last ${few} steps`]: rightInGroups(steps.slice(-few)),
  },
  {
    title: 'Right completions in a group',
    xaxis: { title: `right of ${groupSize}` },
    yaxis: { title: 'groups' },
  },
)

// %% [markdown]
// ## 7. Evaluate
//
// Base and trained model answer the same held-out problems with the same seeds, so every problem is
// a pair. What counts is the *difference* on the pairs, with an interval that says how far it can
// be trusted, and a test that says how often chance alone would give as much. Rising rewards in
// training prove nothing yet: those were the problems that it trained on.

// %%
import { evaluate } from 'grpo-ts'
import { writeEvaluation } from 'grpo-ts/files'

const sampling = {
  greedy: !isEmbedded, // one answer of the likeliest tokens; for the small model answers drawn as in training
  samples: isEmbedded ? settings.evaluationSamples : 0,
  maxCompletionLength: settings.maxCompletionLength,
}
const evaluation = await evaluate({ base: base, trained: policy }, testTask, sampling)
fs.mkdirSync(outputDir, { recursive: true })
writeEvaluation(path.join(outputDir, 'eval.json'), evaluation)
const [baseResult, trainedResult] = evaluation.policies.map((one) => one.sampled ?? one.greedy)
const paired = evaluation.comparisons[0].sampled ?? evaluation.comparisons[0].greedy

// %%
import { describeComparison } from 'grpo-ts'
import type { Estimate } from 'grpo-ts'

/** A value with its interval, in percent or, with factor 1, as it is. */
const estimate = (one: Estimate | null, digits = 1, factor = 100) => {
  const text = (value: number) => (factor * value).toFixed(digits)
  if (one === null) return '–'
  return one.low === null
    ? text(one.value)
    : `${text(one.value)} (${text(one.low)} to ${text(one.high)})`
}
const rows = (one: typeof baseResult) => ({
  'problem accuracy (%)': estimate(one.accuracy),
  'reasoning steps': estimate(one.reasoning.meanSteps, 1, 1),
  'completions with steps (%)': estimate(one.reasoning.withSteps),
  'calculations that hold (%)': estimate(one.reasoning.correctEquations),
  'answer follows from the last step (%)': estimate(one.reasoning.coherent),
  'completions that correct themselves (%)': estimate(one.reasoning.selfCorrecting),
  'tokens in a completion': estimate(one.meanTokens, 1, 1),
})
const [baseRows, trainedRows] = [rows(baseResult), rows(trainedResult)]
show.table(
  [
    ...Object.keys(baseRows).map((name) => ({
      '': name,
      base: baseRows[name],
      'after GRPO': trainedRows[name],
    })),
    { '': 'generations of a problem', base: '1', 'after GRPO': String(groupSize) },
    { '': 'training time', base: '–', 'after GRPO': `${trainingSeconds.toFixed(0)} s` },
    { '': 'memory', base: '–', 'after GRPO': size(peakMemory) },
  ],
  { caption: `${testTask.problems.length} held-out problems; in brackets 95 % intervals` },
)
show.markdown(describeComparison(evaluation.comparisons[0], evaluation.settings).join('  \n'))

// %% [markdown]
// **By difficulty**, and with the chance that one of several answers is right (*pass@k*). Where
// pass@k of the base is already high, training makes the model do reliably what it could do now and
// then; where it is low, training has nothing to reinforce.

// %%
const byDifficulty = (one: typeof baseResult, name: string) => ({
  type: 'bar' as const,
  name: name,
  x: one.byDifficulty.map(({ difficulty, problems }) => `${difficulty} (${problems} problems)`),
  y: one.byDifficulty.map(({ accuracy }) => accuracy.value),
  error_y: {
    array: one.byDifficulty.map(
      ({ accuracy }) => (accuracy.high ?? accuracy.value) - accuracy.value,
    ),
    arrayminus: one.byDifficulty.map(
      ({ accuracy }) => accuracy.value - (accuracy.low ?? accuracy.value),
    ),
  },
})
const passAtK = (one: typeof baseResult, name: string) => ({
  name: name,
  mode: 'lines+markers' as const,
  x: one.passAtK.map(({ k }) => k),
  y: one.passAtK.map(({ strict }) => strict.value),
})
show.plots([
  {
    data: [byDifficulty(baseResult, 'base'), byDifficulty(trainedResult, 'after GRPO')],
    layout: {
      title: 'Accuracy by difficulty',
      xaxis: { title: 'difficulty' },
      yaxis: { range: [0, 1] },
    },
  },
  {
    data: [passAtK(baseResult, 'base'), passAtK(trainedResult, 'after GRPO')],
    layout: {
      title: 'One of k answers is right',
      xaxis: { title: 'k', dtick: 1 },
      yaxis: { range: [0, 1] },
    },
  },
])

// %% [markdown]
// **Before and after.** Problems that only one of the two solves, and what both wrote. The line at
// the left marks the reasoning.

// %%
const firstTraces = (index: number) =>
  [baseResult, trainedResult].map((one) => one.completions[index][0])
const showPair = (index: number) =>
  show.traces(
    firstTraces(index).map(({ text, correct, tokens, reasoning }, i) => ({
      title: i === 0 ? 'Base' : 'After GRPO',
      text: text,
      correct: correct,
      facts: { tokens: tokens, steps: reasoning.steps },
    })),
    `${evaluation.problems[index].question} (answer: ${evaluation.problems[index].answer})`,
  )
const indices = evaluation.problems.map((_, index) => index)
const became = (better: boolean) =>
  indices.filter(
    (index) =>
      firstTraces(index)[better ? 1 : 0].correct && !firstTraces(index)[better ? 0 : 1].correct,
  )
// Long traces show more.
const byLength = (a: number, b: number) =>
  firstTraces(b)[1].reasoning.steps - firstTraces(a)[1].reasoning.steps
for (const index of became(true).sort(byLength).slice(0, 2)) showPair(index)
for (const index of became(false).slice(0, 1)) showPair(index)
show.markdown(
  `First answers to ${indices.length} problems: ${became(true).length} wrong before and right after, ${became(false).length} right before and wrong after.`,
)

// %% [markdown]
// **Which tokens changed?** The base model reads the trained model's completion. Blue tokens became
// likelier by training, orange ones less likely. Much of the change is in few places: the decision
// to reason.

// %%
import { scoreTokens } from 'grpo-ts/parts'

const changedIndex = [...became(true).sort(byLength), ...indices][0]
const changedIds = policy.tokenizer.encode(firstTraces(changedIndex)[1].text)
const changedPrompt = testTask.prompt(testTask.problems[changedIndex], policy.tokenizer).ids
const sequence = [
  { inputIds: [...changedPrompt, ...changedIds], promptLength: changedPrompt.length },
]
const [scoredByBase] = await scoreTokens(base, sequence)
const [scoredByTrained] = await scoreTokens(policy, sequence)
const changes = changedIds.map((_, i) => scoredByTrained.logProbs[i] - scoredByBase.logProbs[i])
show.tokens(
  policy.tokenizer,
  [{ title: evaluation.problems[changedIndex].question, ids: changedIds, values: changes }],
  { by: 'change' },
)
show.markdown(
  `Its first token had the probability ${Math.exp(scoredByBase.logProbs[0]).toFixed(3)} before training and ${Math.exp(scoredByTrained.logProbs[0]).toFixed(3)} after it.`,
)

// %% [markdown]
// **Harder problems** than those of the training: does what was learned carry over?

// %%
const harder = {
  'unseen-wording': 'the same calculations in wordings never seen',
  longer: 'one calculation more',
  larger: 'larger numbers',
} as const
const harderRows = []
if (trainTask.name === 'word-problems') {
  for (const variant of ['unseen-wording', 'longer', 'larger'] as const) {
    const hard = await evaluate(
      { base: base, trained: policy },
      tasks.wordProblems({
        split: 'test',
        variant: variant,
        limit: Math.min(150, settings.evaluationProblems),
      }),
      { ...sampling, samples: sampling.samples && 1 },
    )
    const [before, after] = hard.policies.map((one) => one.sampled ?? one.greedy)
    const { difference, pValue } = (hard.comparisons[0].sampled ?? hard.comparisons[0].greedy)
      .strict
    harderRows.push({
      problems: harder[variant],
      'base (%)': estimate(before.accuracy),
      'after GRPO (%)': estimate(after.accuracy),
      'difference (points)': estimate(difference),
      p: pValue,
    })
  }
} else {
  const hardest = (one: typeof baseResult) => one.byDifficulty[one.byDifficulty.length - 1]
  harderRows.push({
    problems: `the hardest: difficulty ${hardest(baseResult)?.difficulty ?? 'unknown'}`,
    'base (%)': hardest(baseResult) ? estimate(hardest(baseResult).accuracy) : null,
    'after GRPO (%)': hardest(trainedResult) ? estimate(hardest(trainedResult).accuracy) : null,
  })
}
show.table(harderRows)

// %% [markdown]
// ### Three worked examples
//
// A math word problem, a logic puzzle, and a program, each with its own check: a number, yes or no,
// and tests that run the program in a sandbox. They ask for far more than small word problems do.

// %%
const workedExamples = [
  [
    'gsm8k',
    'Math word problem',
    {
      question:
        'Sarah has 3 times as many apples as Tom. Together they have 24 apples. How many does Sarah have?',
      answer: '#### 18',
    },
  ],
  [
    'syllogism',
    'Logic puzzle',
    {
      question:
        'If all roses are flowers and some flowers fade quickly, can we conclude that some roses fade quickly?',
      answer: 'no',
    },
  ],
  [
    'humaneval-js',
    'Program',
    {
      question:
        'Write a JavaScript function longestPalindrome(s) that returns the longest palindromic substring of s.',
      language: 'javascript',
      prompt: '',
      entry_point: 'longestPalindrome',
      test: "const assert = require('assert'); assert.equal(longestPalindrome('forgeeksskeegfor'), 'geeksskeeg'); assert.equal(longestPalindrome('a'), 'a'); assert.equal(longestPalindrome('cbbd'), 'bb')",
    },
  ],
] as const
let workedRight = 0
for (const [name, title, row] of workedExamples) {
  const problem = tasks.problemOfRow(name, row, `example/${name}`) as Problem
  const prompt = trainTask.prompt(problem, base.tokenizer)
  const shownTraces = []
  for (const [who, sampler] of [
    ['Base', base],
    ['After GRPO', policy],
  ] as const) {
    const [[completion]] = await generate(sampler, [prompt.ids], {
      maxCompletionLength: settings.maxCompletionLength,
      temperature: 0,
    })
    const score = await rewards.correctness({ lenient: true }).score({
      prompt: prompt.text,
      completion: completion.text,
      answer: problem.answer,
      ids: completion.ids,
      meta: { problem: problem, finishReason: completion.finishReason },
    })
    if (who !== 'Base') workedRight += score
    shownTraces.push({ title: `${title}: ${who}`, text: completion.text, correct: score === 1 })
  }
  show.traces(shownTraces, problem.question)
}

// %%
// How far a text is from what the model was trained on shows in the number of tokens that spell it.
const tokensAWord = (text: string) => base.tokenizer.encode(text).length / text.split(/\s+/).length
const known = mean(trainTask.problems.slice(0, 100).map(({ question }) => tokensAWord(question)))
const examples = mean(workedExamples.map(([, , row]) => tokensAWord(row.question)))
show.markdown(
  `After training ${workedRight} of ${workedExamples.length} are right. The questions of the training take ${known.toFixed(1)} tokens a word, these examples ` +
    `${examples.toFixed(1)}${examples > 1.5 * known ? ': the model has to spell them, it does not know their words. GRPO reinforces what a model can do now and then; it cannot put in what is not there. A pretrained model (first cell) reads such texts.' : '.'}`,
)

// %% [markdown]
// ### Save and share
//
// The adapter is what was trained. The trainer has saved it in PEFT's layout, which `peft`,
// transformers and vLLM read. Loaded again it gives exactly the log-probabilities of the trained
// model. The run's folder also holds the metrics, every completion with its rewards, checkpoints,
// and now a report to open in a browser.

// %%
import { writeReport } from 'grpo-ts'

const reloaded = base.withAdapter(path.join(outputDir, 'adapter'))
const [scoredByReloaded] = await scoreTokens(reloaded, sequence)
const reloadDifference = Math.max(
  ...scoredByReloaded.logProbs.map((value, i) => Math.abs(value - scoredByTrained.logProbs[i])),
)
const describedConfig = Object.fromEntries(
  grpoOptions().map(({ name, trlName }) => [trlName, trainer.config[name]]),
)
fs.writeFileSync(
  path.join(outputDir, 'config.yaml'), // JSON is YAML, too
  JSON.stringify(
    {
      model: model || 'word-problems-1m',
      task: task,
      rewards: rewardFunctions.map(({ name }) => name),
      ...describedConfig,
    },
    null,
    2,
  ),
)
const reportFile = writeReport(outputDir)
show.table(
  fs.readdirSync(outputDir).map((name) => ({
    file: path.join(outputDir, name),
    bytes: fs.statSync(path.join(outputDir, name)).isDirectory()
      ? null
      : fs.statSync(path.join(outputDir, name)).size,
  })),
  {
    caption: `Largest difference of a log-probability after loading the adapter again: ${reloadDifference}`,
  },
)

// %%
// To the Hugging Face Hub, with a model card made of the run. Without HF_TOKEN and hubRepository
// this is a dry run: nothing is sent.
import { pushToHub } from 'grpo-ts'

const isDryRun = hubRepository === '' || !process.env.HF_TOKEN
const pushed = await pushToHub({
  run: outputDir,
  repo: hubRepository || 'your-name/grpo-reasoning',
  dryRun: isDryRun,
  onWarning: (warning) => console.log(warning),
})
console.log(`${isDryRun ? 'would push' : 'pushed'} to ${pushed.url}:`)
show.table(pushed.files.map((file) => ({ file: file.path, bytes: file.size })))

// %% [markdown]
// ## What OpenAI's o1 and DeepSeek's R1 have to do with it
//
// Both answer after a long chain of thought, and both got there by reinforcement learning. How o1
// was trained is not published. DeepSeek published R1: [R1-Zero](https://arxiv.org/abs/2501.12948)
// is a base model trained with GRPO, the method of this notebook, on rewards for right answers and
// for the format alone. Nobody showed it how to reason. Its completions grew longer by themselves,
// and it began to check itself, since that earned more. Three things that were seen there can be
// looked for here:

// %%
const firstSteps = steps.slice(0, few)
const lastSteps = steps.slice(-few)
const averageOf = (some: readonly TrainingStep[], name: string) =>
  mean(some.map(({ metrics }) => metrics[name]))
show.table([
  {
    'seen in R1-Zero': 'completions grow longer by themselves',
    here: `${averageOf(firstSteps, 'completions/mean_length').toFixed(1)} tokens in the first ${few} steps, ${averageOf(lastSteps, 'completions/mean_length').toFixed(1)} in the last ${few}; no reward asks for it`,
  },
  {
    'seen in R1-Zero': 'steps of reasoning appear',
    here: `${averageOf(firstSteps, 'reasoning/steps').toFixed(2)} in a completion, then ${averageOf(lastSteps, 'reasoning/steps').toFixed(2)}`,
  },
  {
    'seen in R1-Zero': 'it checks and corrects itself ("wait")',
    here: `${percent(baseResult.reasoning.selfCorrecting.value)} of the held-out answers before, ${percent(trainedResult.reasoning.selfCorrecting.value)} after`,
  },
])
// The first completion of the training that corrected itself and was right for it.
const corrected = steps
  .flatMap(({ step, groups }) =>
    groups.flatMap((one) =>
      one.completions.map((completion) => ({
        step: step,
        problem: one.problem,
        completion: completion,
      })),
    ),
  )
  .find(
    ({ completion, problem }) =>
      rewards.analyseReasoning(completion.text, problem.answer).helpfulSelfCorrections.length > 0 &&
      completion.rewards.correctness === 1,
  )
if (corrected) {
  show.traces(
    [
      {
        title: `Step ${corrected.step}: the first that corrected itself and was right`,
        text: corrected.completion.text,
        correct: true,
      },
    ],
    corrected.problem.question,
  )
}

// %% [markdown]
// What differs is size: billions of parameters, which know language and mathematics before they are
// trained to reason, and problems of all kinds. The small model had seen its ways of reasoning in
// pretraining; GRPO found out when to use them.
//
// ## Interlude: reward hacking, on purpose
//
// A model does what is paid. Suppose that the answer check has a bug: somebody wrote `>=` for
// `===`. The interludes train fresh adapters of the small model, in short runs.

// %%
const small = isEmbedded ? base : await loadModel(embeddedFolder)
const smallTask = tasks.wordProblems({ limit: 1600, seed: seed })
const smallTest = tasks.wordProblems({ split: 'test', limit: 100 })

interface Experiment {
  name: string
  config?: Partial<GRPOConfig>
  rewards?: RewardFunction[]
  policy?: CausalLM
}

/** A short training of the small model: 8 problems a step, 8 completions each. */
async function experiment(
  maxSteps: number,
  {
    name,
    config: changed = {},
    rewards: judges = [rewards.correctness()],
    policy: trained,
  }: Experiment,
) {
  const pupil = trained ?? small.withLora(lora)
  const run = new GRPOTrainer({
    policy: pupil,
    task: smallTask,
    rewards: judges,
    config: {
      numGenerations: 8,
      perDeviceTrainBatchSize: 64,
      maxCompletionLength: 128,
      maxSteps: maxSteps,
      learningRate: 5e-3,
      lrSchedulerType: 'constant' as const,
      seed: seed,
      ...changed,
    },
  })
  const made: TrainingStep[] = []
  process.stdout.write(`${name}: `)
  for await (const step of untilInterrupted(run)) {
    made.push(step)
    process.stdout.write('.')
  }
  console.log(` ${made.reduce((sum, { metrics }) => sum + metrics.step_time, 0).toFixed(0)} s`)
  return {
    name: name,
    policy: pupil,
    steps: made,
    last: made[made.length - 1],
    findings: foundIn(made),
  }
}
type Result = Awaited<ReturnType<typeof experiment>>

/** A metric of several experiments in one chart. */
const compare = (results: readonly Result[], metric: string, title: string) => ({
  data: results.map(({ name, steps: made }) => ({
    name: name,
    x: made.map(({ step }) => step),
    y: made.map(({ metrics }) => metrics[metric]),
  })),
  layout: { title: title, xaxis: { title: 'step' }, height: 260 },
})
/** The mean of a metric over the first five steps, and over the last five. */
const between = ({ steps: made }: Result, metric: string) =>
  [made.slice(0, 5), made.slice(-5)]
    .map((some) => mean(some.map(({ metrics }) => metrics[metric])).toFixed(2))
    .join(' → ')

// %%
const atLeast: RewardFunction = {
  name: 'at_least',
  weight: 1,
  score({ completion, answer, prompt, meta }) {
    const { extracted } = rewards.grade(completion, meta.problem, prompt)
    return extracted !== null && Number(extracted) >= Number(answer) ? 1 : 0 // the bug
  },
}
const watched = rewards.correctness({ weight: 0 }) // measured, not paid
const hackLint = await rewards.lintReward(atLeast, smallTask.problems.slice(0, 10))
console.log(`self-test of ${atLeast.name}: ${hackLint.verdict}: ${hackLint.explanation}`)
const hacked = interludes
  ? await experiment(40, {
      name: 'paid with >=',
      rewards: [atLeast, watched],
      config: { learningRate: 7e-4 },
    })
  : null
const honest = interludes
  ? await experiment(40, { name: 'paid with ===', config: { learningRate: 7e-4 } })
  : null

// %%
if (interludes) {
  show.plots([
    compare([hacked, honest], 'reward', 'Reward: what is paid'),
    compare([hacked, honest], 'rewards/correctness/mean', 'Right answers: what was meant'),
  ])
  const [cheat] = hacked.last.groups.filter(({ completions }) =>
    completions.some(({ rewards: parts }) => parts.at_least === 1 && parts.correctness === 0),
  )
  if (cheat) {
    show.traces(
      cheat.completions.slice(0, 3).map(({ text, reward, rewards: parts }, i) => ({
        title: `Completion ${i + 1}`,
        text: text,
        correct: parts.correctness === 1,
        facts: { paid: reward },
      })),
      `${cheat.problem.question} (answer: ${cheat.problem.answer})`,
    )
  }
  show.findings(hacked.findings)
  show.markdown(
    `With the bug the reward went ${between(hacked, 'reward')}, and the share of right answers ${between(hacked, 'rewards/correctness/mean')}: a large number always pays now. ` +
      `With \`===\` right answers went ${between(honest, 'rewards/correctness/mean')}. What helps: test a reward on cheats before it is used, watch a second measure that is not paid, and read completions.`,
  )
}

// %% [markdown]
// ## Interlude: four troubles, provoked and cured
//
// ### 1. The model does not reason
//
// Provoked by a limit of tokens that is too small: whatever begins to reason is cut off before its
// answer and earns nothing, so training drives the reasoning out. Here the model that has learned
// to reason goes on with a small limit, and, from the same adapter, with a proper one. (What was
// driven out hardly comes back by itself: after such a mistake go back to a checkpoint.)

// %%
const learned =
  isEmbedded || !interludes ? null : (await experiment(30, { name: 'learns to reason' })).policy
if (learned) await learned.saveAdapter(path.join(outputDir, 'interludes', 'adapter'))
const reasoner = () =>
  small.withAdapter(path.join(outputDir, isEmbedded ? 'adapter' : 'interludes/adapter'))
const goOn = { learningRate: 2e-3 }
const cutOff = interludes
  ? await experiment(20, {
      name: '32 tokens',
      policy: reasoner(),
      config: { ...goOn, maxCompletionLength: 32 },
    })
  : null
const uncut = interludes
  ? await experiment(20, {
      name: '128 tokens',
      policy: reasoner(),
      config: { ...goOn, maxCompletionLength: 128 },
    })
  : null
if (interludes) {
  show.plots([
    compare([cutOff, uncut], 'reasoning/steps', 'Steps of reasoning in a completion'),
    compare([cutOff, uncut], 'completions/clipped_ratio', 'Share that is cut off'),
  ])
  show.findings(cutOff.findings)
  show.markdown(
    `Steps of reasoning in a completion: ${between(cutOff, 'reasoning/steps')} with a limit of 32 tokens, ${between(uncut, 'reasoning/steps')} with 128. ` +
      'Other cures: ask for the format in the prompt, show worked examples (`shots`), sample at a higher temperature, take a ' +
      'model that can reason at all.',
  )
}

// %% [markdown]
// ### 2. No reward variance
//
// Provoked by a temperature near 0: the completions of a group are all the same, hence their
// rewards, hence every advantage is 0. Cured by temperature 1. More completions, and problems of
// middling difficulty, help too.

// %%
const cold = interludes
  ? await experiment(8, { name: 'temperature 0.05', config: { temperature: 0.05 } })
  : null
const warm = interludes ? await experiment(8, { name: 'temperature 1' }) : null
if (interludes) {
  show.plots([
    compare([cold, warm], 'frac_reward_zero_std', 'Share of groups with equal rewards'),
    compare([cold, warm], 'diversity/unique_completions', 'Different completions of 8'),
  ])
  show.findings(cold.findings)
}

// %% [markdown]
// ### 3. The reasoning is of poor quality
//
// Provoked by a reward that counts steps of reasoning, whatever they say. The self-test finds it
// out before any training; read what the model then writes. Cured by paying for right answers and
// fining calculations that do not come out. Simpler problems, worked examples, more steps and a
// larger model help too.

// %%
const countSteps = rewards.reasoningSteps({ targetSteps: 6 })
const countLint = await rewards.lintReward(countSteps, smallTask.problems.slice(0, 10))
console.log(`self-test of ${countSteps.name}: ${countLint.verdict}`)
const unpaid = { ...soundness, weight: 0 }
const counted = interludes
  ? await experiment(24, { name: 'steps are paid', rewards: [countSteps, unpaid] })
  : null
const fined = interludes
  ? await experiment(24, {
      name: 'right answers are paid, errors fined',
      rewards: [rewards.correctness(), rewards.stepArithmetic(), unpaid],
    })
  : null

// %%
if (interludes) {
  const quality = await evaluate(
    { [counted.name]: counted.policy, [fined.name]: fined.policy },
    smallTest,
    {
      greedy: false,
      samples: 2,
      maxCompletionLength: 128,
    },
  )
  show.plots([
    compare([counted, fined], 'reasoning/steps', 'Steps of reasoning in a completion'),
    compare([counted, fined], 'rewards/soundness/mean', 'Share of calculations that hold'),
  ])
  show.table(
    quality.policies.map(({ name, sampled }) => ({
      'what counts': name,
      'accuracy (%)': estimate(sampled.accuracy),
      'reasoning steps': estimate(sampled.reasoning.meanSteps, 1, 1),
      'calculations that hold (%)': estimate(sampled.reasoning.correctEquations),
      'corrects itself (%)': estimate(sampled.reasoning.selfCorrecting),
    })),
    { caption: `${smallTest.problems.length} held-out problems, two answers to each` },
  )
  const stepsOf = (text: string) => rewards.analyseReasoning(text).steps.length
  show.traces(
    [counted, fined].map(({ name, last }) => {
      const [longest] = last.groups
        .flatMap(({ completions }) => completions)
        .sort((a, b) => stepsOf(b.text) - stepsOf(a.text))
      return { title: name, text: longest.text, facts: { steps: stepsOf(longest.text) } }
    }),
  )
  show.findings(counted.findings)
}

// %% [markdown]
// ### 4. Training is unstable
//
// Provoked by a learning rate that keeps rising to 0.04, without a limit for the gradients. `beta`
// is above 0 so that the distance to the base model (`kl`) is measured. Cured by a tenth of the
// rate and `maxGradNorm`.

// %%
const unstable = interludes
  ? await experiment(24, {
      name: 'rate up to 0.04',
      config: {
        learningRate: 0.04,
        lrSchedulerType: 'constant_with_warmup',
        warmupSteps: 20,
        maxGradNorm: 0,
        beta: 1e-3,
      },
    })
  : null
const stable = interludes
  ? await experiment(24, {
      name: 'rate 0.004',
      config: {
        learningRate: 0.004,
        lrSchedulerType: 'constant_with_warmup',
        warmupSteps: 3,
        maxGradNorm: 1,
        beta: 1e-3,
      },
    })
  : null
if (interludes) {
  show.plots([
    compare([unstable, stable], 'reward', 'Reward'),
    compare([unstable, stable], 'kl', 'Distance to the base model (kl, nats)'),
    compare([unstable, stable], 'grad_norm', 'Length of the gradient'),
  ])
  show.findings(unstable.findings)
  const rewardsOf = unstable.steps.map(({ metrics }) => metrics.reward)
  const highest = Math.max(...rewardsOf)
  show.markdown(
    `With the high rate the reward was ${highest.toFixed(2)} at its best, in step ${rewardsOf.indexOf(highest) + 1}, and ` +
      `${rewardsOf[rewardsOf.length - 1].toFixed(2)} in the last. Larger steps (more problems in each) and a pull to the base model (\`beta\`) steady it, too.`,
  )
}

// %% [markdown]
// ## Completion checklist
//
// Computed from what this run did.

// %%
const accuracyGain = paired.strict.difference
const didGain = paired.strict.pValue < 0.05 && accuracyGain.value > 0
const mixedGroups = firstGroups.filter(differ).length
const diagnosed = [cutOff, cold, counted, unstable].map((result) => result?.findings[0]?.name)
const checklist: { done: boolean; item: string; evidence: string }[] = [
  {
    done: backend.name !== 'reference',
    item: 'Environment set up',
    evidence: `backend ${backend.name}`,
  },
  { done: true, item: 'Model loaded', evidence: `${parameters.toLocaleString('en')} parameters` },
  {
    done: parameters >= 1e9,
    item: 'Model of the recommended size (1B+ parameters)',
    evidence: `${(parameters / 1e9).toPrecision(2)} B`,
  },
  {
    done: trainTask.problems.length > 0,
    item: 'Problem data set prepared',
    evidence: `${trainTask.name}: ${trainTask.problems.length} problems, ${testTask.problems.length} held out`,
  },
  {
    done: trainTask.problems.length >= 1000,
    item: 'Trains on 1,000 problems or more',
    evidence: `${new Set(steps.flatMap(({ groups }) => groups.map((one) => one.problem.id))).size} different ones were trained on`,
  },
  {
    done: groupSize >= 4,
    item: 'GRPO configured',
    evidence: `${groupSize} generations, temperature ${trainer.config.temperature}`,
  },
  {
    done: lintRows[0].verdict === 'sound',
    item: 'Reward function defined and tested',
    evidence: `${rewardFunctions.map(({ name }) => name).join(', ')}; ${lintRows[0].reward} is ${lintRows[0].verdict}`,
  },
  {
    done: trainer.isFinished,
    item: 'Training completed',
    evidence: `${trainer.step} of ${trainer.maxSteps} steps`,
  },
  {
    done: steps.every(({ groups }) =>
      groups.every(({ completions }) => completions.length === groupSize),
    ),
    item: 'Several reasoning traces for each problem',
    evidence: `${(steps.length * stepCompletions).toLocaleString('en')} completions in groups of ${groupSize}`,
  },
  {
    done: mixedGroups > 0,
    item: 'Reward distribution analysed',
    evidence: `${mixedGroups} of the first ${firstGroups.length} groups held different rewards`,
  },
  {
    done: largestDifference < 1e-6,
    item: 'Advantages worked out by hand',
    evidence: `largest difference from the library ${byRounding}`,
  },
  {
    done: didGain,
    item: 'Accuracy improved over the base model',
    evidence: `${percent(baseResult.accuracy.value)} → ${percent(trainedResult.accuracy.value)}, p = ${paired.strict.pValue.toPrecision(2)}`,
  },
  {
    done: baseResult.reasoning !== undefined,
    item: 'Reasoning quality evaluated',
    evidence: `calculations that hold: ${estimate(baseResult.reasoning.correctEquations)} → ${estimate(trainedResult.reasoning.correctEquations)} %`,
  },
  {
    done: evaluation.policies.length === 2,
    item: 'Before and after compared',
    evidence: `${testTask.problems.length} problems, paired`,
  },
  {
    done: trainedResult.reasoning.meanSteps.value >= 1,
    item: 'Model writes reasoning steps',
    evidence: `${baseResult.reasoning.meanSteps.value.toFixed(1)} → ${trainedResult.reasoning.meanSteps.value.toFixed(1)} in an answer`,
  },
  {
    done: reloadDifference === 0,
    item: 'Reasoning model saved',
    evidence: `${path.join(outputDir, 'adapter')}, loads again to the same numbers`,
  },
  {
    done: workedRight === workedExamples.length,
    item: 'The three worked examples solved',
    evidence: `${workedRight} of ${workedExamples.length}`,
  },
  {
    done: diagnosed.every((name) => name !== undefined) && countLint.verdict === 'exploitable',
    item: 'The four troubles provoked and diagnosed',
    evidence: interludes
      ? `${[...diagnosed.slice(0, 2), `reward ${countLint.verdict}`, diagnosed[2]].map((name) => name ?? 'nothing said').join(', ')}`
      : 'interludes were left out',
  },
]
show.table(
  checklist.map(({ done, item, evidence }) => ({
    '': done ? '✓' : '✗',
    item: item,
    evidence: evidence,
  })),
  { limit: 50 },
)
show.markdown(
  `${checklist.filter(({ done }) => done).length} of ${checklist.length} done, in ${((Date.now() - startedAt) / 60_000).toFixed(1)} minutes. What a run cannot do is left to you: the walk-through ` +
    'video (concept: step 5; configuration: step 4; training: step 6; demonstrations: step 7; o1 and R1: the section after it), and to publish this notebook.',
)

// %% [markdown]
// ## What to try next
//
// - Raise the weight of `soundness` in step 4 to 0.2 and run again: do fewer calculations go wrong?
// - Halve `numGenerations` and double `problemsPerStep`: as many completions, smaller groups.
// - In the first cell: `model = 'HuggingFaceTB/SmolLM2-135M-Instruct'`, `task = 'gsm8k'`,
//   `data = 'openai/gsm8k'`. A model of that size hardly ever
//   solves GSM8K: it takes a larger one, and a GPU or patience. `task = 'arithmetic'` is easier.
// - Without a browser: `npm run notebook -- -p maxSteps=200`; as a program: [README](../README.md).
