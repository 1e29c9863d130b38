import fs from 'node:fs'
import path from 'node:path'
import type { TrainingStep } from '../grpo/step.js'
import type { GRPOTrainer } from '../grpo/trainer.js'
import { percent } from '../io/units.js'
import { countParameters } from '../model/modelParameters.js'
import type { CausalLM } from '../policy/causalLM.js'
import type { LintReport } from '../rewards/lint/lintReward.js'
import type { Estimate, Evaluation } from '../run/evaluation.js'
import { runLayout } from '../run/layout.js'
import type { Task } from '../tasks/task.js'

/** One thing that belongs to a training of a reasoning model, and whether a run has it. */
export interface ChecklistItem {
  /** What belongs to it, such as `Training completed`. */
  readonly item: string
  /** Whether the run has it. */
  readonly done: boolean
  /** What shows that it has, or how far it came. */
  readonly evidence: string
}

/** What a checklist is computed from. */
export interface CompletedRun {
  /** What was trained. */
  readonly policy: CausalLM
  /** The problems that it was trained on. */
  readonly task: Task
  /** What trained it. */
  readonly trainer: Pick<GRPOTrainer, 'config' | 'step' | 'maxSteps' | 'isFinished'>
  /** The steps of the training. */
  readonly steps: readonly TrainingStep[]
  /** What the tests of its reward functions found, that of the main reward first. */
  readonly rewardTests: readonly LintReport[]
  /** The policy beside its base model on held-out problems, the base first. */
  readonly evaluation: Evaluation
  /** The run's folder. */
  readonly outputDir: string
}

/** Parameters from which on models are recommended for reasoning, and problems to train on. */
const RECOMMENDED_PARAMETERS = 1e9
const RECOMMENDED_PROBLEMS = 1000

/** A gain counts as shown below this p-value. */
const SIGNIFICANCE = 0.05

/** What belongs to a training of a reasoning model, from the model to the saved result, each judged by what the run did. */
export function completionChecklist(run: CompletedRun): ChecklistItem[] {
  return [...preparation(run), ...training(run), ...result(run)]
}

function preparation({ policy, task, trainer, rewardTests }: CompletedRun): ChecklistItem[] {
  const parameters = countParameters(policy.config)
  const { numGenerations, temperature } = trainer.config
  return [
    {
      item: 'Model loaded (1B+ parameters recommended)',
      done: parameters >= RECOMMENDED_PARAMETERS,
      evidence: `${parameters.toLocaleString('en')} parameters`,
    },
    {
      item: 'Problems prepared (1,000 or more)',
      done: task.problems.length >= RECOMMENDED_PROBLEMS,
      evidence: `${task.name}: ${task.problems.length.toLocaleString('en')} problems`,
    },
    {
      item: 'GRPO configured',
      done: numGenerations >= 4,
      evidence: `${numGenerations} generations of a problem, temperature ${temperature}`,
    },
    {
      item: 'Reward function defined and tested',
      done: rewardTests[0]?.verdict === 'sound',
      evidence: rewardTests.map(({ reward, verdict }) => `${reward}: ${verdict}`).join(', ') || 'none was tested',
    },
  ]
}

function training({ trainer, steps }: CompletedRun): ChecklistItem[] {
  const groups = steps.flatMap((step) => step.groups)
  const sizes = groups.map(({ completions }) => completions.length)
  const mixed = groups.filter(({ completions }) => new Set(completions.map(({ reward }) => reward)).size > 1).length
  const problems = new Set(groups.map(({ problem }) => problem.id)).size
  return [
    {
      item: 'Training completed',
      done: trainer.isFinished,
      evidence: `${trainer.step} of ${trainer.maxSteps} steps`,
    },
    {
      item: 'Several reasoning traces for each problem',
      done: sizes.length > 0 && Math.min(...sizes) > 1,
      evidence: `${sizes.reduce((sum, size) => sum + size, 0).toLocaleString('en')} completions of ${problems.toLocaleString('en')} problems`,
    },
    {
      item: 'Reward distribution analysed',
      done: mixed > 0,
      evidence: `${percent(mixed / Math.max(1, groups.length))} of ${groups.length.toLocaleString('en')} groups held different rewards`,
    },
  ]
}

function result({ evaluation, outputDir }: CompletedRun): ChecklistItem[] {
  const { policies, comparisons, problems } = evaluation
  const [base, trained] = [policies[0], policies.at(-1)].map((policy) => policy?.sampled ?? policy?.greedy)
  const comparison = comparisons.find(
    (one) => one.baseline === policies[0]?.name && one.policy === policies.at(-1)?.name,
  )
  const paired = (comparison?.sampled ?? comparison?.greedy)?.strict
  const before = base?.reasoning
  const after = trained?.reasoning
  const { adapter, model } = runLayout(outputDir)
  const saved = [path.join(adapter, 'adapter_model.safetensors'), path.join(model, 'model.safetensors')].find((file) =>
    fs.existsSync(file),
  )
  return [
    {
      item: 'Before and after compared',
      done: paired !== undefined,
      evidence: paired
        ? `${problems.length.toLocaleString('en')} held-out problems, paired`
        : 'one model was evaluated',
    },
    {
      item: 'Accuracy improved over the base model',
      done: paired !== undefined && paired.pValue < SIGNIFICANCE && paired.difference.value > 0,
      evidence: paired
        ? `${fromTo(base?.accuracy, trained?.accuracy, shareText)}, p = ${paired.pValue.toPrecision(2)}`
        : 'not compared',
    },
    {
      item: 'Reasoning quality evaluated',
      done: after !== undefined && after.correctEquations !== null,
      evidence: `calculations that hold: ${fromTo(before?.correctEquations, after?.correctEquations, shareText)}`,
    },
    {
      item: 'Model writes reasoning steps',
      done: after !== undefined && after.meanSteps.value >= 1,
      evidence: `steps in an answer: ${fromTo(before?.meanSteps, after?.meanSteps, (value) => value.toFixed(1))}`,
    },
    {
      item: 'Reasoning model saved',
      done: saved !== undefined,
      evidence: saved === undefined ? `neither ${adapter} nor ${model} is there` : path.dirname(saved),
    },
  ]
}

const shareText = (value: number): string => percent(value, 1)

function fromTo(
  before: Estimate | null | undefined,
  after: Estimate | null | undefined,
  text: (value: number) => string,
): string {
  return [before, after].map((estimate) => (estimate ? text(estimate.value) : '–')).join(' → ')
}
