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
let numProblems = 8
let numGenerations = 8 // completions of a problem
let maxCompletionLength = 128 // tokens
let seed = 42

// %%
import * as path from 'path'
import { generate, loadModel, show, wordProblems } from 'grpo-ts'

show.setUpCharts()
const embeddedFolder = path.join(
  path.dirname(require.resolve('grpo-ts/package.json')),
  'checkpoints/word-problems-1m',
)
const base = await loadModel(model || embeddedFolder)
const policy = base.withLora({ r: 16, alpha: 32, targetModules: 'all-linear', seed: seed })
const task = wordProblems({ limit: numProblems, seed: seed })
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
import { computeAdvantages, rewards } from 'grpo-ts'

const correctness = rewards.correctness()
const scores: number[][] = []
for (const [i, completions] of sampled.entries()) {
  for (const { text, ids, finishReason } of completions) {
    const score = await correctness.score({
      problem: task.problems[i],
      promptText: prompts[i].text,
      completion: text,
      completionIds: ids,
      finishReason: finishReason,
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
const byLength = [...pushed].sort((a, b) => lengths[a] - lengths[b])
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
import * as dfd from 'danfojs-node'
import { grpoLoss, parseGRPOConfig } from 'grpo-ts'

const tf = dfd.tensorflow
const lossTypes = ['grpo', 'bnpo', 'dapo', 'dr_grpo', 'luspo', 'sapo', 'cispo', 'vespo'] as const
const configOf = (lossType: (typeof lossTypes)[number]) =>
  parseGRPOConfig({
    lossType: lossType,
    numGenerations: numGenerations,
    perDeviceTrainBatchSize: completions.length,
    gradientAccumulationSteps: 1,
    maxCompletionLength: maxCompletionLength,
    ...(lossType === 'dr_grpo' ? { scaleRewards: 'none' } : {}),
    ...(lossType === 'cispo' ? { epsilonHigh: 5 } : {}),
    ...(lossType === 'luspo' ? { importanceSamplingLevel: 'sequence' } : {}),
  })
