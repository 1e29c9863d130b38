import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { selectBackend } from '../backend/select.js'
import { parseGRPOConfig } from '../grpo/config.js'
import type { GRPOConfig } from '../grpo/config.js'
import { GRPOTrainer } from '../grpo/trainer.js'
import { loadModel } from '../model/causalLM.js'
import type { CausalLM } from '../model/causalLM.js'
import { createTinyModel } from '../model/tinyModel.js'
import { correctness, format, grade } from '../rewards/index.js'
import { generate } from '../rollout/generate.js'
import { sums } from '../tasks/sums.js'
import type { Task } from '../tasks/task.js'
import type { Streams } from './commandLine.js'
import { Interrupted } from './exitCode.js'
import { formatDuration, Progress } from './progress.js'
import { startRunFolder } from './runFolder.js'

const OUTPUT_DIR = path.join('runs', 'quickstart')
/** A sum such as 3+5= is completed by one or two digits and the end. */
const MAXIMUM_LENGTH = 3
/** Completions of each sum when accuracy is measured. */
const SAMPLES = 25

/** What `npm start` trains with: small numbers, a large group, and a bonus that keeps the tiny model trying things out. */
const config: Partial<GRPOConfig> & { maxSteps: number } = {
  ...{ numGenerations: 16, perDeviceTrainBatchSize: 320, maxCompletionLength: MAXIMUM_LENGTH, maxSteps: 200 },
  ...{ learningRate: 3e-3, lrSchedulerType: 'cosine', entropyCoef: 0.05, epsilonHigh: 0.28, seed: 42 },
}

export function addQuickstartCommand(program: Command, streams: Streams): void {
  program
    .command('quickstart')
    .summary('train a tiny model that it makes itself, in about half a minute')
    .description(
      `Makes a tiny model of random weights, trains it with GRPO to complete sums such as 3+5=, and shows what it ` +
        `learned. Replaces ${OUTPUT_DIR}.`,
    )
    .action(() => quickstart(streams))
}

/** The whole path in half a minute, with nothing but this package. Throws Interrupted after Ctrl-C. */
export async function quickstart(streams: Streams): Promise<void> {
  const print = (text: string): void => void streams.stdout.write(`${text}\n`)
  const backend = await selectBackend()
  const train = sums({ bare: true, maxOperand: 5 })
  const heldOut = sums({ bare: true, maxOperand: 5, split: 'test' })
  startRunFolder(OUTPUT_DIR, stringify({ task: 'sums', bare: true, maxOperand: 5, ...parseGRPOConfig({ ...config }) }))
  const base = await loadModel(createTinyModel(path.join(OUTPUT_DIR, 'model')))
  const policy = base.withLora({ r: 16, alpha: 32 })
  print(`backend  ${backend.name}: ${backend.why}`)
  print(`model    random weights, ${base.config.vocabularySize} tokens: it has to find out everything by trying`)
  print(
    `task     sums such as ${train.problems[0]!.question}${train.problems[0]!.answer}; ${train.problems.length} to train on, `,
  )
  print(`         ${heldOut.problems.length} held out`)
  print(`reward   1 for the right sum, 0.2 for a number and then an end`)
  const before = await measure(policy, train, heldOut)
  const started = performance.now()
  await runTrainer(policy, train, streams)
  const seconds = (performance.now() - started) / 1000
  const after = await measure(policy, train, heldOut)
  print(`\n${config.maxSteps} steps in ${formatDuration(seconds)}; ${SAMPLES} samples of each sum:\n`)
  print('                               before    after')
  for (const [name, key] of [
    ['right, sums it trained on', 'train'],
    ['right, held-out sums', 'heldOut'],
    ['a number and then an end', 'format'],
  ] as const) {
    print(`${name.padEnd(28)} ${percent(before[key])}  ${percent(after[key])}`)
  }
  print(
    '\nA model that starts from noise learns the form of an answer and then these very sums by heart; it does not learn to' +
      `\nadd. For a model that can reason, name one: npx grpo-ts train --help\n\nmetrics  ${path.join(OUTPUT_DIR, 'metrics.jsonl')}` +
      `\nadapter  ${path.join(OUTPUT_DIR, 'adapter')}`,
  )
  policy.dispose()
  base.dispose()
}

async function runTrainer(policy: CausalLM, task: Task, streams: Streams): Promise<void> {
  const controller = new AbortController()
  const rewards = [correctness(), format({ weight: 0.2 })]
  const trainer = new GRPOTrainer({ policy, task, rewards, config, outputDir: OUTPUT_DIR, signal: controller.signal })
  const bar = new Progress(streams.stdout, trainer.maxSteps, 'steps')
  const interrupt = (): void => {
    controller.abort()
  }
  process.once('SIGINT', interrupt)
  const started = performance.now()
  try {
    for await (const { step, maxSteps, metrics } of trainer) {
      const left = ((performance.now() - started) / 1000 / step) * (maxSteps - step)
      const right = percent(metrics['rewards/correctness/mean']!).trim()
      bar.update(step, `reward ${metrics.reward!.toFixed(2)}  right ${right}  ${formatDuration(left)} left`)
      if (step % 20 === 0 || step === 1) {
        const spark = '█'.repeat(Math.round(metrics.reward! * 30))
        bar.log(
          `step ${step.toString().padStart(3)}  reward ${metrics.reward!.toFixed(2)}  right ${right.padStart(4)}  ${spark}`,
        )
      }
      await setImmediate()
    }
  } finally {
    process.removeListener('SIGINT', interrupt)
    bar.stop()
  }
  if (controller.signal.aborted) throw new Interrupted()
}

/** Shares of right answers, sampled as in training, and of answers in the right form. */
async function measure(
  model: CausalLM,
  train: Task,
  heldOut: Task,
): Promise<{ train: number; heldOut: number; format: number }> {
  const [trained, unseen] = [await sample(model, train), await sample(model, heldOut)]
  const share = (answers: readonly { correct: boolean }[]): number =>
    answers.filter(({ correct }) => correct).length / answers.length
  const all = [...trained, ...unseen]
  return { train: share(trained), heldOut: share(unseen), format: all.filter(({ ended }) => ended).length / all.length }
}

async function sample(model: CausalLM, task: Task): Promise<{ correct: boolean; ended: boolean }[]> {
  const prompts = task.problems.map((problem) => task.prompt(problem, model.tokenizer).ids)
  const completions = await generate(model, prompts, {
    ...{ maxCompletionLength: MAXIMUM_LENGTH, numGenerations: SAMPLES, seed: 7 },
  })
  return task.problems.flatMap((problem, i) =>
    completions[i]!.map(({ text, finishReason }) => ({
      correct: grade(text, problem).correct,
      ended: finishReason === 'stop' && /^\d+$/.test(text),
    })),
  )
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`.padStart(7)
}
