import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../errors.js'
import type { TrainConfig } from '../grpo/config/trainConfig.js'
import { downloadConfig, downloadTokenizer, splitGgufId } from '../hub/modelFiles.js'
import { embeddedModelFolder } from '../hub/embeddedModels.js'
import { isRepositoryId } from '../hub/repository.js'
import { pinnedName, resolveModel } from '../hub/resolve.js'
import type { DownloadOptions } from '../hub/download.js'
import { isModuleFile } from '../io/userModule.js'
import { copyOtherFiles } from '../model/modelFolder.js'
import { quantizedCopy } from '../model/quantizedCopy.js'
import { withModuleFiles } from '../rewards/loadReward.js'
import { hubDataset, resolveTaskData } from '../tasks/hubDatasets.js'
import { Tokenizer } from '../text/tokenizer.js'
import type { ExportedModel } from './exportPlan.js'
import { findOwnModules } from './ownModules.js'
import type { OwnModules } from './ownModules.js'

/** The model of a run for an engine that runs elsewhere. */
export interface ModelSource {
  readonly exported: ExportedModel
  readonly tokenizer: Tokenizer
  /** Folder that the export copies to model/; null for a model of the Hub. */
  readonly folder: string | null
}

/**
 * The model of a run: of the Hub by its commit, of which the tokenizer alone is downloaded, or a folder that is copied along. Throws a
 * ConfigError for what transformers cannot train.
 */
export async function modelSource(model: string, options: DownloadOptions): Promise<ModelSource> {
  if (/\.gguf$/i.test(model) || splitGgufId(model).gguf !== null) throw notForOthers(model, 'a GGUF file')
  const isOnHub = !fs.existsSync(model) && embeddedModelFolder(model) === null && isRepositoryId(model)
  if (isOnHub) {
    const { folder, id, revision } = await downloadConfig(model, options)
    checkNotQuantized(model, folder)
    const tokenizer = await downloadTokenizer(`${id}@${revision}`, options)
    return { exported: { name: id, revision }, tokenizer: Tokenizer.load(tokenizer.folder), folder: null }
  }
  const { folder } = await resolveModel(model, options)
  if (!fs.existsSync(path.join(folder, 'config.json'))) {
    throw new ConfigError(`model ${model} is no folder with a config.json; expected a model in Hugging Face's layout`)
  }
  checkNotQuantized(model, folder)
  if (weightFiles(folder).length === 0) {
    throw new ConfigError(
      `model ${model} holds no safetensors; expected model.safetensors, or its shards with their index`,
    )
  }
  return { exported: { name: './model', revision: null }, tokenizer: Tokenizer.load(folder), folder }
}

/** Copies what of a model's folder transformers needs; clones of repositories hold other things too. */
export async function copyModel(from: string, to: string): Promise<void> {
  fs.mkdirSync(to)
  copyOtherFiles(from, to)
  for (const name of ['config.json', ...weightFiles(from)]) await copyFiles(path.join(from, name), path.join(to, name))
}

function weightFiles(folder: string): string[] {
  return fs.readdirSync(folder).filter((name) => /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/.test(name))
}

/** Links are followed, since what they lead to stays behind; where the file system can, nothing is copied before it is changed. */
export async function copyFiles(from: string, to: string): Promise<void> {
  await fs.promises.cp(from, to, { recursive: true, dereference: true, mode: fs.constants.COPYFILE_FICLONE })
}

function checkNotQuantized(model: string, folder: string): void {
  const copy = quantizedCopy(folder)
  if (copy !== null)
    throw notForOthers(copy.original === null ? model : `${model}, made from ${copy.original},`, copy.method)
}

function notForOthers(model: string, method: string): ConfigError {
  return new ConfigError(
    `the model ${model} is quantised (${method}); other engines train from the original weights: give its original, and dtype int4 or int8 ` +
      'to have them quantised there',
  )
}

/** A run whose task, rewards and data lie within the folder of its export, and where they come from. */
export interface RunSources {
  /** With paths from the folder of the export. */
  readonly config: TrainConfig
  readonly modules: OwnModules | null
  /** The file or folder of the problems that is copied, and its path in the export; null for none. */
  readonly data: { readonly from: string; readonly to: string } | null
}

/** Where task, rewards and data of a run lie, and its options with the paths that they have in the export. */
export async function runSources(
  config: TrainConfig,
  model: ExportedModel,
  options: DownloadOptions,
): Promise<RunSources> {
  const { run } = config
  const files = isModuleFile(run.task) ? [run.task] : []
  for (const reward of run.rewards) withModuleFiles(reward, (file) => (files.push(file), file))
  const modules = files.length === 0 ? null : findOwnModules(files)
  const exportedModule = (file: string): string => `./modules/${modules!.nameOf(file)}`
  const { data, pinned } = await dataSource(config, options)
  return {
    modules,
    data,
    config: {
      ...config,
      run: {
        ...run,
        model: model.revision === null ? model.name : `${model.name}@${model.revision}`,
        task: isModuleFile(run.task) ? exportedModule(run.task) : run.task,
        rewards: run.rewards.map((reward) => withModuleFiles(reward, exportedModule)),
        data: data?.to ?? pinned,
      },
    },
  }
}

async function dataSource(
  { run }: TrainConfig,
  options: DownloadOptions,
): Promise<{ data: RunSources['data']; pinned: string | null }> {
  if (run.data !== null && fs.existsSync(run.data)) {
    const from = path.resolve(run.data)
    return { data: { from, to: `./task/${path.basename(from)}` }, pinned: null }
  }
  const named = run.data ?? hubDataset(run.task, run.split)
  return { data: null, pinned: named === null ? null : pinnedName(await resolveTaskData(run.task, named, options)) }
}
