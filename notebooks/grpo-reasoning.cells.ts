// %% [markdown]
// # Teaching a language model to reason with GRPO
//
// A *reasoning model* writes the steps to an answer before the answer. GRPO (Group Relative Policy Optimization) trains one with
// nothing but problems and a way to check answers; nobody has to write the reasoning:
//
// 1. the model answers each problem several times: a *group* of completions;
// 2. *reward functions*, ordinary TypeScript, score each completion;
// 3. completions that did better than the rest of their group become likelier, the others less likely;
// 4. again, with other problems.
//
// This notebook does that in seven steps. As it stands it makes a tiny model of random weights and trains it on small sums, so that all
// of it runs in about a minute on any computer. Such a model knows nothing: it finds out by trying what an answer looks like, and learns
// the sums that it trains on by heart; it does not learn to add. With a pretrained model the same cells train real reasoning:
//
// `npm run notebook -- -p model=/path/to/SmolLM2-135M-Instruct -p task=gsm8k -p data=/path/to/gsm8k -p learningRate=1e-5 -p problemsPerStep=4 -p numGenerations=8 -p maxCompletionLength=256`

// %% tags=["parameters"]
let model = '' // folder of a Hugging Face model; empty: a tiny model of random weights, made here
let task = 'sums' // or 'gsm8k'
let data = '' // gsm8k: the file or folder with its problems
let maxSteps = 100 // training steps
let problemsPerStep = 20
let numGenerations = 16 // completions for each problem: the size of a group
let maxCompletionLength = 3 // tokens
let learningRate = 3e-3
let evaluationProblems = 32
let seed = 42
let outputDir = 'runs/notebook'

// %% [markdown]
// ## 1. Environment
//
// Everything runs inside this Node process. grpo-ts takes the fastest *backend* (the engine that computes with tensors) that works on
// this machine and says why.

// %%
import * as os from 'os'
import { versions } from 'tslab'
import { selectBackend } from 'grpo-ts'

const backend = await selectBackend()
const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
console.log(
  `grpo-ts ${require('grpo-ts/package.json').version}, Node ${versions.node}, tslab ${versions.tslab}, TypeScript ${versions.typescript}`,
)
console.log(`backend: ${backend.name}, ${backend.why}`)
console.log(`processor: ${os.cpus().length} x ${os.cpus()[0]?.model}`)
console.log(
  `memory: ${gibibytes(os.freemem())} of ${gibibytes(os.totalmem())} free, this process uses ${gibibytes(process.memoryUsage().rss)}`,
)

// %% [markdown]
// ## 2. Load a model
//
// The model's own weights stay frozen. LoRA adds a small trainable update to every linear layer: two thin matrices, A and B, whose
// product is added to the layer's weight. B starts at zero, so that the new model, the *policy*, at first does exactly what the *base*
// model does.

// %%
import { createTinyModel, loadModel } from 'grpo-ts'

const modelFolder = model || `${outputDir}/tiny-model`
if (!model) createTinyModel(modelFolder, { seed: seed })
const base = await loadModel(modelFolder)
const policy = base.withLora({ r: 16, alpha: 32, targetModules: 'all-linear', seed: seed })

const trainable = policy.adapter.parameters().reduce((sum, { variable }) => sum + variable.size, 0)
console.log(
  `${base.config.architecture}: ${base.config.numLayers} layers of width ${base.config.hiddenSize}, a vocabulary of ${base.config.vocabularySize} tokens`,
)
console.log(`LoRA: ${trainable.toLocaleString('en')} trainable parameters`)

// %% [markdown]
// ## 3. Problems
//
// A problem is a question and its final answer. No worked solution is needed: the model finds its own. The test split holds problems
// that training never sees; step 7 uses them.

// %%
import { display } from 'tslab'

const escapeHtml = (value: unknown) => String(value).replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
const formatValue = (value: unknown) =>
  typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(3) : String(value ?? '–')

