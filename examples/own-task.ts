// A task and a reward of one's own: made-up shopping problems, paid for right answers and a little for showing the work.
//
//     npx tsx examples/own-task.ts [STEPS]
import { describeComparison, evaluate, GRPOTrainer, loadModel, rewards, tasks } from 'grpo-ts'
import type { RewardSample } from 'grpo-ts'

const maxSteps = Number(process.argv[2] ?? 30)

/** Problems are `{ question, answer }`. Each split has numbers of its own: the same sum with another name would be no new problem. */
function problems(split: 'train' | 'test'): { question: string; answer: string }[] {
  const people = ['Tom', 'Anna', 'Ben', 'Lisa', 'Max', 'Emma']
  const made: { question: string; answer: string }[] = []
  for (let price = 2; price <= 6; price++) {
    for (let count = 2; count <= 6; count++) {
      for (let left = 1; left <= 12; left++) {
        if (((price + count + left) % 4 === 0) !== (split === 'test')) continue
        const bought = `buys ${count} books for ${price} dollars each`
        const question = `${people[made.length % 6]} has ${price * count + left} dollars and ${bought}. How many dollars are left?`
        made.push({ question, answer: String(left) })
      }
    }
  }
  return made
}

// By default a system prompt says how to give the answer; this small model was made for problems without one.
const task = tasks.defineTask({ name: 'shopping', problems: problems('train'), systemPrompt: null })
const heldOut = tasks.defineTask({ name: 'shopping', problems: problems('test'), systemPrompt: null })

/** A reward is a function of a completion, by whose name the metrics are called. */
function showsWork({ completion }: RewardSample): number {
  const { calculations, wrongCalculations } = rewards.analyseReasoning(completion)
  return calculations.length > wrongCalculations.length ? 0.1 : 0
}

const model = await loadModel('word-problems-2m')
const policy = model.withLora({ r: 16, alpha: 32 })
const trainer = new GRPOTrainer({
  policy,
  task,
  rewards: [rewards.correctness(), showsWork],
  config: { maxSteps, numGenerations: 8, perDeviceTrainBatchSize: 64, maxCompletionLength: 64, learningRate: 2e-3 },
})
for await (const { step, metrics } of trainer) {
  const [right, shown] = [metrics['rewards/correctness/mean'], metrics['rewards/showsWork/mean']]
  console.log(`step ${step}: ${right?.toFixed(2)} right, paid ${shown?.toFixed(3)} for showing work`)
}

const sampling = { greedy: false, samples: 4, maxCompletionLength: 64 }
const { comparisons, settings } = await evaluate(policy, heldOut, sampling)
for (const comparison of comparisons) console.log(describeComparison(comparison, settings).join('\n'))
