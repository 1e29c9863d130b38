/**
 * verl's own code on an export to it, on the CPU: `npm run test:verl`. GRPO_TS_MODEL may name a chat model's folder in place of
 * SmolLM2-135M-Instruct. Nothing is trained: that takes GPUs.
 */
import path from 'node:path'
import { checkEngine, Report } from '../engineCheck.js'
import type { EngineResult } from '../engineCheck.js'
import { largestLossDifference } from './losses.js'

interface Answer {
  readonly trainer: string
  readonly is_coroutine: boolean
  readonly prompts: readonly (readonly number[])[]
  readonly manager: string
  readonly results: readonly EngineResult[]
  readonly naive_manager: string
  readonly naive_results: readonly EngineResult[]
  readonly learning_rates: readonly number[]
  readonly actor: Readonly<Record<string, number>>
  readonly steps: number
}

const [python = '', model = ''] = process.argv.slice(2)
const { plan, cases, answer } = await checkEngine('verl', {
  python,
  module: 'verl.trainer.main_ppo',
  folder: 'export with spaces, (and) a comma',
  check: path.join(import.meta.dirname, 'check.py'),
  run: {
    model,
    task: 'arithmetic',
    limit: 1000,
    rewards: ['correctness', 'format:0.2', 'soft_overlong'],
    maxSteps: 40,
    perDeviceTrainBatchSize: 16,
    gradientAccumulationSteps: 2,
    maxCompletionLength: 96,
    learningRate: 1e-5,
    lrSchedulerType: 'cosine',
    warmupSteps: 4,
    epsilonHigh: 0.28,
    dynamicSampling: true,
  },
})
const verl = answer as Answer
const report = new Report()
report.line(
  `verl's main composed and checked the configuration and would start ${verl.trainer}`,
  verl.trainer === 'TaskRunnerV1',
)
const differing = plan.prompts.filter(({ ids }, i) => JSON.stringify(ids) !== JSON.stringify(verl.prompts[i]))
report.line(
  `RLHFDataset: ${differing.length} of ${plan.prompts.length} prompts have other tokens`,
  differing.length === 0 && verl.prompts.length === plan.prompts.length,
)
report.line('compute_score is a coroutine, which verl awaits', verl.is_coroutine)
report.rewards(`RewardLoopWorker with ${verl.manager}, over HTTP`, cases, verl.results)
// Text has lost the EOS token, and whether a completion was cut off: length and form may count otherwise.
const alike = cases
  .map((one, i) => ({ one, result: verl.naive_results[i]! }))
  .filter(({ one }) => !one.isCutOff && one.values.soft_overlong === 0)
report.rewards(
  `the same with ${verl.naive_manager}, which hands over text, for short completions that were not cut off`,
  alike.map(({ one }) => one),
  alike.map(({ result }) => result),
)
report.learningRates(plan, verl.learning_rates)
const { difference, count } = largestLossDifference(python, plan)
report.line(`policy losses of ${count} tokens: largest difference ${difference.toExponential(1)}`, difference < 1e-9)
const batches = { ppo_mini_batch_size: 4, ppo_micro_batch_size_per_gpu: 8, clip_ratio_high: 0.28 }
report.line(
  `batches and clipping: ${JSON.stringify(verl.actor)}`,
  JSON.stringify(verl.actor) === JSON.stringify(batches),
)
report.line(`${verl.steps} steps`, verl.steps === 40)
console.log('verl was not trained with here')
process.exit(report.failed ? 1 : 0)
