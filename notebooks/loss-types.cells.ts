// %% [markdown]
// # Loss types: how much a token counts
//
// GRPO gives every completion an advantage: above 0 its tokens become likelier, below 0 less likely.
// How hard each *token* is pushed depends on the `lossType`, and that is mostly a matter of length: does
// a long completion count as much as a short one, or as much as its tokens do? This notebook
// takes one batch of completions and computes, for every loss type, the push on each token and the
// gradient of the weights. Nothing is trained.

// %% tags=["parameters"]
let model = '' // a folder or a Hub id; empty: the small model of grpo-ts
let numProblems = 16
let numGenerations = 8 // completions of a problem
let maxCompletionLength = 128 // tokens
let seed = 42

// %%
import * as path from 'path'
import { generate, loadModel, show, tasks } from 'grpo-ts'

show.setUpCharts()
const embeddedFolder = 'word-problems-2m'
const base = await loadModel(model || embeddedFolder)
const policy = base.withLora({ r: 16, alpha: 32, targetModules: 'all-linear', seed: seed })
const task = tasks.wordProblems({ limit: numProblems, seed: seed })
const prompts = task.problems.map((problem) => task.prompt(problem, policy.tokenizer))
const sampled = await generate(
  policy,
  prompts.map(({ ids }) => ids),
  {
    numGenerations: numGenerations,
    maxCompletionLength: maxCompletionLength,
    temperature: 1,
    seed: seed,
  },
)

// %% [markdown]
// ## 1. One batch
//
// A group of completions for each problem, with rewards and advantages. The loss types get the same.

// %%
import { rewards } from 'grpo-ts'
import { computeAdvantages } from 'grpo-ts/parts'

const correctness = rewards.correctness()
const scores: number[][] = []
for (const [i, completions] of sampled.entries()) {
  for (const { text, ids, finishReason } of completions) {
    const score = await correctness.score({
      prompt: prompts[i].text,
      completion: text,
      answer: task.problems[i].answer,
      ids: ids,
      meta: { problem: task.problems[i], finishReason: finishReason },
    })
    scores.push([score])
  }
}
const { advantages } = computeAdvantages(scores, { numGenerations: numGenerations })
const completions = sampled.flatMap((group, i) =>
  group.map((completion) => ({ ...completion, promptIds: prompts[i].ids })),
)
const lengths = completions.map(({ ids }) => ids.length)
const totalTokens = lengths.reduce((sum, length) => sum + length, 0)

// A short and a long completion that are pushed: the ones to look at below.
const pushed = completions.map((_, i) => i).filter((i) => advantages[i] !== 0)
const byLength = [...(pushed.length > 1 ? pushed : completions.keys())].sort((a, b) => lengths[a] - lengths[b])
const [short, long] = [byLength[0], byLength[byLength.length - 1]]
show.markdown(
  `${completions.length} completions with ${totalTokens} tokens; ${pushed.length} have an advantage that is not 0.`,
)
show.histogram(
  { completions: lengths },
  { title: 'Length of the completions', xaxis: { title: 'tokens' } },
)
show.traces(
  [short, long].map((i) => ({
    title: i === short ? 'The shortest that is pushed' : 'The longest that is pushed',
    text: completions[i].text,
    correct: scores[i][0] === 1,
    facts: { tokens: lengths[i], advantage: advantages[i] },
  })),
)

// %% [markdown]
// ## 2. The push on a token
//
// With a batch that was just sampled every loss is a sum of $-w_i A_i \log\pi(\text{token})$ over the
// tokens, and the loss types differ in the weight $w_i$ of a token of completion $i$. With $B$
// completions, $L_i$ tokens in completion $i$ and $N$ tokens in all:
//
// | loss type | weight of a token | what counts the same |
// |---|---|---|
// | `grpo` ([DeepSeekMath](https://arxiv.org/abs/2402.03300)), `sapo` | $1 / (B L_i)$ | each completion |
// | `bnpo` | $1 / N$, of the tokens computed together | each token |
// | `dapo` ([DAPO](https://arxiv.org/abs/2503.14476)), `cispo`, `vespo` | $1 / N$, of the whole batch | each token |
// | `dr_grpo` ([Dr. GRPO](https://arxiv.org/abs/2503.20783)) | $1 / (B \cdot$ `maxCompletionLength`$)$ | each token, in every step |
// | `luspo` | $1 / B$ | each token, unscaled; made for ratios of whole completions |
//
// Below this is not taken from the table but computed: `grpoLoss` is the library's loss, and
// tfjs differentiates it with respect to the log-probability of each token.

