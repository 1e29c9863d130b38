import fs from 'node:fs'
import path from 'node:path'
import { JsonLinesWriter } from '../io/jsonLines.js'
import type { TrainingStep } from './trainer.js'

/** The files of a run that grow step by step: metrics.jsonl, a line a step, and completions.jsonl, a line a completion. */
export class RunFiles {
  readonly #metrics: JsonLinesWriter
  readonly #completions: JsonLinesWriter

  constructor(readonly folder: string) {
    fs.mkdirSync(folder, { recursive: true })
    this.#metrics = new JsonLinesWriter(path.join(folder, 'metrics.jsonl'))
    this.#completions = new JsonLinesWriter(path.join(folder, 'completions.jsonl'))
  }

  write({ step, metrics, groups }: TrainingStep): void {
    this.#metrics.write({ step, ...metrics })
    for (const { problem, promptText, completions } of groups) {
      for (const { text, finishReason, ids, rewards, reward, advantage } of completions) {
        this.#completions.write({
          ...{ step, problem: problem.id, prompt: promptText, completion: text, answer: problem.answer },
          ...{ rewards, reward, advantage, finish_reason: finishReason, length: ids.length },
        })
      }
    }
  }

  close(): void {
    this.#metrics.close()
    this.#completions.close()
  }
}
