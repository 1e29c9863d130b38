import fs from 'node:fs'
import { TensorBoardWriter } from '../io/tensorBoardWriter.js'
import type { CompletionLine } from '../run/completionsFile.js'
import { GrowingFiles } from '../run/growingFiles.js'
import type { FilePositions } from '../run/growingFiles.js'
import { runFileNames } from '../run/fileNames.js'
import { runLayout } from '../run/layout.js'
import { tailMetrics } from '../run/metricsFile.js'
import type { MetricsLine } from '../run/metricsFile.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { TokenTexts } from '../text/tokenTexts.js'
import type { GRPOConfig } from './config/config.js'
import type { TrainingMetrics } from './metrics/trainingMetrics.js'
import type { RolloutGroup, ScoredCompletion } from './rollouts/rollouts.js'
import type { TrainingStep } from './step.js'

/** What the files of a run are written for. */
interface RunFilesOptions extends Pick<GRPOConfig, 'reportTo' | 'logCompletionTokens'> {
  tokenizer: Tokenizer | null
  onWarning: (message: string) => void
}

/**
 * The files of a run that grow step by step: metrics.jsonl, a line a step, completions.jsonl, a line a completion, and
 * diagnosis.jsonl, a line whenever a finding starts or ends; with reportTo `tensorboard` also event files in tensorboard/.
 */
export class RunFiles {
  readonly #files: GrowingFiles
  #tensorBoard: TensorBoardWriter | null = null
  readonly #tokenTexts: TokenTexts | null

  /** Makes the folder where it is missing. Goes on behind the steps of `position`; without one it replaces the files. */
  constructor(
    private readonly folder: string,
    private readonly options: RunFilesOptions,
    position: FilePositions = {},
  ) {
    this.#tokenTexts = options.tokenizer && new TokenTexts(options.tokenizer)
    this.#files = new GrowingFiles(folder, ['metrics', 'completions', 'diagnosis'], position, options.onWarning)
  }

  get position(): FilePositions {
    return this.#files.positions
  }

  /** Goes back to an earlier position: the steps behind it are made again. */
  goBack(position: FilePositions): void {
    this.close()
    this.#files.goBack(position)
  }

  /**
   * Adds the lines of a step: all of them, or none that counts. Throws a GrpoError when the disk is full.
   * @returns what was lost of earlier lines, because something else deleted the files or cut them short; nothing, as a rule
   */
  write({ step, metrics, groups, diagnosis }: TrainingStep): string[] {
    const lost = this.#files.write({
      metrics: [{ step, ...metrics }],
      completions: groups.flatMap((group, index) =>
        group.completions.map((completion) => this.#completionLine(step, index, group, completion)),
      ),
      diagnosis: diagnosis.filter(({ state }) => state !== 'ongoing').map((finding) => ({ step, ...finding })),
    })
    if (this.options.reportTo.includes('tensorboard')) lost.push(...this.#writeTensorBoard(step, metrics))
    return lost
  }

  #writeTensorBoard(step: number, metrics: TrainingStep['metrics']): string[] {
    const file = this.#tensorBoard?.file
    const isGone = file !== undefined && !fs.existsSync(file)
    if (isGone) {
      this.#tensorBoard?.close()
      this.#tensorBoard = null
    }
    this.#tensorBoard ??= new TensorBoardWriter(runLayout(this.folder).tensorBoard)
    this.#tensorBoard.scalars(step, tensorBoardTags(metrics))
    return isGone ? [`${file} is gone`] : []
  }

  /** The steps so far. Lines that are damaged are left out, and told as a warning. */
  readMetrics(): MetricsLine[] {
    const lines: MetricsLine[] = []
    const tail = tailMetrics(this.folder)
    tail.read((line) => lines.push(line), this.position[runFileNames.metrics])
    if (tail.problem !== null) {
      const { metrics } = runLayout(this.folder)
      this.options.onWarning(`${metrics}: ${tail.problem}; the diagnosis of the run goes without`)
    }
    return lines
  }

  /** Flushes what was written to the disk: a checkpoint that speaks of it must not outlast it. Throws a GrpoError. */
  flush(): void {
    this.#files.flush()
  }

  /** A later step opens the files again and goes on behind what they hold. */
  close(): void {
    this.#files.close()
    this.#tensorBoard?.close()
    this.#tensorBoard = null
  }

  #completionLine(
    step: number,
    group: number,
    { problem, promptText }: RolloutGroup,
    completion: ScoredCompletion,
  ): CompletionLine {
    const { text, finishReason, ids, rewards, correct, reward, advantage } = completion
    return {
      step,
      group,
      problem: problem.id,
      prompt: promptText,
      completion: text,
      answer: problem.answer,
      rewards,
      correct,
      reward,
      advantage,
      finish_reason: finishReason,
      length: ids.length,
      ...(this.options.logCompletionTokens && this.#tokensOf(completion)),
    }
  }

  /** The tokens with their texts, and their log-probabilities to four digits, which is what a reader can use of them. */
  #tokensOf({ ids, text, logProbs, refLogProbs, mask }: ScoredCompletion): Partial<CompletionLine> {
    const rounded = (values: readonly number[]): number[] => values.map((value) => Number(value.toPrecision(4)))
    return {
      completion_ids: ids,
      tokens: this.#tokenTexts?.of(ids, text) ?? undefined,
      logprobs: rounded(logProbs),
      ref_logprobs: refLogProbs && rounded(refLogProbs),
      mask: mask?.includes(0) ? mask : undefined,
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