// %%
import { grpoLoss, parseGRPOConfig, tf } from 'grpo-ts/parts'

const lossTypes = ['grpo', 'bnpo', 'dapo', 'dr_grpo', 'luspo', 'sapo', 'cispo', 'vespo'] as const
type LossType = (typeof lossTypes)[number]
const configOf = (lossType: LossType, microBatches = 1) =>
  parseGRPOConfig({
    lossType: lossType,
    numGenerations: numGenerations,
    perDeviceTrainBatchSize: completions.length / microBatches,
    gradientAccumulationSteps: microBatches,
    maxCompletionLength: maxCompletionLength,
    epsilonHigh: lossType === 'cispo' ? 5 : null,
    importanceSamplingLevel: lossType === 'luspo' ? 'sequence' : 'token',
  })

/** The weight of a token of each completion, with the batch computed at once or in several micro-batches. */
function tokenWeights(lossType: LossType, microBatches = 1): number[] {
  const config = configOf(lossType, microBatches)
  const size = completions.length / microBatches
  const weights: number[] = []
  for (let start = 0; start < completions.length; start += size) {
    const rows = completions.slice(start, start + size)
    const width = Math.max(...rows.map(({ ids }) => ids.length))
    const pad = (values: readonly number[]) =>
      Array.from({ length: width }, (_, t) => values[t] ?? 0)
    const mask = rows.map(({ ids }) => pad(ids.map(() => 1)))
    // Every advantage is 1 here, so that the gradient of a token is its weight.
    const gradient = tf.tidy(() =>
      tf.grad((logProbs) =>
        grpoLoss(
          {
            logProbs: logProbs as tf.Tensor2D,
            completionMask: tf.tensor2d(mask),
            advantages: tf.ones([rows.length]),
            numItemsInBatch: totalTokens,
            gradientAccumulationSteps: microBatches,
            stepsPerGeneration: microBatches,
            entropyCoef: 0,
          },
          config,
        ),
      )(tf.tensor2d(rows.map(({ logProbs }) => pad(logProbs)))),
    )
    const values = gradient.arraySync() as number[][]
    gradient.dispose()
    weights.push(...values.map(([first]) => -first)) // the first token; the others have the same
  }
  return weights
}

const weights = Object.fromEntries(lossTypes.map((lossType) => [lossType, tokenWeights(lossType)]))
const inFour = Object.fromEntries(
  lossTypes.map((lossType) => [lossType, tokenWeights(lossType, 4)]),
)
const ratio = (values: readonly number[]) => values[short] / values[long]
show.table(
  lossTypes.map((lossType) => ({
    'loss type': lossType,
    [`token of the short one (${lengths[short]} tokens)`]: weights[lossType][short],
    [`token of the long one (${lengths[long]} tokens)`]: weights[lossType][long],
    'short : long, a token': ratio(weights[lossType]),
    'short : long, the whole':
      (ratio(weights[lossType]) * lengths[short]) / lengths[long],
    'short : long, a token, in 4 parts': ratio(inFour[lossType]),
  })),
  { caption: 'Weight of a token in the gradient' },
)

// %% [markdown]
// The last column computes the same batch in four parts, as one does when memory is short. `bnpo`
// then divides by the tokens of each part, so a token in a part with few tokens counts more; for
// the others the parts make no difference.
//
// ## 3. Short and long completions
//
// Every dot is a completion. The weights are divided by their mean, since a common factor of all
// of them changes nothing: AdamW divides it out again (gradient clipping aside). (`dr_grpo` keeps the factor the same from step
// to step, where `dapo` divides by what was sampled: here their dots lie on each other.)