/** A table with a row for each object. */
function table(rows: Record<string, unknown>[]): string {
  const cells = (tag: string, values: unknown[]) =>
    values
      .map(
        (value) => `<${tag} style="text-align: left; white-space: pre-wrap">${escapeHtml(formatValue(value))}</${tag}>`,
      )
      .join('')
  const body = rows.map((row) => `<tr>${cells('td', Object.values(row))}</tr>`).join('')
  return `<table><thead><tr>${cells('th', Object.keys(rows[0] ?? {}))}</tr></thead><tbody>${body}</tbody></table>`
}

// %%
import { loadTask } from 'grpo-ts'

// The tiny model gets bare sums such as 3+4= to complete; a pretrained one is asked: What is 37 + 6?
const taskOptions =
  task === 'gsm8k' ? { data: data } : model ? { seed: seed } : { bare: true, maxOperand: 5, seed: seed }
const trainTask = await loadTask(task, { ...taskOptions, split: 'train' })
const testTask = await loadTask(task, { ...taskOptions, split: 'test', limit: evaluationProblems })

console.log(`${trainTask.problems.length} problems to train on, ${testTask.problems.length} to evaluate with`)
display.html(
  table(trainTask.problems.slice(0, 5).map(({ question, answer }) => ({ question: question, answer: answer }))),
)
console.log(`The first prompt, as the model gets it:\n${trainTask.prompt(trainTask.problems[0], base.tokenizer).text}`)

// %% [markdown]
// ## 4. Rewards and configuration
//
// A reward function gets a completion and its problem and returns a number. `correctness` pays for the right answer, `format` for the
// form that the problem asks for. The third one is written here and gives partial credit for a number near the answer. Its weight is
// small, since a model does whatever is rewarded: if being close paid well, there would be little reason to be right. Change it and run
// the cells from step 2 on again.

// %%
import { rewards } from 'grpo-ts'
import type { RewardFunction } from 'grpo-ts'

const closeness: RewardFunction = {
  name: 'closeness',
  weight: 0.2,
  score({ completion, problem, promptText }) {
    const { extracted } = rewards.grade(completion, problem, promptText) // the number that the completion answers with
    return extracted === null ? 0 : 1 / (1 + Math.abs(Number(extracted) - Number(problem.answer))) // 1, off by one 1/2, by two 1/3 …
  },
}
const rewardFunctions = [rewards.correctness(), rewards.format({ weight: 0.2 }), closeness]

/** The weighted sum of a completion's scores, as the trainer adds them up. */
const totalReward = (scores: number[]) =>
  scores.reduce((sum, score, column) => sum + rewardFunctions[column].weight * score, 0)

// %% [markdown]
// Options have the names of TRL's `GRPOConfig`, and its defaults where they are not given here.

// %%
import type { GRPOConfig } from 'grpo-ts'

const microBatches = model ? problemsPerStep : 1 // a large model takes one group at a time, which needs less memory
const config: Partial<GRPOConfig> = {
  numGenerations: numGenerations, // completions in a group
  perDeviceTrainBatchSize: (problemsPerStep * numGenerations) / microBatches, // completions in a micro-batch
  gradientAccumulationSteps: microBatches, // micro-batches in a step; the result does not depend on how a step is cut up
  maxSteps: maxSteps, // steps, each of them one update of the weights
  maxCompletionLength: maxCompletionLength, // tokens after which a completion is cut off
  temperature: 1, // how freely tokens are sampled; below 1 the group becomes more alike and there is less to compare
  scaleRewards: 'group', // advantages in units of the group's standard deviation
  lossType: 'dapo', // each token of the step counts the same, whatever the length of its completion
  epsilon: 0.2, // no token is pushed further than to 1 ± 0.2 times its probability when it was sampled; only matters if numIterations > 1
  beta: 0, // strength of the pull back to the base model; 0: none
  entropyCoef: model ? 0 : 0.05, // a bonus for staying undecided; random weights need it to go on trying
  learningRate: learningRate, // size of an update; for pretrained models with LoRA 1e-6 to 1e-5
  lrSchedulerType: 'cosine', // it falls to 0 at the last step
  maxGradNorm: 1, // larger gradients are scaled down to this norm
  seed: seed, // the same seed gives the same run
}

