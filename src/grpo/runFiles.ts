import fs from 'node:fs'
import path from 'node:path'
import { asWriteError } from '../io/atomicWrite.js'
import { FileFormatError } from '../errors.js'
import { isJsonObject, parseJson } from '../io/json.js'
import { JsonLinesWriter } from '../io/jsonLines.js'
import { TensorBoardWriter } from '../io/tensorBoardWriter.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { TokenTexts } from '../text/tokenTexts.js'
import type { GRPOConfig } from './config/config.js'
import type { TrainingMetrics } from './metrics/trainingMetrics.js'
import type { ScoredCompletion } from './rollouts/rollouts.js'
import type { TrainingStep } from './trainer.js'

const NAMES = ['metrics.jsonl', 'completions.jsonl', 'diagnosis.jsonl'] as const

/** Bytes of each file that belong to the steps so far. */
export type RunFilesPosition = Readonly<Record<string, number>>

/**
 * The files of a run that grow step by step: metrics.jsonl, a line a step, completions.jsonl, a line a completion, and
 * diagnosis.jsonl, a line whenever a finding starts or ends; with reportTo `tensorboard` also event files in tensorboard/.
 * What a failed write, or a step that is made again, left behind the lines of the steps so far is cut off by the next write.
 */
export class RunFiles {
  #writers: Record<'metrics' | 'completions' | 'diagnosis', JsonLinesWriter> | null = null
  #tensorBoard: TensorBoardWriter | null = null
  #position: RunFilesPosition
  readonly #tokenTexts: TokenTexts | null

  /** Makes the folder where it is missing. Goes on behind the steps of `position`; without one it replaces the files. */
  constructor(
    private readonly folder: string,
    private readonly options: Pick<GRPOConfig, 'reportTo' | 'logCompletionTokens'> & { tokenizer: Tokenizer | null },
    position: RunFilesPosition = {},
  ) {
    this.#position = Object.fromEntries(NAMES.map((name) => [name, position[name] ?? 0]))
    this.#tokenTexts = options.tokenizer && new TokenTexts(options.tokenizer)
    try {
      fs.mkdirSync(folder, { recursive: true })
      this.#cut()
    } catch (error) {
      throw asWriteError(folder, error)
    }
  }

  get position(): RunFilesPosition {
    return this.#position
  }

  /** Goes back to an earlier position: the steps behind it are made again. */
  goBack(position: RunFilesPosition): void {
    this.close()
    this.#position = position
  }

  /** Adds the lines of a step: all of them, or none that counts. Throws a GrpoError when the disk is full. */
  write({ step, metrics, groups, diagnosis }: TrainingStep): void {
    if (!this.#writers) {
      this.#cut()
      const open = (name: string): JsonLinesWriter =>
        new JsonLinesWriter(path.join(this.folder, name), { append: true })
      this.#writers = { metrics: open(NAMES[0]), completions: open(NAMES[1]), diagnosis: open(NAMES[2]) }
    }
    try {
      this.#writers.metrics.write({ step, ...metrics })
      for (const finding of diagnosis) {
        if (finding.state !== 'ongoing') this.#writers.diagnosis.write({ step, ...finding })
      }
      for (const [group, { problem, promptText, completions }] of groups.entries()) {
        for (const completion of completions) {
          const { text, finishReason, ids, rewards, correct, reward, advantage } = completion
          this.#writers.completions.write({
            ...{ step, group, problem: problem.id, prompt: promptText, completion: text, answer: problem.answer },
            ...{ rewards, correct, reward, advantage, finish_reason: finishReason, length: ids.length },
            ...(this.options.logCompletionTokens && this.#tokensOf(completion)),
          })
        }
      }
    } catch (error) {
      this.close()
      throw error
    }
    this.#position = Object.fromEntries(NAMES.map((name) => [name, this.#size(name)]))
    if (this.options.reportTo.includes('tensorboard')) {
      this.#tensorBoard ??= new TensorBoardWriter(path.join(this.folder, 'tensorboard'))
      this.#tensorBoard.scalars(step, tensorBoardTags(metrics))
    }
  }

  /** The metrics of the steps so far; null stands for NaN. Throws a FileFormatError when they are not there any more. */
  readMetrics(): { step: number; metrics: Record<string, number | null> }[] {
    const file = path.join(this.folder, 'metrics.jsonl')
    const bytes = fs.readFileSync(file).subarray(0, this.#position['metrics.jsonl'])
    const text = bytes.toString().trimEnd()
    return (text === '' ? [] : text.split('\n')).map((line, i) => {
      const value = parseJson(`${file}:${i + 1}`, 'the line', Buffer.from(line))
      if (!isMetricsLine(value)) throw new FileFormatError(`${file}:${i + 1}`, 'is not the line of a step')
      const { step, ...metrics } = value
      return { step, metrics }
    })
  }

  /** Flushes what was written to the disk: a checkpoint that speaks of it must not outlast it. Throws a GrpoError. */
  flush(): void {
    for (const name of NAMES) {
      const file = path.join(this.folder, name)
      try {
        const descriptor = fs.openSync(file, 'r+')
        try {
          fs.fsyncSync(descriptor)
        } finally {
          fs.closeSync(descriptor)
        }
      } catch (error) {
        throw asWriteError(file, error)
      }
    }
  }

  /** A later step opens the files again and goes on behind what they hold. */
  close(): void {
    for (const writer of Object.values(this.#writers ?? {})) writer.close()
    this.#writers = null
    this.#tensorBoard?.close()
    this.#tensorBoard = null
  }

  /** The tokens with their texts, and their log-probabilities to four digits, which is what a reader can use of them. */
  #tokensOf({ ids, text, logProbs, refLogProbs }: ScoredCompletion): Record<string, unknown> {
    const tokens = this.#tokenTexts?.of(ids, text)
    const rounded = (values: readonly number[]): number[] => values.map((value) => Number(value.toPrecision(4)))
    return {
      ...{ completion_ids: ids, ...(tokens && { tokens }), logprobs: rounded(logProbs) },
      ...(refLogProbs && { ref_logprobs: rounded(refLogProbs) }),
    }
  }

  #size(name: string): number {
    return fs.statSync(path.join(this.folder, name)).size
  }

  /** Makes the files that are missing and cuts off what lies behind the position. A file that is shorter stays as it is. */
  #cut(): void {
    for (const name of NAMES) {
      fs.closeSync(fs.openSync(path.join(this.folder, name), 'a'))
      if (this.#size(name) > this.#position[name]!) fs.truncateSync(path.join(this.folder, name), this.#position[name])
    }
  }
}

/** The names that transformers gives metrics in TensorBoard: `train/reward`, and `eval/reward` for `eval_reward`. */
function tensorBoardTags(metrics: TrainingMetrics): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([name, value]) => {
      const tag = name.startsWith('eval_') ? `eval/${name.slice('eval_'.length)}` : `train/${name}`
      return value === undefined ? [] : [[tag, value] as const]
    }),
  )
}

function isMetricsLine(value: unknown): value is Record<string, number | null> & { step: number } {
  return isJsonObject(value) && typeof value.step === 'number'
}
