import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, FileFormatError } from '../errors.js'
import { asWriteError, atomicWriteFile, removeQuietly } from '../io/atomicWrite.js'
import { JsonLinesWriter } from '../io/jsonLines.js'
import { formatTrainOptions } from '../grpo/config/trainConfig.js'
import { writeReport } from '../report/writeReport.js'
import { formatConfig } from '../run/configFile.js'
import { writeImportFile } from '../run/importFile.js'
import { runLayout } from '../run/layout.js'
import { lockRunFolder } from '../run/lock.js'
import type { MetricsLine } from '../run/metricsFile.js'
import { checkRunFolder, clearRunFolder } from '../run/runEntries.js'
import { baseModelOf, copyAdapter } from './adapter.js'
import { CompletionLines } from './completionLines.js'
import { metricsOfCompletions } from './completionMetrics.js'
import { Consistency } from './consistency.js'
import { diagnoseImported } from './diagnoseImported.js'
import type { EngineOutput } from './engineOutput.js'
import { findConfig, loadContext } from './importContext.js'
import type { ImportContext } from './importContext.js'
import type { ImportedRun } from './importedRun.js'
import { openEngineOutput } from './openEngineOutput.js'

export interface ImportOptions {
  /** What an engine left: its output folder, or the folder of an export around it. */
  readonly folder: string
  /** Folder of the run that is made. */
  readonly output: string
  /** config.yaml of the run, or its folder. Defaults to the one of the export. */
  readonly config?: string | undefined
  /** Replace the run that the output folder holds. Defaults to false. */
  readonly overwrite?: boolean | undefined
  /** Ends the import, which then leaves nothing. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes an ordinary run folder of what another engine left: config.yaml, metrics.jsonl, completions.jsonl, diagnosis.jsonl, adapter/,
 * report.html, and import.json, which says where it comes from. It appears when all is complete, or not at all.
 * @throws ConfigError for folders and options that cannot be, FileFormatError for damaged files, GrpoError when the disk is full
 */
export async function importRun({ folder, output, config, overwrite, signal }: ImportOptions): Promise<ImportedRun> {
  checkOutput(folder, output, overwrite ?? false)
  const left = await openEngineOutput(folder)
  const configFile = config ?? findConfig(folder)
  const base = left.adapter === null ? null : baseModelOf(left.adapter)
  const context = await loadContext(configFile, { base, tokenizer: left.tokenizer })
  const model = context.config?.run.model ?? base
  return writeRunFolder(output, async (staging) => {
    const { lines, completions, notes } = await writeLines(staging, left, context, signal)
    if (lines.length === 0 && completions === 0) throw nothingLogged(folder, left)
    const adapterNotes = writeAdapter(staging, left, context)
    const diagnosis = diagnoseImported(lines, context)
    writeAll(runLayout(staging).diagnosis, diagnosis.lines)
    const all = [...left.notes, ...notes, ...adapterNotes, ...diagnosis.notes]
    const source = path.resolve(folder)
    const options = context.config
      ? formatTrainOptions({ ...context.config.run, outputDir: output })
      : formatConfig(model === null ? {} : { model })
    atomicWriteFile(runLayout(staging).config, `# Trained by ${left.engine}; imported by grpo-ts import\n${options}`)
    writeImportFile(staging, { engine: left.engine, source, importedAt: new Date().toISOString(), notes: all })
    return {
      folder: output,
      report: runLayout(output).report,
      engine: left.engine,
      steps: lines.length,
      lastStep: lines.at(-1)?.step ?? 0,
      completions,
      hasAdapter: left.adapter !== null,
      model,
      task: context.config?.run.task ?? null,
      notes: all,
      findings: diagnosis.lines,
    }
  })
}

function checkOutput(folder: string, output: string, overwrite: boolean): void {
  if (output === '' || output.includes('\0')) {
    throw new ConfigError('output is no name of a folder; expected where the run is to be, such as runs/imported')
  }
  const [from, to] = [folder, output].map((place) =>
    fs.existsSync(place) ? fs.realpathSync(place) : path.resolve(place),
  )
  if (`${from}${path.sep}`.startsWith(`${to}${path.sep}`)) {
    throw new ConfigError(`output ${output} holds what is to be imported (${folder}); choose another folder`)
  }
  const isWithin = to !== undefined && `${to}${path.sep}`.startsWith(`${from}${path.sep}`)
  if (isWithin && isFilledByOthers(to)) {
    throw new ConfigError(
      `output ${output} is part of what is to be imported (${folder}) and not empty; choose a folder that does not exist yet`,
    )
  }
  checkRunFolder(output, overwrite, 'replace that run with --overwrite, or choose another folder with --output')
}

/** Whether a folder holds something, and no run. */
function isFilledByOthers(folder: string): boolean {
  const isFolder = fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
  return isFolder && fs.readdirSync(folder).length > 0 && !fs.existsSync(runLayout(folder).metrics)
}

function nothingLogged(folder: string, { engine, adapter }: EngineOutput): FileFormatError {
  return new FileFormatError(
    folder,
    `holds neither metrics nor completions of ${engine}, so there is nothing to show of the training; ` +
      (adapter === null
        ? 'check the folder'
        : `its adapter can be judged all the same: grpo-ts eval --adapter ${adapter} --model M --task T`),
  )
}

/** Writes completions.jsonl and metrics.jsonl, a step at a time in memory. What the engine says of a step counts more than what its completions tell. */
async function writeLines(
  staging: string,
  left: EngineOutput,
  context: ImportContext,
  signal: AbortSignal | undefined,
): Promise<{ lines: MetricsLine[]; completions: number; notes: readonly string[] }> {
  const metrics = new Map(left.metrics.map((line) => [line.step, line]))
  const isLogged = new Set(metrics.keys())
  const made = new CompletionLines(context)
  const consistency = new Consistency()
  let completions = 0
  const writer = new JsonLinesWriter(runLayout(staging).completions)
  try {
    for await (const step of left.steps()) {
      signal?.throwIfAborted()
      const groups = await made.groups(step, signal)
      for (const { line } of groups.flat()) writer.write(line)
      completions += step.completions.length
      const told = metricsOfCompletions(groups)
      const logged = metrics.get(step.step)
      // Where an engine logs every tenth step, it logs means over ten.
      if (logged && (step.step === 1 || isLogged.has(step.step - 1))) consistency.compare(logged, told)
      metrics.set(step.step, { ...told, ...logged, step: step.step })
    }
  } finally {
    writer.close()
  }
  const lines = [...metrics.values()].toSorted((a, b) => a.step - b.step)
  writeAll(runLayout(staging).metrics, lines)
  return { lines, completions, notes: [...made.notes, ...consistency.notes] }
}

function writeAdapter(staging: string, { adapter }: EngineOutput, { model, config }: ImportContext): string[] {
  if (adapter === null) return []
  copyAdapter(adapter, runLayout(staging).adapter, { model: model?.config ?? null, base: model?.source ?? null })
  if (model !== null) return []
  const named = config === null ? 'its model' : `the model ${config.run.model}`
  return [`the adapter was not checked against ${named}, which is not on this machine`]
}

function writeAll(file: string, lines: readonly unknown[]): void {
  const writer = new JsonLinesWriter(file)
  try {
    for (const line of lines) writer.write(line)
  } finally {
    writer.close()
  }
}

/** Has a run written beside its folder, with its report, and puts it there when it is complete; what else the folder holds stays. */
async function writeRunFolder<T>(output: string, write: (staging: string) => Promise<T>): Promise<T> {
  const target = fs.existsSync(output) ? fs.realpathSync(output) : path.resolve(output)
  const place = `${target}.importing-${randomBytes(4).toString('hex')}`
  // The report has the name of its folder.
  const staging = path.join(place, path.basename(target))
  try {
    fs.mkdirSync(staging, { recursive: true })
    const result = await write(staging)
    writeReport(staging)
    if (!fs.existsSync(target)) fs.renameSync(staging, target)
    else replaceRun(target, staging)
    return result
  } catch (error) {
    throw asWriteError(output, error)
  } finally {
    removeQuietly(place)
  }
}

function replaceRun(folder: string, staging: string): void {
  const lock = lockRunFolder(folder)
  try {
    clearRunFolder(folder)
    for (const name of fs.readdirSync(staging)) fs.renameSync(path.join(staging, name), path.join(folder, name))
  } finally {
    lock.release()
  }
}