// %% [markdown]
// ## 5. Reasoning traces: one group
//
// The policy answers one problem several times. Whether a reward is good or bad shows only in comparison: 0.3 is much for a hard problem
// and little for an easy one. The rest of the group had the same problem, so its mean is what was to be expected; other methods (PPO)
// train a second network to predict it. The *advantage* of a completion is its reward minus the group's mean, divided by the group's
// standard deviation:
//
// $$A_i = \frac{r_i - \operatorname{mean}(r)}{\operatorname{std}(r) + 10^{-4}}$$
//
// Worked by hand, next to what the trainer uses:

// %%
import { computeAdvantages, generate } from 'grpo-ts'

const problem = trainTask.problems[0]
const prompt = trainTask.prompt(problem, policy.tokenizer)
const [group] = await generate(policy, [prompt.ids], {
  numGenerations: numGenerations,
  maxCompletionLength: maxCompletionLength,
  seed: seed,
})

const scores: number[][] = [] // a row for each completion, a column for each reward function
for (const { text, ids, finishReason } of group) {
  const row: number[] = []
  for (const reward of rewardFunctions) {
    row.push(
      await reward.score({
        problem: problem,
        promptText: prompt.text,
        completion: text,
        completionIds: ids,
        finishReason: finishReason,
      }),
    )
  }
  scores.push(row)
}

const totals = scores.map(totalReward)
const mean = totals.reduce((sum, total) => sum + total, 0) / totals.length
const std = Math.sqrt(totals.reduce((sum, total) => sum + (total - mean) ** 2, 0) / (totals.length - 1))
const byHand = totals.map((total) => (total - mean) / (std + 1e-4))
const { advantages } = computeAdvantages(scores, {
  numGenerations: numGenerations,
  rewardWeights: rewardFunctions.map(({ weight }) => weight),
})

console.log(`${problem.question}   (answer: ${problem.answer})`)
display.html(
  table(
    group.map(({ text }, index) => ({
      completion: text,
      ...Object.fromEntries(rewardFunctions.map(({ name }, column) => [name, scores[index][column]])),
      reward: totals[index],
      'advantage by hand': byHand[index],
      advantage: advantages[index],
    })),
  ),
)
console.log(`mean ${mean.toFixed(3)}, standard deviation ${std.toFixed(3)}`)

// %%
const best = advantages.indexOf(Math.max(...advantages))
const worst = advantages.indexOf(Math.min(...advantages))
display.markdown(
  advantages.every((advantage) => advantage === 0)
    ? `All ${numGenerations} completions got the reward ${mean.toFixed(3)}: every advantage is 0 and this group teaches nothing. Problems that are neither too easy nor too hard, a higher temperature or a finer reward help.`
    : `Completion ${best + 1} got ${totals[best].toFixed(3)}, which is ${advantages[best].toFixed(2)} standard deviations above its group's mean of ${mean.toFixed(3)}: training makes its tokens likelier. ` +
        `Completion ${worst + 1} got ${totals[worst].toFixed(3)}, ${Math.abs(advantages[worst]).toFixed(2)} below the mean: its tokens become less likely. ` +
        `The advantages of a group add up to 0: GRPO moves probability from the worse completions to the better ones.`,
)

// %% [markdown]
// ## 6. Training
//
// The trainer is an async iterator: each turn is one step, with its metrics (TRL's names) and its groups. The curves show the mean
// reward of each step's completions and the mean of each reward function. `frac_reward_zero_std` is the fraction of groups whose rewards
// were all equal, `entropy` how freely the model still chooses its tokens. ■ (interrupt) stops the training; the cells below then show
// what was learned so far.

// %%
import { GRPOTrainer } from 'grpo-ts'
import type { TrainingStep } from 'grpo-ts'

const colors = ['#1f77b4', '#ff7f0e', '#2ca02c', '#d62728']

