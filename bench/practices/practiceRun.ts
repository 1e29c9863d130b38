import { runOptions } from '../../src/cli/quickstart/settings.js'
import { evaluate } from '../../src/eval/evaluate.js'
import { RunDiagnosis } from '../../src/grpo/diagnosis/runDiagnosis.js'
import { mean } from '../../src/grpo/metrics/statistics.js'
import { GRPOTrainer } from '../../src/grpo/trainer.js'
import { loadModel } from '../../src/policy/loadModel.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import type { DecodingResult } from '../../src/run/evaluation.js'
import { loadRewards } from '../../src/rewards/loadReward.js'
import { wordProblems } from '../../src/tasks/generators/wordProblems/wordProblems.js'
import type { Task } from '../../src/tasks/task.js'
import { common, COMPLETIONS, PROBLEMS } from './experiments.js'
import type { Variant } from './experiments.js'

/** Completions of each held-out problem at temperature 1. */
const SAMPLES = 2

/** How answers are sampled to be measured. */
const evaluation = { samples: SAMPLES, temperature: 1, maxCompletionLength: common.maxCompletionLength! }

/** What a model does on problems. */
export interface Measured {
  /** Share of right answers by the likeliest tokens, and sampled at temperature 1. */
  readonly greedy: number
  readonly sampled: number
  /** Share of right sampled answers to held-out problems in wordings that neither pretraining nor training has. */
  readonly unseenWording: number
  /** Of the sampled answers: share of the calculations that come out (null where there are none), steps and tokens of an answer. */
  readonly calculations: number | null
  readonly steps: number
  readonly tokens: number
}

/** One training, measured. */
export interface PracticeRun {
  readonly name: string
  readonly seed: number
  readonly heldOut: Measured
  /** Share of right sampled answers to problems that were trained on. */
  readonly trainedOn: number
  /** Share of the groups of the training whose rewards differed. */
  readonly usableGroups: number
  /** Tokens that the training sampled: what it cost, on any machine. */
  readonly sampledTokens: number
  /** What the diagnosis said during the training, each once. */
  readonly findings: readonly string[]
  /** Share of right answers in the batch of each step. */
  readonly curve: readonly number[]
}

/** How much is trained and measured. */
export interface PracticeSizes {
  readonly steps: number
  readonly heldOut: number
}

/** Measures the embedded model on held-out problems, as it is. */
export async function measureBase(sizes: PracticeSizes): Promise<Measured> {
  const base = await loadModel(runOptions.model)
  try {
    return await measure(base, sizes)
  } finally {
    base.dispose()
  }
}

/** Trains the embedded model as a variant says, and measures it on held-out problems. */
export async function practice(variant: Variant, seed: number, sizes: PracticeSizes): Promise<PracticeRun> {
  const { name, config, rewards: specs = ['correctness'], problems = PROBLEMS, allWeights = false } = variant
  const base = await loadModel(runOptions.model)
  const policy = allWeights ? base.trainable() : base.withLora({ r: 16, alpha: 32, seed })
  const task = wordProblems({ limit: problems, seed })
  const paid = await loadRewards([...specs], common)
  const judge = await loadRewards(['correctness:0'], common)
  const isJudged = paid.some(({ judges }) => judges === 'correctness')
  const rewards = isJudged ? paid : [...paid, ...judge]
  try {
    const trainer = new GRPOTrainer({
      policy,
      task,
      rewards,
      config: { ...common, ...config, maxSteps: sizes.steps, seed },
    })
    const diagnosis = new RunDiagnosis(trainer.config)
    const metrics = []
    const findings = new Set<string>()
    for await (const step of trainer) {
      metrics.push(step.metrics)
      for (const { name: finding } of diagnosis.add(step.step, step.metrics)) findings.add(finding)
    }
    const dead = metrics.map((of) => of['groups/all_right']! + of['groups/all_wrong']!)
    const trainedOn = await accuracyOf(policy, task, sizes)
    return {
      name,
      seed,
      heldOut: await measure(policy, sizes),
      trainedOn,
      usableGroups: 1 - mean(dead),
      sampledTokens: metrics.reduce((sum, of) => sum + COMPLETIONS * of['completions/mean_length']!, 0),
      findings: [...findings],
      curve: metrics.map((of) => of.accuracy ?? 0),
    }
  } finally {
    policy.dispose()
    base.dispose()
  }
}

async function measure(model: CausalLM, sizes: PracticeSizes): Promise<Measured> {
  const task = wordProblems({ split: 'test', limit: sizes.heldOut })
  const { policies } = await evaluate({ model }, task, evaluation)
  const { greedy, sampled } = policies[0] as { greedy: DecodingResult; sampled: DecodingResult }
  return {
    greedy: greedy.accuracy.value,
    sampled: sampled.accuracy.value,
    unseenWording: await accuracyOf(model, wordProblems({ split: 'test', variant: 'unseen-wording' }), sizes),
    calculations: sampled.reasoning.correctEquations?.value ?? null,
    steps: sampled.reasoning.meanSteps.value,
    tokens: sampled.meanTokens.value,
  }
}

/** Share of right sampled answers to half as many problems of a task as are measured in full. */
async function accuracyOf(model: CausalLM, task: Task, { heldOut }: PracticeSizes): Promise<number> {
  const { policies } = await evaluate({ model }, task, { ...evaluation, greedy: false, limit: heldOut >> 1 })
  return policies[0]!.sampled!.accuracy.value
}
