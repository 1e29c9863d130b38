import fs from 'node:fs'
import path from 'node:path'
import { JsonLinesWriter } from '../io/jsonLines.js'
import { TensorBoardWriter } from '../io/tensorBoardWriter.js'
import type { GRPOConfig } from './config.js'
import type { TrainingStep } from './trainer.js'

type Writers = Record<'metrics' | 'completions' | 'diagnosis', JsonLinesWriter>

/**
 * The files of a run that grow step by step: metrics.jsonl, a line a step, completions.jsonl, a line a completion, and
 * diagnosis.jsonl, a line whenever a finding starts or ends; with reportTo `tensorboard` also event files in tensorboard/.
 */
export class RunFiles {
  #open: Writers | null
  #tensorBoard: TensorBoardWriter | null = null

  /** Makes the folder where it is missing, and replaces the files of an earlier run. */
  constructor(
    private readonly folder: string,
    private readonly options: Pick<GRPOConfig, 'reportTo'>,
  ) {
    fs.mkdirSync(folder, { recursive: true })
    this.#open = this.#writers({ append: false })
  }

  write({ step, metrics, groups, diagnosis }: TrainingStep): void {
    this.#open ??= this.#writers({ append: true })
    this.#open.metrics.write({ step, ...metrics })
    if (this.options.reportTo.includes('tensorboard')) {
      this.#tensorBoard ??= new TensorBoardWriter(path.join(this.folder, 'tensorboard'))
      this.#tensorBoard.scalars(step, tensorBoardTags(metrics))
    }
    for (const finding of diagnosis) if (finding.state !== 'ongoing') this.#open.diagnosis.write({ step, ...finding })
    for (const { problem, promptText, completions } of groups) {
      for (const { text, finishReason, ids, rewards, reward, advantage } of completions) {
        this.#open.completions.write({
          ...{ step, problem: problem.id, prompt: promptText, completion: text, answer: problem.answer },
          ...{ rewards, reward, advantage, finish_reason: finishReason, length: ids.length },
        })
      }
    }
  }

  /** A later step opens the files again and goes on behind what they hold. */
  close(): void {
    this.#open?.metrics.close()
    this.#open?.completions.close()
    this.#open?.diagnosis.close()
    this.#open = null
    this.#tensorBoard?.close()
    this.#tensorBoard = null
  }

  #writers(options: { append: boolean }): Writers {
    return {
      metrics: new JsonLinesWriter(path.join(this.folder, 'metrics.jsonl'), options),
      completions: new JsonLinesWriter(path.join(this.folder, 'completions.jsonl'), options),
      diagnosis: new JsonLinesWriter(path.join(this.folder, 'diagnosis.jsonl'), options),
    }
  }
}

/** The names that transformers gives metrics in TensorBoard: `train/reward`, and `eval/reward` for `eval_reward`. */
function tensorBoardTags(metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [
      name.startsWith('eval_') ? `eval/${name.slice('eval_'.length)}` : `train/${name}`,
      value,
    ]),
  )
}
