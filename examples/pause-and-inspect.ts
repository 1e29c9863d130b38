// A run that is put aside after some steps, looked into, and continued as if it had never stopped.
//
//     npx tsx examples/pause-and-inspect.ts [STEPS [FOLDER]]
import path from 'node:path'
import { generate, GRPOTrainer, loadModel, rewards, tasks } from 'grpo-ts'
import { readCompletions, readMetrics } from 'grpo-ts/files'

const [, , steps = '8', outputDir = 'runs/pause-and-inspect'] = process.argv
const maxSteps = Number(steps)
const model = await loadModel('word-problems-2m')
const task = tasks.wordProblems({ limit: 400 })

/** The run: the same options make the same run, and `resume` goes on with what its folder holds. */
function trainerOf(resume: boolean): GRPOTrainer {
  const policy = model.withLora({ r: 16, alpha: 32 })
  const config = {
    maxSteps,
    numGenerations: 8,
    perDeviceTrainBatchSize: 64,
    maxCompletionLength: 64,
    learningRate: 2e-3,
  }
  return new GRPOTrainer({ policy, task, rewards: [rewards.correctness()], config, outputDir, resume })
}

// A step is computed when the loop asks for it. Leaving the loop saves the adapter and a checkpoint.
for await (const { step, metrics, groups, diagnosis } of trainerOf(false)) {
  console.log(`step ${step}: reward ${metrics.reward?.toFixed(2)}, gradient ${metrics.grad_norm.toFixed(3)}`)
  for (const { message } of diagnosis) console.log(message)
  if (step < maxSteps / 2) continue

  // The groups of the last step as they are in memory: what was asked and answered, and where it is pushed to.
  // Of a group that did equally well all advantages are 0.
  const group = groups.find(({ completions }) => completions.some(({ advantage }) => advantage !== 0))
  console.log(`\n${group?.problem.question} (${group?.problem.answer})`)
  for (const { text, reward, advantage } of group?.completions ?? []) {
    console.log(`reward ${reward}, advantage ${advantage.toFixed(2)}: ${JSON.stringify(text)}`)
  }
  break
}

// The same from the folder, by any process and at any time.
const metrics = await readMetrics(outputDir)
console.log(`\nrewards so far: ${metrics.map(({ reward }) => reward?.toFixed(2)).join(', ')}`)
let longest = ''
for await (const { completion } of readCompletions(outputDir)) {
  if (completion.length > longest.length) longest = completion
}
console.log(`the longest completion so far: ${JSON.stringify(longest)}`)

// The adapter as it is now, asked a question.
const saved = model.withAdapter(path.join(outputDir, 'adapter'))
const { ids } = task.prompt(task.problems[0]!, model.tokenizer)
const [[answer] = []] = await generate(saved, [ids], { maxCompletionLength: 64, temperature: 0 })
console.log(`the adapter answers: ${JSON.stringify(answer?.text)}\n`)

// And on: this is the step that would have come next, bit for bit.
for await (const { step, metrics } of trainerOf(true)) {
  console.log(`step ${step}: reward ${metrics.reward?.toFixed(2)}, gradient ${metrics.grad_norm.toFixed(3)}`)
}
