import fs from 'node:fs'
import path from 'node:path'
import { DataError, FileFormatError } from '../errors.js'
import { tailCompletions } from '../run/completionsFile.js'
import type { CompletionLine } from '../run/completionsFile.js'
import { readRunConfig } from '../run/configFile.js'
import type { ConfigFile } from '../run/configFile.js'
import { tailDiagnosis } from '../run/diagnosisFile.js'
import type { DiagnosisLine } from '../run/diagnosisFile.js'
import { readEvaluation } from '../run/evaluationFile.js'
import { runLayout } from '../run/layout.js'
import { tailMetrics } from '../run/metricsFile.js'
import type { MetricsLine } from '../run/metricsFile.js'
import { readPreflight } from '../run/preflightFile.js'
import type { PreflightFile } from '../run/preflightFile.js'
import { readImportFile } from '../run/importFile.js'
import type { ImportFile } from '../run/importFile.js'
import type { RecordTail } from '../run/recordTail.js'
import type { ReviewSummary } from '../eval/review/summary.js'
import { CompletionLog } from './completionLog.js'
import { DiagnosisLog } from './diagnosisLog.js'
import { evaluationReport } from './evaluationReport.js'
import { MetricsLog } from './metricsLog.js'
import type { EvaluationReport, ReportData } from './reportData.js'
import { reviewReport } from './reviewReport.js'
import { statusOf } from '../io/statusOf.js'

/** What is read of a run, but for how the page is shown. */
export type ReportContents = Omit<ReportData, 'writtenAt' | 'live'>

/**
 * Reads the folder of a run: config.yaml, import.json, metrics.jsonl, completions.jsonl, diagnosis.jsonl, preflight.json, eval.json, each of
 * which may be missing, and is left out, with a word about it, where it is damaged. `read` may be called again while the run
 * goes on and reads only what is new.
 */
export class RunReader {
  readonly folder: string
  readonly name: string
  /** Counts how often the run was started anew in the same folder. */
  generation = 0
  readonly #config: ChangingFile<ConfigFile | null>
  readonly #import: ChangingFile<ImportFile>
  readonly #preflight: ChangingFile<PreflightFile>
  readonly #evaluation: ChangingFile<EvaluationReport>
  readonly #review: ChangingFile<ReviewSummary | null>
  #lines: RunLines

  /** @throws DataError when there is no such folder */
  constructor(folder: string) {
    this.folder = path.resolve(folder)
    this.name = path.basename(this.folder)
    if (!statusOf(this.folder)?.isDirectory()) {
      throw new DataError(`${folder} is not a folder; expected the folder of a run, such as runs/quickstart`)
    }
    const { config, import: imported, preflight, evaluation, reviews } = runLayout(this.folder)
    this.#config = new ChangingFile(config, () => readRunConfig(this.folder))
    this.#import = new ChangingFile(imported, () => readImportFile(this.folder))
    this.#preflight = new ChangingFile(preflight, () => readPreflight(this.folder))
    this.#evaluation = new ChangingFile(evaluation, () => evaluationReport(readEvaluation(evaluation)))
    this.#review = new ChangingFile(reviews, () => reviewReport(this.folder), evaluation)
    this.#lines = this.#start()
  }

  /**
   * Reads what is new. The groups of the newest step are taken when its lines are complete: with `final`, or when the file has
   * not grown since the last call.
   */
  read({ final }: { final: boolean }): ReportContents {
    const followed = [this.#lines.metrics, this.#lines.completions, this.#lines.diagnosis]
    if (followed.some(({ tail }) => tail.isReplaced)) {
      this.generation++
      this.#lines = this.#start()
    }
    const files = [this.#config, this.#import, this.#preflight, this.#evaluation, this.#review]
    for (const file of files) file.update()
    const { metrics, completions, diagnosis } = this.#lines
    metrics.read(final)
    diagnosis.read(final)
    const hasGrown = completions.read(final)
    if (final || !hasGrown) completions.log.flush()
    const { rewardNames, steps, groups, groupsLeftOut } = completions.log
    return {
      name: this.name,
      config: this.#config.value,
      imported: this.#import.value,
      metrics: metrics.log.lines,
      rewardNames,
      steps,
      groups,
      groupsLeftOut,
      notes: diagnosis.log.notes,
      preflight: this.#preflight.value,
      evaluation: this.#evaluation.value,
      review: this.#review.value,
      problems: [...files, metrics.tail, completions.tail, diagnosis.tail].flatMap(({ problem }) => problem ?? []),
    }
  }

  #start(): RunLines {
    this.#config.update()
    const numGenerations = this.#config.value?.num_generations
    return {
      metrics: follow(tailMetrics(this.folder), new MetricsLog()),
      completions: follow(
        tailCompletions(this.folder),
        new CompletionLog(typeof numGenerations === 'number' ? numGenerations : null),
      ),
      diagnosis: follow(tailDiagnosis(this.folder), new DiagnosisLog()),
    }
  }
}

/** The files that grow with every step. */
interface RunLines {
  readonly metrics: FollowedFile<MetricsLine, MetricsLog>
  readonly completions: FollowedFile<CompletionLine, CompletionLog>
  readonly diagnosis: FollowedFile<DiagnosisLine, DiagnosisLog>
}

/** A file that grows, and what was made of its lines. */
interface FollowedFile<T, Log> {
  readonly tail: RecordTail<T>
  readonly log: Log
  /** Adds what is new to the log; returns whether the file had grown. */
  read(final: boolean): boolean
}

function follow<T, Log extends { add(record: T): void }>(tail: RecordTail<T>, log: Log): FollowedFile<T, Log> {
  const take = (record: T): void => {
    log.add(record)
  }
  return {
    tail,
    log,
    read: (final) => {
      const hasGrown = tail.read(take)
      if (final) tail.end(take)
      return hasGrown
    },
  }
}

/** A file that is written as a whole, read when it has changed. */
class ChangingFile<T> {
  /** Null when there is no such file, or when it cannot be read. */
  value: T | null = null
  /** Why it was left out. */
  problem: string | null = null
  #version: string | null = null

  constructor(
    private readonly file: string,
    private readonly read: () => T,
    /** Another file that it is read together with, where there is one. */
    private readonly other: string | null = null,
  ) {}

  update(): void {
    const status = fs.statSync(this.file, { throwIfNoEntry: false })
    const other = this.other === null ? undefined : fs.statSync(this.other, { throwIfNoEntry: false })
    const version = `${versionOf(status)} ${versionOf(other)}`
    if (version === this.#version) return
    this.#version = version
    this.value = this.problem = null
    if (!status) return
    try {
      // A pipe would have to be waited for.
      if (!status.isFile()) throw new FileFormatError(this.file, 'it is not a file')
      this.value = this.read()
    } catch (error) {
      if (!(error instanceof FileFormatError)) throw error
      this.problem = `${path.basename(this.file)} was left out: ${error.message.replace(`${error.file}: `, '')}`
    }
  }
}

/** Another text for a file that was replaced, or has grown. */
function versionOf(status: fs.Stats | undefined): string {
  return status ? `${status.ino} ${status.size} ${status.mtimeMs}` : ''
}
