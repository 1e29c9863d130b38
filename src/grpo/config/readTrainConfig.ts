import { ConfigError } from '../../errors.js'
import { statusOf } from '../../io/statusOf.js'
import { readConfigFile } from '../../run/configFile.js'
import { runLayout } from '../../run/layout.js'
import { parseTrainConfig } from './trainConfig.js'
import type { TrainConfig } from './trainConfig.js'

/**
 * The options of a run, from a YAML file or from the folder of a run, which holds its config.yaml. `flags`, by their camelCase names,
 * override them. Throws a FileFormatError for what cannot be read, a ConfigError for what is no run of GRPO.
 */
export function readTrainConfig(fileOrFolder: string, flags: Readonly<Record<string, unknown>> = {}): TrainConfig {
  const status = statusOf(fileOrFolder)
  if (!status) {
    throw new ConfigError(`${fileOrFolder} is not there; expected a YAML file with options, or the folder of a run`)
  }
  return parseTrainConfig(readConfigFile(status.isDirectory() ? runLayout(fileOrFolder).config : fileOrFolder), flags)
}
