import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../../errors.js'
import { statusOf } from '../../io/statusOf.js'
import { withModuleFiles } from '../../rewards/loadReward.js'
import { readConfigFile } from '../../run/configFile.js'
import { runLayout } from '../../run/layout.js'
import { parseTrainConfig } from './trainConfig.js'
import type { TrainConfig } from './trainConfig.js'

/**
 * The options of a run, from a YAML file or from the folder of a run, which holds its config.yaml. A path that begins with `./`, as
 * in the configuration of an export (`./model`), is that beside the file where there is such a one, else, as ever, that of the current
 * folder. `flags`, by their camelCase names, override the file. Throws a FileFormatError for what cannot be read, a ConfigError for what is no run of GRPO.
 */
export function readTrainConfig(fileOrFolder: string, flags: Readonly<Record<string, unknown>> = {}): TrainConfig {
  const status = statusOf(fileOrFolder)
  if (!status) {
    throw new ConfigError(`${fileOrFolder} is not there; expected a YAML file with options, or the folder of a run`)
  }
  const file = status.isDirectory() ? runLayout(fileOrFolder).config : fileOrFolder
  const { run } = parseTrainConfig(readConfigFile(file), flags)
  const folder = path.dirname(path.resolve(file))
  const place = (name: string): string => {
    const beside = path.join(folder, name)
    return name.startsWith('./') && beside !== path.resolve(name) && fs.existsSync(beside) ? beside : name
  }
  return parseTrainConfig({
    ...run,
    model: place(run.model),
    task: place(run.task),
    data: run.data === null ? null : place(run.data),
    rewards: run.rewards.map((reward) => withModuleFiles(reward, place)),
    ...flags,
  })
}
