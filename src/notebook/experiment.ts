import { findingsOf } from '../grpo/diagnosis/findingsOf.js'
import type { Finding } from '../grpo/diagnosis/finding.js'
import type { TrainingStep } from '../grpo/step.js'
import { GRPOTrainer } from '../grpo/trainer.js'
import type { GRPOTrainerOptions } from '../grpo/trainer.js'
import { asPolicy } from '../policy/causalLM.js'
import type { Policy } from '../policy/causalLM.js'
import { untilInterrupted } from './untilInterrupted.js'

/** A short training with a name, to be compared with others. */
export interface Experiment {
  /** What sets it apart from the others, such as `temperature 0.05`. */
  readonly name: string
  /** What was trained. */
  readonly policy: Policy
  /** Its steps with their metrics and groups. */
  readonly steps: readonly TrainingStep[]
  /** What the diagnosis said, each finding once, as it stood last. */
  readonly findings: readonly Finding[]
}

/**
 * Runs a training to its end and keeps all of its steps; a dot for each is printed. `show.experiments` compares several. ■ or Ctrl-C ends
 * it behind the step that is being computed.
 * @param options as GRPOTrainer takes them
 * @throws as GRPOTrainer
 */
export async function experiment(name: string, options: GRPOTrainerOptions): Promise<Experiment> {
  const trainer = new GRPOTrainer(options)
  const steps: TrainingStep[] = []
  const started = performance.now()
  process.stdout.write(`${name} `)
  for await (const step of untilInterrupted(trainer)) {
    steps.push(step)
    process.stdout.write('.')
  }
  process.stdout.write(` ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
  return { name, policy: asPolicy(options.policy), steps, findings: findingsOf(steps) }
}
