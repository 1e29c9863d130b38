import fs from 'node:fs'
import { ConfigError, FileFormatError } from '../../../errors.js'
import type { GRPOConfig } from '../../../grpo/config/config.js'
import { GRPOTrainer } from '../../../grpo/trainer.js'
import type { CausalLM } from '../../../policy/causalLM.js'
import { random } from '../../../rewards/random.js'
import { runPolicy } from '../../run/runPolicy.js'
import { loadTask } from '../../../tasks/loadTask.js'
import type { TrainConfig } from '../../../grpo/config/trainConfig.js'
import { runLayout } from '../../../run/layout.js'
import { readMetrics } from '../../../run/metricsFile.js'

/** What a placebo has to have in common with its run. */
export interface RunSummary {
  /** Optimizer steps that the run did. */
  readonly steps: number
  /** Mean correctness of the completions it was trained on. */
  readonly rate: number
}

/** Reads from a run's metrics how long it trained and how often it was right. Throws a GrpoError. */
export async function summarizeRun(folder: string): Promise<RunSummary> {
  const file = runLayout(folder).metrics
  if (!fs.existsSync(file))
    throw new FileFormatError(file, 'does not exist; --placebo needs the folder of a finished run')
  const lines = await readMetrics(folder)
  const steps = lines.reduce((most, { step }) => Math.max(most, step), 0)
  // Runs of earlier versions know no accuracy.
  const rates = lines.flatMap(({ accuracy, 'rewards/correctness/mean': mean }) => accuracy ?? mean ?? [])
  if (rates.length === 0) {
    throw new ConfigError(
      `--placebo: ${file} tells no accuracy; a placebo has random rewards of the same rate, so the run needs a reward that judges correctness`,
    )
  }
  // A weighting of partial credit may go beyond what a probability can be.
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  return { steps, rate: Math.min(1, Math.max(0, mean)) }
}

/**
 * Repeats a run, with its problems, seed, options and number of steps, but with random rewards instead of its own, and
 * leaves it in `placebo/` of the run's folder.
 * @returns the folder of what it learned
 */
export async function trainPlacebo(
  run: { folder: string; config: TrainConfig },
  base: CausalLM,
  { steps, rate }: RunSummary,
  options: { signal: AbortSignal; onStep: (step: number) => void },
): Promise<string> {
  const { config } = run
  const outputDir = runLayout(run.folder).placebo
  const policy = runPolicy(base, config)
  try {
    fs.rmSync(outputDir, { recursive: true, force: true })
    const trainer = new GRPOTrainer({
      policy,
      task: await loadTask(config.run.task, config.task),
      rewards: [random({ rate, seed: config.grpo.seed })],
      config: placeboConfig(config.grpo),
      outputDir,
      signal: options.signal,
    })
    // A run that was ended early has fewer steps than its learning rate schedule.
    for await (const { step } of trainer) {
      options.onStep(step)
      if (step >= steps) break
    }
    options.signal.throwIfAborted()
  } finally {
    policy.dispose()
  }
  return runLayout(outputDir)[policy.trained.folderName]
}

/** The run's options, less what chooses by results: a placebo keeps what it has after its last step. */
function placeboConfig(config: GRPOConfig): Partial<GRPOConfig> {
  const byResults = { evalStrategy: 'no', loadBestModelAtEnd: false, earlyStoppingPatience: null } as const
  return { ...config, ...byResults, rewardWeights: null }
}
