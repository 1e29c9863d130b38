import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { currentRuntime } from '../../backend/cpu/backend.js'
import { measurePeak } from '../../backend/cpu/peak.js'
import { GroupProfile } from '../../backend/cpu/groupProfile.js'
import { KernelProfile } from '../../backend/profile.js'
import { selectEngine } from '../../engine/registry.js'
import { ConfigError } from '../../errors.js'
import type { StepProgress } from '../../grpo/step.js'
import { mebibytes } from '../../io/units.js'
import { loadModel } from '../../policy/loadModel.js'
import { loadWithProgress } from '../terminal/loadProgress.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { dtypeOption } from '../../model/weights/dtypeOption.js'
import type { WeightDtype } from '../../model/weights/weightDtype.js'
import { createRandomModel } from '../../model/randomModel.js'
import type { Streams } from '../terminal/streams.js'
import { ignoreEndOfSequence, measureSteps, randomPrompts } from './fixedWorkload.js'
import type { StepMeasurement } from './fixedWorkload.js'
import { interruptible } from '../terminal/interruptible.js'
import { engineOptions } from '../../engine/engineOptions.js'
import { option } from '../../options/schema.js'
import { nameOption } from '../terminal/modelOptions.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'
import { peakMemory } from './peakMemory.js'
import { formatProfile, formatSharing } from './profileTable.js'

const count = z.int().positive()

const flags = schemaFlags({
  profile: option(z.boolean(), false, 'Show where the time goes, by op, and how the threads share it.'),
  model: nameOption
    .optional()
    .describe("Folder of a model in Hugging Face's layout. Defaults to a small Llama of random weights."),
  dtype: dtypeOption,
  threads: engineOptions.threads,
  prompts: option(count, 8, 'Prompts of a step.'),
  numGenerations: option(count, 8, 'Completions for each prompt.'),
  promptLength: option(count, 73, 'Tokens of each prompt.'),
  maxCompletionLength: option(count, 64, 'Tokens of each completion.'),
  perDeviceTrainBatchSize: option(count, 16, 'Completions in a micro-batch.'),
  loraR: option(count, 16, 'Rank of the adapter.'),
  steps: option(count, 1, 'Steps that are measured, after one to warm up.'),
})

/** The flags of `grpo-ts bench`. */
export type BenchOptions = ReturnType<typeof flags.parse>

/** A Llama of 0.9 M parameters. */
const smallModel = {
  architectures: ['LlamaForCausalLM'],
  vocab_size: 512,
  hidden_size: 128,
  intermediate_size: 384,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  max_position_embeddings: 4096,
  tie_word_embeddings: true,
  torch_dtype: 'float32',
}

const PEAK_MILLISECONDS = 200

export function addBenchCommand(program: Command, streams: Streams): void {
  const command = program
    .command('bench')
    .summary('speed and memory of a GRPO step, and where its time goes')
    .description(
      'Measures a GRPO step on the cpu engine: prompts of random tokens, completions that all have the same length, given ' +
        'rewards, a LoRA adapter on all linear layers. Without --model it is a small Llama of random weights.',
    )
  flags.addTo(command)
  command.action((given: Flags) => bench(flags.parse('bench', given), streams))
}

/** Measures steps and prints the result. */
export async function bench(options: BenchOptions, streams: Streams): Promise<void> {
  checkSizes(options)
  const print = (name: string, value: string): void => {
    streams.stdout.write(`${name.padEnd(10)}${value}\n`)
  }
  const engine = await selectEngine('cpu', options)
  const { dtype } = options
  const base =
    options.model === undefined
      ? await loadSmallModel(dtype)
      : await loadWithProgress(streams.stderr, options.model, { dtype })
  const policy = base.withLora({ r: options.loraR, alpha: 2 * options.loraR })
  try {
    ignoreEndOfSequence(policy)
    print(
      'model',
      `${options.model ?? 'random weights'} (${base.config.architecture}, ${base.config.numLayers} layers, ${base.weightFormat})`,
    )
    print('engine', engine.why)
    const { prompts, numGenerations, promptLength, maxCompletionLength, perDeviceTrainBatchSize } = options
    const tokens = `prompts of ${promptLength} and completions of ${maxCompletionLength} tokens`
    print('step', `${prompts} × ${numGenerations} completions, ${tokens}, micro-batches of ${perDeviceTrainBatchSize}`)
    const { measurements, profile } = await interruptible((signal) => measure(policy, options, signal, streams))
    const mean = (of: (measurement: StepMeasurement) => number): number =>
      measurements.reduce((sum, measurement) => sum + of(measurement), 0) / measurements.length
    const [generation, training] = [mean((step) => step.generationSeconds), mean((step) => step.trainingSeconds)]
    const rate = (count: number, seconds: number): string => `${(count / seconds).toFixed(0)} tokens/s`
    const { completionTokens, trainedTokens } = measurements[0]!
    const { tensorBytes, residentBytes } = peakMemory(policy.engine)
    print('time', `${mean((step) => step.seconds).toFixed(2)} s`)
    print('', `generation ${generation.toFixed(2)} s, ${rate(completionTokens, generation)} sampled`)
    print('', `training   ${training.toFixed(2)} s, ${rate(trainedTokens, training)} of prompts and completions`)
    print(
      'memory',
      `at most ${mebibytes(tensorBytes ?? NaN)} of tensors, ${mebibytes(residentBytes)} of the whole process`,
    )
    if (profile) streams.stdout.write(`\n${profile}`)
  } finally {
    policy.dispose()
    base.dispose()
  }
}

