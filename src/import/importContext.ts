import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, FileFormatError } from '../errors.js'
import { readTrainConfig } from '../grpo/config/readTrainConfig.js'
import type { TrainConfig } from '../grpo/config/trainConfig.js'
import { cachedCommit, cachedRepository, snapshotFolder } from '../hub/cache.js'
import { embeddedModelFolder } from '../hub/embeddedModels.js'
import { hubEnvironment } from '../hub/environment.js'
import { isRepositoryId, parseRepository } from '../hub/repository.js'
import { readModel } from '../model/readModel.js'
import type { ModelDescription } from '../model/readModel.js'
import { loadRewards } from '../rewards/loadReward.js'
import type { RewardFunction } from '../rewards/reward.js'
import { readConfigFile } from '../run/configFile.js'
import { runFileNames } from '../run/fileNames.js'
import { loadTask } from '../tasks/loadTask.js'
import type { Task } from '../tasks/task.js'
import { Tokenizer } from '../text/tokenizer.js'

/** What is known here of the run that another engine has made. */
export interface ImportContext {
  /** Null where nobody has said it. */
  readonly config: TrainConfig | null
  readonly task: Task | null
  readonly rewards: readonly RewardFunction[]
  /** Null where the model is not on this machine. */
  readonly model: ModelDescription | null
  readonly tokenizer: Tokenizer | null
}

/**
 * The config.yaml of a run that was exported, in the folder of the export or in one around the engine's output; null where there is
 * none.
 */
export function findConfig(folder: string): string | null {
  for (const place of [folder, path.dirname(path.resolve(folder))]) {
    const file = path.join(place, runFileNames.config)
    if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) continue
    try {
      const { model, task } = readConfigFile(file)
      // Other tools have files of that name too.
      if (typeof model === 'string' && typeof task === 'string') return file
    } catch (error) {
      if (!(error instanceof FileFormatError)) throw error
    }
  }
  return null
}

/**
 * Loads what the options of a run name: task, rewards, and of the model config and tokenizer, which is not fetched for that.
 * `tokenizer` is a folder with a copy of it. Throws what loading the task and the rewards throws.
 */
export async function loadContext(
  configFile: string | null,
  { base, tokenizer: copy }: { base: string | null; tokenizer: string | null },
): Promise<ImportContext> {
  const config = configFile === null ? null : readTrainConfig(configFile)
  const named = config?.run.model ?? base
  const model = named === null ? null : localModel(named)
  const files = model?.files?.has('tokenizer.json') ? model.files : null
  const tokenizer = files !== null ? Tokenizer.from(files) : copy !== null ? Tokenizer.load(copy) : null
  if (config === null) return { config, task: null, rewards: [], model, tokenizer }
  const rewards = await loadRewards(config.run.rewards, config.run)
  return { config, task: await loadTask(config.run.task, config.task), rewards, model, tokenizer }
}

/** A model that is on this machine; null for one that would have to be fetched. */
function localModel(name: string): ModelDescription | null {
  const folder = fs.existsSync(name) ? name : (embeddedModelFolder(name) ?? cachedModel(name))
  return folder === null ? null : readModel(folder)
}

function cachedModel(name: string): string | null {
  if (!isRepositoryId(name)) return null
  try {
    const repository = parseRepository(name, 'model')
    const cached = cachedRepository(hubEnvironment().cacheFolder, repository)
    const commit = cachedCommit(cached, repository.revision)
    const folder = commit === null ? null : snapshotFolder(cached, commit)
    return folder !== null && fs.existsSync(folder) ? folder : null
  } catch (error) {
    if (error instanceof ConfigError) return null
    throw error
  }
}
