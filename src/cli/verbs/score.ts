import type { Command } from 'commander'
import { z } from 'zod'
import { ConfigError, DataError } from '../../errors.js'
import { parseJsonFields } from '../../model/jsonFields.js'
import { scoreTokens } from '../../rollout/score.js'
import type { SequenceToScore, TokenScores } from '../../rollout/score.js'
import { checkOutput, checkTokenIds, readRows, tokenIdsSchema, writeRows } from '../terminal/batchFiles.js'
import type { Row } from '../terminal/batchFiles.js'
import type { Streams } from '../commandLine.js'
import { addModelOptions, parseNumber, withModel } from '../terminal/modelOptions.js'
import type { ModelOptions } from '../terminal/modelOptions.js'
import { Progress } from '../terminal/progress.js'

export interface ScoreOptions extends ModelOptions {
  input: string
  output: string
  temperature: number
}

const rowSchema = z.object({ input_ids: tokenIdsSchema, prompt_length: z.int().min(1) })

/** Sequences that are scored between two updates of the progress line. */
const SEQUENCES_PER_UPDATE = 32

export function addScoreCommand(program: Command, streams: Streams): void {
  const command = program
    .command('score')
    .summary('log-probabilities and entropies of given tokens')
    .description(
      'Scores tokens. Reads JSON lines {"input_ids": [...], "prompt_length": k} and writes, in the same order, ' +
        '{"logprobs": [...], "entropies": [...]} in nats for the tokens from k on.',
    )
  addModelOptions(command)
    .requiredOption('--input <file>', 'JSON lines; - is standard input')
    .requiredOption('--output <file>', 'JSON lines; - is standard output')
    .option('--temperature <T>', 'divides the logits', parseNumber, 1)
    .action((options: ScoreOptions) => score(options, streams))
}

/** Scores the sequences of a file and writes the result when all is done. */
export async function score(options: ScoreOptions, streams: Streams): Promise<void> {
  const { temperature } = options
  if (!(temperature > 0 && temperature < Infinity)) {
    throw new ConfigError(`--temperature is ${temperature}; expected a number above 0`)
  }
  checkOutput(options.output)
  const rows = await readRows(options.input, streams.stdin)
  const sequences = rows.map(readSequence)
  const scores = await withModel(options, async (model) => {
    for (const [index, { inputIds }] of sequences.entries()) checkTokenIds(inputIds, model, rows[index]!.where)
    const progress = new Progress(streams.stderr, sequences.length, 'sequences')
    try {
      const scores: TokenScores[] = []
      while (scores.length < sequences.length) {
        const next = sequences.slice(scores.length, scores.length + SEQUENCES_PER_UPDATE)
        scores.push(...(await scoreTokens(model, next, { temperature })))
        progress.update(scores.length)
      }
      return scores
    } finally {
      progress.stop()
    }
  })
  const lines = scores.map(({ logProbs, entropies }) => ({ logprobs: logProbs, entropies }))
  writeRows(options.output, lines, streams.stdout)
}

function readSequence({ where, value }: Row): SequenceToScore {
  const { input_ids: inputIds, prompt_length: promptLength } = parseJsonFields(rowSchema, value, where)
  if (promptLength <= inputIds.length) return { inputIds, promptLength }
  throw new DataError(`${where}: prompt_length is ${promptLength}, but input_ids has only ${inputIds.length} tokens`)
}
