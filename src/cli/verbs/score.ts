import type { Command } from 'commander'
import { z } from 'zod'
import { DataError } from '../../errors.js'
import { quote } from '../../io/json.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { parseJsonFields } from '../../io/jsonFields.js'
import { scoreTokens } from '../../policy/score.js'
import type { SequenceToScore, TokenScores } from '../../policy/score.js'
import { checkOutput, readRows, writeRows } from '../terminal/batchFiles.js'
import type { Row } from '../terminal/batchFiles.js'
import type { Streams } from '../terminal/streams.js'
import { option } from '../../options/schema.js'
import { modelOptions, nameOption, withModel } from '../terminal/modelOptions.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import { Progress } from '../terminal/progress.js'
import { checkPromptRow, promptFields, promptTokens, tokenizerOf } from '../terminal/promptRows.js'

const flags = schemaFlags({
  ...modelOptions,
  input: nameOption.describe('JSON lines; - is standard input.'),
  output: nameOption.describe('JSON lines; - is standard output.'),
  temperature: option(z.number().positive(), 1, 'Divides the logits.'),
})

/** The flags of `grpo-ts score`. */
export type ScoreOptions = ReturnType<typeof flags.parse>

const rowSchema = z.object({
  ...promptFields,
  prompt_length: z.int().min(1).optional(),
  completion: z.string().min(1).optional(),
})

/** Sequences that are scored between two updates of the progress line. */
const SEQUENCES_PER_UPDATE = 32

export function addScoreCommand(program: Command, streams: Streams): void {
  const command = program
    .command('score')
    .summary('log-probabilities and entropies of given tokens')
    .description(
      'Scores tokens. Reads JSON lines {"input_ids": [...], "prompt_length": k}, or a "prompt" or "messages" with a ' +
        '"completion", and writes, in the same order, {"logprobs": [...], "entropies": [...]} in nats for the tokens from k ' +
        'on, or for those of the completion, with "completion_ids".',
    )
  flags.addTo(command)
  command.action((given: Flags) => score(flags.parse('score', given), streams))
}

/** Scores the sequences of a file and writes the result when all is done. */
export async function score(options: ScoreOptions, streams: Streams): Promise<void> {
  const { temperature } = options
  checkOutput(options.output)
  const rows = await readRows(options.input, streams.stdin)
  const readers = rows.map(readSequence)
  const lines = await interruptible((signal) => {
    onInterruption(signal, (interrupted) => streams.stderr.write(`${interrupted}: nothing was written\n`))
    return withModel({ ...options, signal }, async (model) => {
      const sequences = readers.map((read) => read(model))
      const progress = new Progress(streams.stderr, sequences.length, 'sequences')
      try {
        const scores: TokenScores[] = []
        while (scores.length < sequences.length) {
          const next = sequences.slice(scores.length, scores.length + SEQUENCES_PER_UPDATE)
          scores.push(...(await scoreTokens(model, next, { temperature, signal })))
          progress.update(scores.length)
        }
        return scores.map(({ logProbs, entropies }, i) => {
          const { inputIds, promptLength } = sequences[i]!
          const completion = readers[i]!.isText ? { completion_ids: inputIds.slice(promptLength) } : {}
          return { ...completion, logprobs: logProbs, entropies }
        })
      } finally {
        progress.stop()
      }
    })
  })
  writeRows(options.output, lines, streams.stdout)
}

/** A line that was checked: called, it makes the tokens when the model is there. */
interface SequenceReader {
  (model: CausalLM): SequenceToScore
  /** The line has texts, so that its tokens are worth telling. */
  readonly isText: boolean
}

function readSequence({ where, value }: Row): SequenceReader {
  const { prompt_length: promptLength, completion, ...prompt } = parseJsonFields(rowSchema, value, where)
  checkPromptRow(prompt, value, where)
  if (completion !== undefined && promptLength === undefined) {
    const read = (model: CausalLM): SequenceToScore => {
      const ids = promptTokens(prompt, model, where)
      return { inputIds: [...ids, ...tokenizerOf(model, where).encode(completion)], promptLength: ids.length }
    }
    return Object.assign(read, { isText: true })
  }
  const length = prompt.input_ids?.length
  if (length === undefined || promptLength === undefined || completion !== undefined) {
    throw new DataError(
      `${where}: expected input_ids with prompt_length, or prompt or messages with completion; got ${quote(value)}`,
    )
  }
  if (promptLength > length) {
    throw new DataError(`${where}: prompt_length is ${promptLength}, but input_ids has only ${length} tokens`)
  }
  const read = (model: CausalLM): SequenceToScore => ({ inputIds: promptTokens(prompt, model, where), promptLength })
  return Object.assign(read, { isText: false })
}
