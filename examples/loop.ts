// GRPO written out with the parts that GRPOTrainer is made of; what is left out are checkpoints, metrics and options.
//
//     npx tsx examples/loop.ts [STEPS]
//
// The small model that comes with the package learns to reason about word problems, in about a second a step.
import { generate, loadModel, rewards, tasks } from 'grpo-ts'
import { AdamW, clipGradNorm, computeAdvantages } from 'grpo-ts/parts'
import { lossValues, microBatchLoss, parseGRPOConfig, unpadRows } from 'grpo-ts/parts'

const steps = Number(process.argv[2] ?? 30)
const numProblems = 16
const numGenerations = 8
// What is not said here is as in TRL: loss type dapo, ratios clipped to 1 ± 0.2, no KL term.
const config = parseGRPOConfig({ numGenerations, maxCompletionLength: 128, learningRate: 2e-3 })

const model = await loadModel('word-problems-2m')
const policy = model.withLora({ r: 16, alpha: 32 }) // the frozen model and an adapter that changes nothing yet
const { parameters } = policy.trained
const optimizer = new AdamW(parameters.values.length, config)
const task = tasks.wordProblems({ limit: steps * numProblems })
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

for (let step = 0; step < steps; step++) {
  // 1. The policy as it is answers each problem several times: a group.
  const problems = task.problems.slice(step * numProblems, (step + 1) * numProblems)
  const prompts = problems.map((problem) => task.prompt(problem, policy.tokenizer).ids)
  const { maxCompletionLength } = config
  const groups = await generate(policy, prompts, { numGenerations, maxCompletionLength, seed: step })
  const completions = groups.flatMap((group, g) =>
    group.map((completion) => ({ ...completion, problem: problems[g]!, promptIds: prompts[g]! })),
  )

  // 2. The reward: 1 for a right answer, else 0. Nothing is paid for reasoning.
  const scores = completions.map(({ text, problem }) => (rewards.grade(text, problem).correct ? 1 : 0))

  // 3. The advantage: how much better than its group an answer was, (reward - mean) / standard deviation.
  const { advantages } = computeAdvantages(
    scores.map((score) => [score]),
    { numGenerations },
  )

  // 4. Log-probabilities of the answers' tokens. Where all of a group did equally well, there is nothing to learn.
  const rows = completions
    .map(({ promptIds, ids }, i) => ({ promptIds, completionIds: ids, advantage: advantages[i]! }))
    .filter(({ advantage }) => advantage !== 0)
  const recording = await policy.engineModel.record(rows, { temperature: 1 })

  // 5. The loss and its derivatives: tokens become likelier where the advantage is above 0, else less likely.
  const numItemsInBatch = sum(completions.map(({ ids }) => ids.length))
  const { dLogProbs } = microBatchLoss(lossValues(rows, recording), { numItemsInBatch }, config)

  // 6. Back through the model to the adapter, and a step of AdamW.
  const gradients = new Float32Array(parameters.values.length)
  await recording.gradient(unpadRows(dLogProbs, rows), null, gradients)
  const gradNorm = clipGradNorm(gradients, config.maxGradNorm)
  parameters.update((values) => {
    optimizer.step(values, gradients, config.learningRate)
  })

  const [reward, tokens] = [sum(scores) / scores.length, numItemsInBatch / completions.length]
  console.log({ step: step + 1, reward, tokens, gradNorm })
}
await policy.saveAdapter('runs/loop/adapter')
