/**
 * `npm run bench:learning`: trains a tiny model of random weights on small sums with every loss type and the same settings, and
 * with random rewards as a placebo, and measures the same real reward before and after. Ends with 1 when a loss type does not
 * learn with every seed, or the placebo does with one.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Command } from 'commander'
import { engineOptions } from '../src/engine/engineOptions.js'
import { selectEngine } from '../src/engine/registry.js'
import { schemaFlags } from '../src/cli/terminal/schemaFlags.js'
import type { Flags } from '../src/cli/terminal/schemaFlags.js'
import { formatTable } from '../src/cli/terminal/table.js'
import { grpoConfigSchema, parseGRPOConfig } from '../src/grpo/config/config.js'
import type { GRPOConfig } from '../src/grpo/config/config.js'
import { evaluatePolicy } from '../src/grpo/validation.js'
import { mean } from '../src/grpo/metrics/statistics.js'
import { GRPOTrainer } from '../src/grpo/trainer.js'
import { loadModel } from '../src/policy/loadModel.js'
import { createTinyModel } from '../src/model/tinyModel.js'
import { correctness, format } from '../src/rewards/index.js'
import { random } from '../src/rewards/random.js'
import { sums } from '../src/tasks/generators/sums.js'

/** A gain of the mean reward (right 1, a number and then an end 0.2) that is more than noise. */
const GAIN = 0.1

/** What some loss types cannot do without; everything else is the same for all. */
const ownOptions: Partial<Record<GRPOConfig['lossType'], Partial<GRPOConfig>>> = {
  cispo: { epsilonHigh: 5 },
  dr_grpo: { scaleRewards: 'none' },
  luspo: { importanceSamplingLevel: 'sequence' },
}

interface Run {
  before: number
  after: number
  seconds: number
}

const ofEngine = schemaFlags(engineOptions)
const program = new Command('npm run bench:learning --')
  .option('--seeds <N>', 'runs of each loss type', Number, 3)
  .option('--steps <N>', 'optimizer steps of a run', Number, 100)
  .option('--losses <names...>', 'loss types', [...grpoConfigSchema.shape.lossType.unwrap().options])
ofEngine.addTo(program)
program.parse()
const { seeds, steps, losses } = program.opts<{ seeds: number; steps: number; losses: GRPOConfig['lossType'][] }>()

const { engine, ...options } = ofEngine.parse('bench:learning', program.opts<Flags>())

/** Trains with one seed; `placebo` with random rewards that are right as often as the start. */
async function run(lossType: GRPOConfig['lossType'], seed: number, placebo: boolean): Promise<Run> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-learning-'))
  const base = await loadModel(createTinyModel(folder, { seed }))
  const policy = base.withLora({ r: 16, alpha: 32, seed })
  const task = sums({ bare: true, maxOperand: 5 })
  const judged = [correctness(), format({ weight: 0.2 })]
  const config = parseGRPOConfig({
    lossType,
    seed,
    maxSteps: steps,
    numGenerations: 16,
    perDeviceTrainBatchSize: 128,
    maxCompletionLength: 3,
    numIterations: 2,
    learningRate: 3e-3,
    entropyCoef: 0.05,
    evalTemperature: 1,
    numGenerationsEval: 64,
    ...ownOptions[lossType],
  })
  const measure = async (): Promise<number> => (await evaluatePolicy(policy, task, judged, config)).eval_reward!
  const started = performance.now()
  try {
    const before = await measure()
    const rewards = placebo ? [random({ rate: 0.5, seed })] : judged
    await new GRPOTrainer({ policy, task, rewards, config }).train()
    return { before, after: await measure(), seconds: (performance.now() - started) / 1000 }
  } finally {
    policy.dispose()
    base.dispose()
    fs.rmSync(folder, { recursive: true })
  }
}

await selectEngine(engine, options)
const rows: { name: string; runs: Run[]; gains: number[]; isRight: boolean }[] = []
let hasFailed = false
for (const [name, lossType, placebo] of [
  ...losses.map((lossType) => [lossType, lossType, false] as const),
  ['placebo', 'dapo', true] as const,
]) {
  const runs: Run[] = []
  for (let seed = 1; seed <= seeds; seed++) runs.push(await run(lossType, seed, placebo))
  const gains = runs.map(({ before, after }) => after - before)
  const isRight = gains.every((gain) => (placebo ? gain < GAIN : gain > GAIN))
  hasFailed ||= !isRight
  rows.push({ name, runs, gains, isRight })
  console.error(`${name}: ${gains.map((gain) => gain.toFixed(3)).join(' ')}`)
}
console.log(
  `${seeds} seeds, ${steps} steps of 128 completions, each batch used twice; mean reward of 64 samples a sum\n`,
)
console.log(
  formatTable<(typeof rows)[number]>(
    [
      { heading: 'loss', left: true, text: ({ name }) => name },
      { heading: 'before', text: ({ runs }) => mean(runs.map(({ before }) => before)).toFixed(3) },
      { heading: 'after', text: ({ runs }) => mean(runs.map(({ after }) => after)).toFixed(3) },
      { heading: 'gain', text: ({ gains }) => mean(gains).toFixed(3) },
      { heading: 'of each seed', text: ({ gains }) => gains.map((gain) => gain.toFixed(3)).join(' ') },
      { heading: 's/run', text: ({ runs }) => mean(runs.map(({ seconds }) => seconds)).toFixed(1) },
      { heading: 'as expected', text: ({ isRight }) => (isRight ? 'yes' : 'NO') },
    ],
    rows,
  ),
)
process.exitCode = hasFailed ? 1 : 0
