import fs from 'node:fs'
import path from 'node:path'
import { HubError } from '../errors.js'
import type { Evaluation } from '../run/evaluation.js'
import { formatEvaluationFile } from '../run/evaluationFile.js'
import { downloadTokenizer, tokenizerFileNames } from '../hub/modelFiles.js'
import type { DownloadOptions } from '../hub/download.js'
import { evalResults } from './cardMetadata.js'
import { modelCard } from './modelCard.js'
import type { TrainedRun } from './trainedRun.js'
import { formatConfig } from '../run/configFile.js'
import { runLayout } from '../run/layout.js'
import { runFileNames } from '../run/fileNames.js'

/** A file as it goes up. */
export interface PushFile {
  /** In the repository. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** The content, or the file that holds it. */
  readonly content: Uint8Array | { readonly file: string }
}

export interface PushFilesOptions {
  readonly repository: string
  readonly license: string | null
  readonly version: string
  readonly download: DownloadOptions
}

/**
 * All that a run's repository holds: the model card, the adapter, the tokenizer's files, and in `training/` config, metrics and
 * evaluation. Folders of this machine are cut to their last part in all of them.
 */
export async function collectFiles(run: TrainedRun, options: PushFilesOptions): Promise<PushFile[]> {
  const tokenizer = await tokenizerFiles(run, options.download)
  const hasTokenizer = tokenizer.some((file) => path.basename(file) === 'tokenizer.json')
  const { repository, license, version } = options
  const { evaluation, config, baseModel, adapterConfig } = run
  const results = evalResults(run)
  const base = { base_model_name_or_path: baseModel.name, revision: baseModel.revision }
  return [
    text('README.md', modelCard(run, { repository, license, version, hasTokenizer })),
    text('adapter_config.json', `${JSON.stringify({ ...adapterConfig, ...base }, null, 2)}\n`),
    onDisk('adapter_model.safetensors', path.join(runLayout(run.folder).adapter, 'adapter_model.safetensors')),
    ...tokenizer.map((file) => onDisk(path.basename(file), file)),
    ...(config ? [text(`training/${runFileNames.config}`, formatConfig(withoutFolders(config)))] : []),
    ...(run.metrics.length > 0 ? [onDisk(`training/${runFileNames.metrics}`, runLayout(run.folder).metrics)] : []),
    ...(evaluation ? [text(`training/${runFileNames.evaluation}`, evaluationText(evaluation))] : []),
    ...(results === null ? [] : [text(`.eval_results/${evaluation!.task}.yaml`, results)]),
  ]
}

/** Those of the base model, since adapters change none of them. */
async function tokenizerFiles({ adapterConfig, baseModel }: TrainedRun, options: DownloadOptions): Promise<string[]> {
  const recorded = String(adapterConfig.base_model_name_or_path)
  const isFolder = fs.statSync(recorded, { throwIfNoEntry: false })?.isDirectory() === true
  const { id, revision } = baseModel
  const folder = isFolder
    ? recorded
    : id && (await tokenizerOfHub(id, { ...options, ...(revision !== null && { revision }) }))
  if (folder === null) return []
  return tokenizerFileNames.map((name) => path.join(folder, name)).filter((file) => fs.existsSync(file))
}

/** Null, with a warning, when it cannot be had: others get it from the base model. */
async function tokenizerOfHub(id: string, options: DownloadOptions): Promise<string | null> {
  try {
    return (await downloadTokenizer(id, options)).folder
  } catch (error) {
    if (!(error instanceof HubError)) throw error
    options.onWarning?.(`the tokenizer's files are left out: ${error.message}`)
    return null
  }
}

function text(name: string, content: string): PushFile {
  const bytes = Buffer.from(content)
  return { path: name, size: bytes.length, content: bytes }
}

function onDisk(name: string, file: string): PushFile {
  return { path: name, size: fs.statSync(file).size, content: { file } }
}

/** What others need not know of this machine. */
function withoutFolders(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => [name, typeof value === 'string' ? lastPart(value) : value]),
  )
}

function lastPart(value: string): string {
  return path.isAbsolute(value) || value.startsWith('..') ? path.basename(value) : value
}

function evaluationText(evaluation: Evaluation): string {
  const policies = evaluation.policies.map((policy) => ({
    ...policy,
    model: lastPart(policy.model),
    adapter: policy.adapter === null ? null : lastPart(policy.adapter),
  }))
  return formatEvaluationFile({ ...evaluation, policies })
}