async function loadSmallModel(dtype: WeightDtype): Promise<CausalLM> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-bench-'))
  try {
    return await loadModel(createRandomModel(folder, smallModel), { dtype })
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

/** Runs a step to warm up and then those that count; the profile covers the latter. */
async function measure(
  policy: CausalLM,
  options: BenchOptions,
  signal: AbortSignal,
  streams: Streams,
): Promise<{ measurements: StepMeasurement[]; profile: string | null }> {
  const { prompts, numGenerations, promptLength, maxCompletionLength, perDeviceTrainBatchSize, steps } = options
  const task = randomPrompts({
    problems: prompts * (steps + 1),
    promptLength,
    vocabularySize: policy.config.vocabularySize,
  })
  const config = {
    numGenerations,
    maxCompletionLength,
    perDeviceTrainBatchSize,
    maxSteps: steps + 1,
    learningRate: 1e-5,
    gradientAccumulationSteps: (prompts * numGenerations) / perDeviceTrainBatchSize,
  }
  const runtime = currentRuntime()
  const peakBefore = measurePeak(runtime, PEAK_MILLISECONDS)
  let profile: { readonly kernels: KernelProfile; readonly groups: GroupProfile } | null = null
  const enter = (phase: string): void => {
    if (profile) profile.kernels.phase = profile.groups.phase = phase
  }
  const onProgress = ({ phase }: StepProgress): void => {
    enter(phase)
  }
  const measurements: StepMeasurement[] = []
  try {
    for await (const measurement of measureSteps(policy, task, config, { onProgress, signal })) {
      measurements.push(measurement)
      streams.stderr.write(
        `step ${measurements.length} of ${steps + 1}: ${measurement.seconds.toFixed(2)} s` +
          `${measurements.length === 1 ? ' (warming up)' : ''}\n`,
      )
      if (options.profile) profile ??= { kernels: new KernelProfile(), groups: new GroupProfile(runtime) }
      enter('sampling')
    }
  } finally {
    profile?.kernels.stop()
    profile?.groups.stop()
  }
  signal.throwIfAborted()
  measurements.shift()
  if (!profile) return { measurements, profile: null }
  const sum = (of: (measurement: StepMeasurement) => number): number =>
    1000 * measurements.reduce((total, measurement) => total + of(measurement), 0)
  const phases = new Map([
    ['sampling', sum(({ generationSeconds }) => generationSeconds)],
    ['training', sum(({ trainingSeconds }) => trainingSeconds)],
  ])
  const peak = Math.max(peakBefore, measurePeak(runtime, PEAK_MILLISECONDS))
  const { kernels, groups } = profile
  return {
    measurements,
    profile:
      `${formatProfile(kernels.entries(), groups.entries(), phases, measurements.length, peak)}\n` +
      formatSharing(groups.entries(), phases, measurements.length, runtime.threads),
  }
}

/** Throws a ConfigError for completions that make no whole micro-batches. */
function checkSizes({ prompts, numGenerations, perDeviceTrainBatchSize }: BenchOptions): void {
  if ((prompts * numGenerations) % perDeviceTrainBatchSize === 0) return
  throw new ConfigError(
    `${prompts} prompts × ${numGenerations} completions are not a multiple of --per-device-train-batch-size ` +
      `${perDeviceTrainBatchSize}`,
  )
}
