import type { Command } from 'commander'
import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { parseJsonFields } from '../../io/jsonFields.js'
import { generate as generateCompletions } from '../../policy/generate.js'
import { defaultCompletionLength } from '../../engine/sampling.js'
import type { Completion } from '../../engine/sampling.js'
import { drawOptions, lengthOption, samplingOptions } from '../../engine/samplingOptions.js'
import { checkOutput, readRows, writeRows } from '../terminal/batchFiles.js'
import type { Row } from '../terminal/batchFiles.js'
import type { Streams } from '../terminal/streams.js'
import { modelOptions, nameOption, withModel } from '../terminal/modelOptions.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import { Progress } from '../terminal/progress.js'
import { checkPromptRow, checkRoom, promptFields, promptTokens } from '../terminal/promptRows.js'

const flags = schemaFlags({
  ...modelOptions,
  input: nameOption.optional().describe('JSON lines; - is standard input.'),
  output: nameOption.optional().describe('JSON lines; - is standard output.'),
  prompt: z.string().optional().describe('Complete this text and print the completion.'),
  chat: z.string().optional().describe('Print the answer to this message.'),
  ...samplingOptions,
  maxCompletionLength: lengthOption,
  ...drawOptions,
})

/** The flags of `grpo-ts generate`; prompts come from one of `input`, `prompt` and `chat`. */
export type GenerateOptions = ReturnType<typeof flags.parse>

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
  flags.addTo(command)
  command.action((given: Flags) => generate(flags.parse('generate', given), streams))
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
      ...options,
      maxCompletionLength: completionLength(options, model),
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
