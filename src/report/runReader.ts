import fs from 'node:fs'
import path from 'node:path'
import { DataError } from '../errors.js'
import { CompletionLog } from './completionLog.js'
import { DiagnosisLog } from './diagnosisLog.js'
import { readEvaluation } from './evaluation.js'
import { JsonLinesTail } from './jsonLinesTail.js'
import { MetricsLog } from './metricsLog.js'
import { readPreflight } from './preflight.js'
import type { EvaluationReport, Preflight, ReportData } from './reportData.js'
import { asNumber } from './values.js'
import { readRunConfig } from '../run/configFile.js'
import type { ConfigFile } from '../run/configFile.js'
import { runLayout } from '../run/layout.js'

/** What is read of a run, but for how the page is shown. */
export type RunContents = Omit<ReportData, 'writtenAt' | 'live'>

/**
 * Reads the folder of a run: config.yaml, metrics.jsonl, completions.jsonl, diagnosis.jsonl, preflight.json, eval.json, each of
 * which may be missing. `read` may be called again while the run goes on and reads only what is new.
 */
export class RunReader {
  readonly folder: string
  readonly name: string
  /** Counts how often the run was started anew in the same folder. */
  generation = 0
  #config: ConfigFile | null = null
  #files: readonly { tail: JsonLinesTail; add: (value: unknown) => void }[] = []
  #metrics = new MetricsLog()
  #completions = new CompletionLog(null)
  #diagnosis = new DiagnosisLog()
  #preflight: Preflight | null = null
  #evaluation: EvaluationReport | null = null
  #configProblem: string | null = null
  #problems: string[] = []

  /** @throws DataError when there is no such folder */
  constructor(folder: string) {
    this.folder = path.resolve(folder)
    this.name = path.basename(this.folder)
    if (!fs.statSync(this.folder, { throwIfNoEntry: false })?.isDirectory()) {
      throw new DataError(`${folder} is not a folder; expected the folder of a run, such as runs/quickstart`)
    }
    this.#start()
  }

  /**
   * Reads what is new. The groups of the newest step are taken when its lines are complete: with `final`, or when the file has
   * not grown since the last call.
   */
  read(options: { final: boolean }): RunContents {
    if (this.#files.some(({ tail }) => tail.isReplaced)) {
      this.generation++
      this.#start()
    }
    this.#problems = this.#configProblem === null ? [] : [this.#configProblem]
    this.#preflight = this.#readJson(runLayout(this.folder).preflight, readPreflight)
    this.#evaluation = this.#readJson(runLayout(this.folder).evaluation, readEvaluation)
    for (const { tail, add } of this.#files) {
      const hasGrown = tail.read(add)
      if (options.final) tail.end(add)
      if (tail.badLines > 0)
        this.#problems.push(`${path.basename(tail.file)}: ${tail.badLines} lines are not JSON and were left out`)
      if (add === this.#addCompletion && (options.final || !hasGrown)) this.#completions.flush()
    }
    const { rewardNames, steps, groups, groupsLeftOut } = this.#completions
    return {
      name: this.name,
      config: this.#config,
      metrics: this.#metrics.lines,
      rewardNames,
      steps,
      groups,
      groupsLeftOut,
      notes: this.#diagnosis.notes,
      preflight: this.#preflight,
      evaluation: this.#evaluation,
      problems: this.#problems,
    }
  }

  #addCompletion = (value: unknown): void => {
    this.#completions.add(value)
  }

  #start(): void {
    this.#config = this.#readConfig()
    this.#metrics = new MetricsLog()
    this.#completions = new CompletionLog(asNumber(this.#config?.num_generations))
    this.#diagnosis = new DiagnosisLog()
    const { metrics, completions, diagnosis } = runLayout(this.folder)
    this.#files = [
      {
        tail: new JsonLinesTail(metrics),
        add: (value) => {
          this.#metrics.add(value)
        },
      },
      { tail: new JsonLinesTail(completions), add: this.#addCompletion },
      {
        tail: new JsonLinesTail(diagnosis),
        add: (value) => {
          this.#diagnosis.add(value)
        },
      },
    ]
  }

  /** Null when there is no such file, or when it cannot be read, which is noted. */
  #readConfig(): ConfigFile | null {
    try {
      this.#configProblem = null
      return readRunConfig(this.folder)
    } catch (error) {
      this.#configProblem = `config.yaml cannot be read and was left out: ${(error as Error).message}`
      return null
    }
  }

  /** Null when there is no such file, or when it is not JSON, which is noted. */
  #readJson<T>(file: string, read: (value: unknown) => T | null): T | null {
    const name = path.basename(file)
    if (!fs.existsSync(file)) return null
    try {
      const result = read(JSON.parse(fs.readFileSync(file, 'utf8')))
      if (result === null) this.#problems.push(`${name} is not as grpo-ts writes it and was left out`)
      return result
    } catch (error) {
      this.#problems.push(`${name} cannot be read and was left out: ${(error as Error).message}`)
      return null
    }
  }
}
