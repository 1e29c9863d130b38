import type { Command } from 'commander'
import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { parseJsonFields } from '../../io/jsonFields.js'
import { generate as generateCompletions } from '../../policy/generate.js'
import { defaultCompletionLength } from '../../engine/sampling.js'
import type { Completion, SamplingOptions } from '../../engine/sampling.js'
import { checkOutput, readRows, writeRows } from '../terminal/batchFiles.js'
import type { Row } from '../terminal/batchFiles.js'
import type { Streams } from '../terminal/streams.js'
import { addModelOptions, parseNumber, withModel } from '../terminal/modelOptions.js'
import type { ModelOptions } from '../terminal/modelOptions.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import { Progress } from '../terminal/progress.js'
import { checkPromptRow, checkRoom, promptFields, promptTokens } from '../terminal/promptRows.js'

type SamplingFlags = Required<
  Pick<SamplingOptions, 'temperature' | 'topK' | 'topP' | 'minP' | 'repetitionPenalty' | 'numGenerations' | 'seed'>
>

export interface GenerateOptions extends ModelOptions, SamplingFlags {
  /** Defaults to what {@link defaultCompletionLength} says of the model. */
  maxCompletionLength?: number
  /** Where prompts come from: one of these three. */
  input?: string
  prompt?: string
  chat?: string
  /** With `input`. */
  output?: string
  stopStrings?: string[]
}

/** Makes the token ids of a line's prompt. */
type PromptReader = (model: CausalLM) => number[]

const rowSchema = z.object(promptFields)

export function addGenerateCommand(program: Command, streams: Streams): void {
  const command = program
    .command('generate')
    .summary('completions of prompts')
    .description(
      'Samples completions. Reads JSON lines {"input_ids": [...]}, {"prompt": "..."} or {"messages": [...]} and writes, ' +
        'in the same order, {"completion_ids": [...], "text": "...", "logprobs": [...], "finish_reason": "stop" | "length"}; ' +
        'or takes one prompt from the command line and prints the text.',
    )
  addModelOptions(command)
    .option('--input <file>', 'JSON lines; - is standard input')
    .option('--output <file>', 'JSON lines; - is standard output')
    .option('--prompt <text>', 'complete this text and print the completion')
    .option('--chat <text>', 'print the answer to this message')
    .option(
      '--max-completion-length <N>',
      'most tokens of a completion (default: 512, or half of the positions of a model with fewer than 1024)',
      parseNumber,
    )
    .option('--temperature <T>', 'divides the logits; 0 takes the likeliest token', parseNumber, 1)
    .option('--top-k <k>', 'sample among the k likeliest tokens; 0 = all', parseNumber, 0)
    .option('--top-p <p>', 'sample among the likeliest tokens with this probability together', parseNumber, 1)
    .option('--min-p <p>', 'sample among tokens at least p times as likely as the likeliest', parseNumber, 0)
    .option('--repetition-penalty <x>', 'above 1, tokens that occurred become less likely', parseNumber, 1)
    .option('--num-generations <G>', 'completions for each prompt', parseNumber, 1)
    .option('--seed <n>', 'the same seed gives the same completions of a prompt', parseNumber, 0)
    .option('--stop-strings <text...>', 'a completion ends when its text contains one of these')
    .action((options: GenerateOptions) => generate(options, streams))
}

/** Generates for a file of prompts, or for one prompt whose completions are printed. */
export async function generate(options: GenerateOptions, streams: Streams): Promise<void> {
  const { input, output, prompt, chat } = options
  const sources = [input, prompt, chat].filter((source) => source !== undefined)
  if (sources.length !== 1 || (input === undefined) !== (output === undefined)) {
    throw new ConfigError('expected --input with --output, or --prompt, or --chat')
  }
  if (input !== undefined && output !== undefined) {
    checkOutput(output)
    const rows = await readRows(input, streams.stdin)
    const groups = await generateForRows(rows, options, streams)
    writeRows(output, groups.flatMap(describeGroup), streams.stdout)
    return
  }
  const value = chat === undefined ? { prompt } : { messages: [{ role: 'user', content: chat }] }
  const where = chat === undefined ? '--prompt' : '--chat'
  const [completions = []] = await generateForRows([{ where, value }], options, streams)
  for (const { ids, text, finishReason } of completions) {
    streams.stdout.write(`${text}\n`)
    if (finishReason === 'length') {
      streams.stderr.write(`(cut off at ${ids.length} tokens, see --max-completion-length)\n`)
    }
  }
}

function generateForRows(rows: readonly Row[], options: GenerateOptions, streams: Streams): Promise<Completion[][]> {
  const readers = rows.map((row) => readPrompt(row, options))
  return interruptible((signal) => {
    onInterruption(signal, (interrupted) => streams.stderr.write(`${interrupted}: nothing was written\n`))
    return withModel({ ...options, signal }, (model) => generateWith(model, readers, options, signal, streams))
  })
}

async function generateWith(
  model: CausalLM,
  readers: readonly PromptReader[],
  options: GenerateOptions,
  signal: AbortSignal,
  streams: Streams,
): Promise<Completion[][]> {
  const prompts = readers.map((read) => read(model))
  const progress = new Progress(streams.stderr, prompts.length * options.numGenerations, 'completions')
  const started = performance.now()
  const rate = (tokens: number): string => `${(tokens / ((performance.now() - started) / 1000)).toFixed(1)} tokens/s`
  try {
    const groups = await generateCompletions(model, prompts, {
      ...samplingOptions(options, model),
      signal,
      onProgress: (tokens, ended) => {
        progress.update(ended, `${tokens} tokens, ${rate(tokens)}`)
      },
    })
    const completions = groups.flat()
    const tokens = completions.reduce((sum, { ids }) => sum + ids.length, 0)
    progress.stop()
    const plural = completions.length === 1 ? '' : 's'
    streams.stderr.write(`${completions.length} completion${plural}, ${tokens} tokens, ${rate(tokens)}\n`)
    return groups
  } finally {
    progress.stop()
  }
}

function samplingOptions(options: GenerateOptions, model: CausalLM): SamplingOptions {
  const { temperature, topK, topP, minP, repetitionPenalty, numGenerations, seed } = options
  return {
    maxCompletionLength: completionLength(options, model),
    temperature,
    topK,
    topP,
    minP,
    repetitionPenalty,
    numGenerations,
    seed,
    stopStrings: options.stopStrings ?? [],
  }
}

/** Checks a line; the result makes its token ids when the model is there. */
function readPrompt({ where, value }: Row, options: GenerateOptions): PromptReader {
  const row = parseJsonFields(rowSchema, value, where)
  checkPromptRow(row, value, where)
  return (model) => {
    const ids = promptTokens(row, model, where)
    checkRoom(ids, completionLength(options, model), model, where)
    return ids
  }
}

function completionLength({ maxCompletionLength }: GenerateOptions, { config }: CausalLM): number {
  return maxCompletionLength ?? defaultCompletionLength(config)
}

/** The lines of a prompt's completions; with several, each says which input and which completion of it, both from 0. */
function describeGroup(completions: readonly Completion[], index: number): Record<string, unknown>[] {
  return completions.map(({ ids, text, logProbs, finishReason }, generation) => ({
    ...(completions.length > 1 ? { index, generation } : {}),
    completion_ids: ids,
    text,
    logprobs: logProbs,
    finish_reason: finishReason,
  }))
}
