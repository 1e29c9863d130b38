import path from 'node:path'
import { DataError, FileFormatError } from '../../errors.js'
import { isJsonObject, quote } from '../../io/json.js'
import { readLines } from '../../io/jsonLines.js'
import { parsePythonJson } from '../../io/pythonJson.js'
import type { EngineCompletion, EngineStep } from '../engineOutput.js'
import { filesBelow } from '../filesBelow.js'
import { firstLine } from './verlLogs.js'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** What every line of a dump has; others are what the reward function returned beside the score. */
const ownKeys: readonly string[] = ['input', 'output', 'gts', 'score', 'step', 'uid', 'request_id']

/**
 * The files N.jsonl of trainer.rollout_data_dir below a folder, in the order of the steps; those of trainer.validation_data_dir have the
 * same form and are told by the name of their folder. Throws a DataError where there are several.
 */
export function rolloutFiles(folder: string): { file: string; step: number }[] {
  const dumps = filesBelow(folder, /^\d{1,12}\.jsonl$/).filter((file) => {
    const line = firstLine(file)
    return ['"input":', '"output":', '"score":'].every((key) => line.includes(key))
  })
  const places = [...new Set(dumps.map((file) => path.dirname(file)))]
  const training = places.filter((place) => !/val|test|eval/i.test(path.basename(place)))
  if (training.length > 1) {
    throw new DataError(
      `${folder} holds the rollouts of ${training.length} trainings (${training.join(', ')}); give the folder of one of them`,
    )
  }
  return dumps
    .filter((file) => path.dirname(file) === training[0])
    .map((file) => ({ file, step: Number(path.basename(file, '.jsonl')) }))
    .toSorted((a, b) => a.step - b.step)
}

/** Reads the completions of a step. Throws a FileFormatError. */
export async function readRollouts(file: string, step: number): Promise<EngineStep> {
  const completions: EngineCompletion[] = []
  for await (const { line, bytes } of readLines(file)) completions.push(readRow(bytes, `${file}:${line}`, step))
  return { step, completions }
}

function readRow(bytes: Uint8Array, where: string, step: number): EngineCompletion {
  let row: unknown
  try {
    row = parsePythonJson(utf8.decode(bytes))
  } catch (cause) {
    throw new FileFormatError(where, `is not valid JSON (${(cause as Error).message}): it is cut or corrupt`, { cause })
  }
  if (!isJsonObject(row) || typeof row.input !== 'string' || typeof row.output !== 'string') {
    throw new FileFormatError(where, `is ${quote(row)}; expected input, output and score as verl writes them`)
  }
  if (row.step !== undefined && row.step !== step) {
    throw new FileFormatError(where, `is of step ${quote(row.step)}; expected ${step}, which the file is named after`)
  }
  const { input, output, gts, score, problem_id: problem } = row
  const rewards = Object.entries(row).filter(
    ([name, value]) => !ownKeys.includes(name) && (typeof value === 'number' || value === null),
  )
  return {
    prompt: input,
    completion: output,
    problem: typeof problem === 'string' ? problem : null,
    answer: typeof gts === 'string' || typeof gts === 'number' ? String(gts) : null,
    rewards: Object.fromEntries(rewards) as Record<string, number | null>,
    reward: typeof score === 'number' ? score : null,
    advantage: null,
    finishReason: null,
    length: null,
  }
}
