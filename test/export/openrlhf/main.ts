/**
 * OpenRLHF's own code on an export to it, on the CPU: `npm run test:openrlhf`. GRPO_TS_MODEL may name a model's folder in place of
 * SmolLM2-135M-Instruct. Nothing is trained: that takes GPUs.
 */
import path from 'node:path'
import { checkEngine, Report } from '../engineCheck.js'
import type { EngineResult } from '../engineCheck.js'

interface AgentResult extends EngineResult {
  readonly prompt: readonly number[]
  readonly truncated: boolean
}

interface Answer {
  readonly rows: readonly { readonly problem_id: string; readonly prompt: string }[]
  readonly results: readonly AgentResult[]
  readonly own_client_results: readonly (Omit<AgentResult, 'score' | 'values'> & {
    readonly score: readonly number[]
    readonly values: Readonly<Record<string, readonly number[]>>
  })[]
  readonly adapter_names: readonly [added: readonly string[], common: number]
  readonly steps: number
  readonly learning_rates: readonly number[]
  readonly batch: readonly number[]
  readonly critic: string | null
}

const [python = '', model = ''] = process.argv.slice(2)
const { plan, cases, answer } = await checkEngine('openrlhf', {
  python,
  module: 'openrlhf.cli.train_ppo_ray',
  folder: 'export with spaces',
  check: path.join(import.meta.dirname, 'check.py'),
  run: {
    model,
    task: 'arithmetic',
    limit: 60,
    usePeft: false,
    rewards: ['correctness', 'format:0.2'],
    maxSteps: 40,
    perDeviceTrainBatchSize: 16,
    gradientAccumulationSteps: 2,
    maxCompletionLength: 96,
    learningRate: 1e-5,
    lrSchedulerType: 'cosine',
    warmupSteps: 7,
    epsilonHigh: 0.28,
    beta: 0.01,
  },
})
const theirs = answer as Answer
const report = new Report()
report.line(
  `OpenRLHF's own program took the arguments: batches ${theirs.batch.join(', ')}, no critic`,
  JSON.stringify(theirs.batch) === '[4,8,32,8]' && theirs.critic === null,
)
const ids = new Map(plan.prompts.map((prompt, i) => [plan.task.problems[i]!.id, JSON.stringify(prompt.ids)]))
const used = new Set(theirs.rows.map(({ problem_id: id }) => id)).size
report.line(
  `PromptDataset: ${theirs.rows.length} rows, ${used} different problems of ${ids.size}`,
  theirs.rows.length === 40 * 4 && used === ids.size,
)
const differing = theirs.results.filter(({ prompt }, i) => JSON.stringify(prompt) !== ids.get(cases[i]!.problem_id))
report.line(
  `SingleTurnAgentExecutor: ${differing.length} of ${cases.length} prompts have other tokens`,
  differing.length === 0,
)
report.rewards('its agent with reward_func of grpo_ts_rewards.py, over HTTP', cases, theirs.results)
report.rewards(
  'its agent with its own client and the token in the address, /get_reward',
  cases,
  theirs.own_client_results.map(({ score, values }) => ({
    score: score[0]!,
    values: Object.fromEntries(Object.entries(values).map(([name, [value]]) => [name, value!])),
  })),
)
report.line(`${theirs.steps} optimizer steps`, theirs.steps === 40)
report.learningRates(plan, theirs.learning_rates)
const [added, common] = theirs.adapter_names
report.line(
  `with an adapter it would send vLLM names that the model has not, such as ${added[0]}: refused at the export`,
  common === 0 && added.length > 0,
)
console.log('OpenRLHF was not trained with here')
process.exit(report.failed ? 1 : 0)