// %%
const charted: LossType[] = ['grpo', 'bnpo', 'dapo', 'dr_grpo']
const average = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length
const dots = (of: (lossType: LossType, i: number) => number) =>
  charted.map((lossType) => {
    const values = completions.map((_, i) => of(lossType, i))
    const mean = average(values)
    const order = completions.map((_, i) => i).sort((a, b) => lengths[a] - lengths[b])
    return {
      name: lossType,
      mode: 'markers' as const,
      x: order.map((i) => lengths[i]),
      y: order.map((i) => values[i] / mean),
    }
  })
show.plots([
  {
    data: dots((lossType, i) => inFour[lossType][i]),
    layout: { title: 'Weight of a token', xaxis: { title: 'tokens in the completion' } },
  },
  {
    data: dots((lossType, i) => inFour[lossType][i] * lengths[i]),
    layout: {
      title: 'Weight of the whole completion',
      xaxis: { title: 'tokens in the completion' },
    },
  },
])

// %% [markdown]
// With `grpo` each completion weighs the same, so a token of a long one weighs little: a long wrong
// answer is hardly punished for its length, and a short right answer is pushed hard. That is the
// length bias that DAPO and Dr. GRPO take away.
//
// ## 4. The gradient of the weights
//
// The same batch with its advantages through the model: `PolicyUpdate` adds up the gradients of the
// adapter and is then asked to forget them. The cosine says how far two gradients point the same
// way: 1 is the same direction.

// %%
import { PolicyUpdate } from 'grpo-ts/parts'

const trainingRows = completions.map(({ promptIds, ids, logProbs }, i) => ({
  promptIds: promptIds,
  completionIds: ids,
  advantage: advantages[i],
  inLoss: true,
  samplingLogProbs: logProbs,
  samplingEntropies: null,
  oldLogProbs: null,
  refLogProbs: null,
}))
const gradients: Record<string, Float32Array> = {}
for (const lossType of lossTypes) {
  const update = new PolicyUpdate(policy, configOf(lossType), 1)
  await update.accumulate(trainingRows, {
    numItemsInBatch: totalTokens,
    gradientAccumulationSteps: 1,
    stepsPerGeneration: 1,
  })
  gradients[lossType] = update.gradients
  update.discard()
}
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i], 0)
const norm = (a: Float32Array) => Math.sqrt(dot(a, a))
const cosine = (a: Float32Array, b: Float32Array) => dot(a, b) / (norm(a) * norm(b))
/** How much of the push, without its sign, goes to the longer half of the completions that are pushed. */
const shareOfLong = (lossType: LossType) => {
  const push = (i: number) => Math.abs(advantages[i]) * weights[lossType][i] * lengths[i]
  const total = byLength.reduce((sum, i) => sum + push(i), 0)
  return byLength.slice(Math.ceil(byLength.length / 2)).reduce((sum, i) => sum + push(i), 0) / total
}
show.table(
  lossTypes.map((lossType) => ({
    'loss type': lossType,
    'length of the gradient': norm(gradients[lossType]),
    'cosine to grpo': cosine(gradients[lossType], gradients.grpo),
    'cosine to dapo': cosine(gradients[lossType], gradients.dapo),
    'share of the push in the longer half': shareOfLong(lossType),
  })),
)

// %% [markdown]
// ## Which one?
//
// `dapo` is the default, here as in TRL. Take `dr_grpo`, with `scaleRewards: 'none'`, where
// completions grow without getting better; `grpo` to repeat older work. Types that agree above
// (`dapo`, `cispo`, `vespo`; `grpo`, `sapo`) part when a batch is trained on several times
// (`numIterations`): then they differ in what they do with tokens whose probability has changed.
// `lossType` is an option of the trainer and of the command line (`--loss-type dapo`).
