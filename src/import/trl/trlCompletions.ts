import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../../errors.js'
import { quote } from '../../io/json.js'
import { readConversation } from '../../tasks/rows/conversation.js'
import { readParquet } from '../../tasks/rows/parquet.js'
import type { ChatMessage } from '../../text/chatTemplate.js'
import type { EngineCompletion, EngineStep } from '../engineOutput.js'

/** Columns that are no rewards: TRL's own, and what the reward module of `grpo-ts export` adds by TRL's `log_extra`. */
const otherColumns = [
  'step',
  'prompt',
  'completion',
  'advantage',
  'problem_id',
  'answer',
  'finish_reason',
  'completion_length',
]

/** completions/completions_NNNNN.parquet of TRL, in the order of the steps. */
export function completionFiles(folder: string): { file: string; step: number }[] {
  const completions = path.join(folder, 'completions')
  if (!fs.existsSync(completions) || !fs.statSync(completions).isDirectory()) return []
  return fs
    .readdirSync(completions)
    .flatMap((name) => {
      const [, step] = /^completions_(\d{1,12})\.parquet$/.exec(name) ?? []
      return step === undefined ? [] : [{ file: path.join(completions, name), step: Number(step) }]
    })
    .toSorted((a, b) => a.step - b.step)
}

/**
 * Reads a file of completions: those of the newest generation batch when the step was logged. `rewardNames` are the reward functions
 * that the run is known to have; null where they are not known, so that all columns of numbers are taken for rewards.
 * Throws a FileFormatError.
 */
export function readCompletionFile(file: string, step: number, rewardNames: ReadonlySet<string> | null): EngineStep {
  const completions: EngineCompletion[] = []
  for (const { line, value } of readParquet(file)) {
    const row = value as Readonly<Record<string, unknown>>
    const where = `${file}, row ${line}`
    if (row.step !== undefined && row.step !== step) {
      throw new FileFormatError(where, `is of step ${quote(row.step)}; expected ${step}, which the file is named after`)
    }
    completions.push(readRow(row, rewardNames, where))
  }
  return { step, completions }
}

function readRow(
  row: Readonly<Record<string, unknown>>,
  rewardNames: ReadonlySet<string> | null,
  where: string,
): EngineCompletion {
  const {
    prompt,
    completion,
    advantage,
    problem_id: problem,
    answer,
    finish_reason: finish,
    completion_length: length,
  } = row
  if (prompt === undefined || completion === undefined) {
    throw new FileFormatError(
      where,
      `has the columns ${quote(Object.keys(row).join(', '))}; expected step, prompt, completion, the rewards and advantage, as TRL 1.16 writes them`,
    )
  }
  const isReward = (name: string): boolean =>
    rewardNames === null ? !otherColumns.includes(name) : rewardNames.has(name)
  const rewards = Object.entries(row).filter(
    ([name, value]) => isReward(name) && (rewardNames !== null || typeof value === 'number'),
  )
  return {
    prompt: readPrompt(prompt, where),
    completion: readText(completion, where),
    problem: typeof problem === 'string' || typeof problem === 'number' ? String(problem) : null,
    answer: typeof answer === 'string' || typeof answer === 'number' ? String(answer) : null,
    rewards: Object.fromEntries(rewards.map(([name, value]) => [name, finite(value)])),
    advantage: finite(advantage),
    finishReason: finish === 'stop' || finish === 'length' ? finish : null,
    length: typeof length === 'number' && Number.isSafeInteger(length) && length >= 0 ? length : null,
  }
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function readPrompt(value: unknown, where: string): string | readonly ChatMessage[] {
  if (typeof value === 'string') return value
  const conversation = readConversation(value)
  if (conversation !== null && typeof conversation !== 'string') return conversation.messages
  throw new FileFormatError(
    where,
    `${conversation ?? `has the prompt ${quote(value)}`}; expected a text or a list of messages`,
  )
}

/** A completion is a text, or the messages of the assistant, between which those of tools may stand. */
function readText(value: unknown, where: string): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) {
    const contents = value.map((message: unknown) => (message as { content?: unknown } | null)?.content)
    if (contents.every((content) => typeof content === 'string')) return contents.join('\n')
  }
  throw new FileFormatError(where, `has the completion ${quote(value)}; expected a text or a list of messages`)
}