/** A picture of some curves over the steps. It is an image, so that it also shows where a notebook is not trusted. */
function chart(title: string, curves: Record<string, number[]>): string {
  const [width, height, left, top] = [640, 260, 50, 30]
  const values = Object.values(curves).flat().filter(Number.isFinite)
  const [low, high] = [Math.min(0, ...values), Math.max(0.1, ...values)]
  const x = (step: number) => left + ((width - left - 20) * step) / Math.max(1, maxSteps - 1)
  const y = (value: number) => height - top - ((height - 2 * top) * (value - low)) / (high - low)
  const lines = Object.entries(curves).map(([name, curve], index) => {
    const points = curve.map((value, step) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
    return (
      `<polyline fill="none" stroke="${colors[index]}" stroke-width="2" points="${points}"/>` +
      `<text x="${left + 110 * index}" y="${height - 8}" fill="${colors[index]}">${escapeHtml(name)}</text>`
    )
  })
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">` +
    `<rect width="100%" height="100%" fill="#fff"/><text x="${left}" y="18" font-size="14">${escapeHtml(title)}</text>` +
    `<path d="M${left} ${top}V${height - top}H${width - 20}" fill="none" stroke="#999"/>` +
    [low, high]
      .map((value) => `<text x="${left - 6}" y="${y(value) + 4}" text-anchor="end">${value.toFixed(2)}</text>`)
      .join('') +
    `${lines.join('')}</svg>`
  return `<img alt="${escapeHtml(title)}" src="data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}">`
}

const stop = new AbortController()
const trainer = new GRPOTrainer({
  policy: policy,
  task: trainTask,
  rewards: rewardFunctions,
  config: config,
  outputDir: outputDir,
  signal: stop.signal,
})
const steps: TrainingStep[] = []

// %%
import { newDisplay } from 'tslab'

await null // lets plain tslab see that this cell is asynchronous
const interrupt = () => stop.abort()
process.once('SIGINT', interrupt)
const progress = newDisplay()
try {
  for await (const step of trainer) {
    steps.push(step)
    const curves = { reward: steps.map(({ metrics }) => metrics.reward) }
    for (const { name } of rewardFunctions) curves[name] = steps.map(({ metrics }) => metrics[`rewards/${name}/mean`])
    const rows = steps.slice(-5).map(({ step: index, metrics }) => ({
      step: index,
      reward: metrics.reward,
      reward_std: metrics.reward_std,
      frac_reward_zero_std: metrics.frac_reward_zero_std,
      'completions/mean_length': metrics['completions/mean_length'],
      entropy: metrics.entropy,
      grad_norm: metrics.grad_norm,
    }))
    progress.html(chart(`step ${step.step} of ${step.maxSteps}`, curves) + table(rows))
  }
} finally {
  process.removeListener('SIGINT', interrupt)
}

// %%
const ofSteps = (name: string) => steps.map(({ metrics }) => metrics[name])
const meanOf = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const few = Math.ceil(steps.length / 10)
console.log(
  `reward: ${meanOf(ofSteps('reward').slice(0, few)).toFixed(3)} in the first tenth of the steps, ${meanOf(ofSteps('reward').slice(-few)).toFixed(3)} in the last`,
)
console.log(
  `speed: ${meanOf(ofSteps('step_time')).toFixed(2)} s a step, ${meanOf(ofSteps('tokens_per_second')).toFixed(0)} completion tokens/s`,
)
console.log(
  `log-probabilities when sampling and when training: largest difference ${Math.max(...ofSteps('sampling/sampling_logp_difference/max')).toExponential(1)}`,
)
console.log(`memory: at most ${gibibytes(process.resourceUsage().maxRSS * 1024)}`)

// %% [markdown]
// ## 7. Evaluation
//
// Base and trained model answer the same problems with the same seeds, so that every problem is a pair. The pairs in which only one of
// them is right tell whether training helped: had it changed nothing, there would be about as many of one kind as of the other. Only
// the held-out problems tell whether the model learned something that carries over; those that it trained on it may know by heart.

// %%
interface Answer {
  text: string
  scores: number[]
  reward: number
  correct: boolean
}

/** One completion for each of a task's problems. */
async function answerAll(model: typeof base, asked: typeof testTask): Promise<Answer[]> {
  const problems = asked.problems.slice(0, evaluationProblems)
  const prompts = problems.map((problem) => asked.prompt(problem, model.tokenizer))
  const completions = await generate(
    model,
    prompts.map(({ ids }) => ids),
    { maxCompletionLength: maxCompletionLength, seed: seed },
  )
  const answers: Answer[] = []
  for (const [index, [{ text, ids, finishReason }]] of completions.entries()) {
    const input = {
      problem: problems[index],
      promptText: prompts[index].text,
      completion: text,
      completionIds: ids,
      finishReason: finishReason,
    }
    const row: number[] = []
    for (const reward of rewardFunctions) row.push(await reward.score(input))
    const { correct } = rewards.grade(text, problems[index], prompts[index].text)
    answers.push({ text: text, scores: row, reward: totalReward(row), correct: correct })
  }
  return answers
}

const seen = new Set(steps.flatMap(({ groups }) => groups.map(({ problem }) => problem)))
const seenTask = { ...trainTask, problems: [...seen] }
const before = { 'trained on': await answerAll(base, seenTask), 'held out': await answerAll(base, testTask) }
const after = { 'trained on': await answerAll(policy, seenTask), 'held out': await answerAll(policy, testTask) }

// %%
const average = (answers: Answer[], value: (answer: Answer) => number) =>
  answers.reduce((sum, answer) => sum + value(answer), 0) / answers.length
const means: Record<string, unknown>[] = []
const pairs: Record<string, unknown>[] = []
for (const problems of ['trained on', 'held out']) {
  for (const [name, answers] of [
    ['base', before[problems]],
    ['trained', after[problems]],
  ]) {
    means.push({
      problems: problems,
      model: name,
      'mean reward': average(answers, ({ reward }) => reward),
      ...Object.fromEntries(
        rewardFunctions.map((reward, column) => [reward.name, average(answers, ({ scores }) => scores[column])]),
      ),
    })
  }
  const count = (holds: (base: Answer, trained: Answer) => boolean) =>
    before[problems].filter((answer: Answer, index: number) => holds(answer, after[problems][index])).length
  pairs.push({
    problems: problems,
    pairs: before[problems].length,
    'both right': count((b, t) => b.correct && t.correct),
    'only base right': count((b, t) => b.correct && !t.correct),
    'only trained right': count((b, t) => !b.correct && t.correct),
    'neither right': count((b, t) => !b.correct && !t.correct),
    'reward up': count((b, t) => t.reward > b.reward),
    'reward down': count((b, t) => t.reward < b.reward),
  })
}
display.html(table(means) + table(pairs))

// %%
const sideBySide = (asked: typeof testTask, problems: string) =>
  asked.problems.slice(0, Math.min(5, evaluationProblems)).map(({ question, answer }, index) => ({
    problems: problems,
    question: question,
    answer: answer,
    base: before[problems][index].text,
    trained: after[problems][index].text,
  }))
display.html(table([...sideBySide(seenTask, 'trained on'), ...sideBySide(testTask, 'held out')]))

// %% [markdown]
// The adapter is what was trained. It is saved in PEFT's layout, which Python's `peft` and other tools read too. Loaded again it gives
// exactly the log-probabilities of the trained model.

// %%
import { scoreTokens } from 'grpo-ts'

policy.saveAdapter(`${outputDir}/adapter`)
const reloaded = base.withAdapter(`${outputDir}/adapter`)
const sequences = group.map(({ ids }) => ({ inputIds: [...prompt.ids, ...ids], promptLength: prompt.ids.length }))
const trainedScores = await scoreTokens(policy, sequences)
const reloadedScores = await scoreTokens(reloaded, sequences)
const differences = trainedScores.flatMap(({ logProbs }, row) =>
  logProbs.map((value, column) => Math.abs(value - reloadedScores[row].logProbs[column])),
)
console.log(
  `${outputDir}/adapter: largest difference of a log-probability after loading it again: ${Math.max(...differences)}`,
)
