import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, FileFormatError } from '../errors.js'
import { asWriteError, atomicWriteFile } from '../io/atomicWrite.js'
import { readRunConfig } from './configFile.js'
import type { ConfigFile } from './configFile.js'
import { runFileNames } from './fileNames.js'
import { runLayout } from './layout.js'

/** What is no part of one run alone. The verdicts of people stay too: no command brings them back, and they count for the same answers only. */
const lastingNames: readonly string[] = [
  runFileNames.lock,
  runFileNames.model,
  runFileNames.summary,
  runFileNames.reviews,
]

/** What belongs to one run alone and goes when another one takes its place: no name that a user may give to a folder too. */
const runEntryNames: readonly string[] = Object.values(runFileNames).filter((name) => !lastingNames.includes(name))

/** What train and pretrain offer where the folder holds a run. */
const REMEDY =
  'go on with that run by --resume, replace it with --overwrite, or choose another folder with --output-dir'

/** Throws a ConfigError, which ends with what to do, when the folder holds a run that must not be overwritten. */
export function checkRunFolder(folder: string, overwrite: boolean, remedy: string = REMEDY): void {
  if (fs.existsSync(folder) && !fs.statSync(folder).isDirectory()) {
    throw new ConfigError(`outputDir ${folder} is a file; expected a folder, which is made if it is missing`)
  }
  // A preflight may well come before its run.
  const entries = runEntryNames.filter(
    (name) =>
      name !== runFileNames.preflight &&
      name !== runFileNames.rolloutAdapters &&
      fs.existsSync(path.join(folder, name)),
  )
  if (entries.length > 0 && !overwrite) {
    throw new ConfigError(`outputDir ${folder} already holds a run (${entries.join(', ')}); ${remedy}`)
  }
}

/**
 * Throws a ConfigError when a run that is to go on from its checkpoints has none of them any more, though it once ended or was
 * stopped: starting it anew would replace what it had learned. One that was killed before its first checkpoint has nothing to lose.
 */
export function checkCheckpointsAreThere(folder: string): void {
  const { adapter, model, metrics, checkpoints } = runLayout(folder)
  const [saved] = [path.join(adapter, 'adapter_model.safetensors'), path.join(model, 'model.safetensors')].flatMap(
    (file) => fs.statSync(file, { throwIfNoEntry: false }) ?? [],
  )
  const lines = fs.statSync(metrics, { throwIfNoEntry: false })
  // One that is older than the lines is that of an earlier run in this folder.
  if (!saved || !lines || lines.size === 0 || saved.mtimeMs < lines.mtimeMs) return
  throw new ConfigError(
    `${folder} holds a run that was trained, but none of its checkpoints (${checkpoints}), so it cannot be continued; choose ` +
      'another folder with --output-dir, or replace that run with --overwrite',
  )
}

/**
 * Throws a ConfigError when the folder holds a model that no run has made: one that trains all weights would write its own over it.
 */
export function checkModelFolder(folder: string): void {
  const { model, config, metrics } = runLayout(folder)
  if (!fs.existsSync(model)) return
  const isFolder = fs.statSync(model).isDirectory()
  if (isFolder && fs.readdirSync(model).length === 0) return
  // Runs from JavaScript leave no config.yaml.
  if (isFolder && (fs.existsSync(config) ? makesModel(folder) : fs.existsSync(metrics))) return
  throw new ConfigError(
    `outputDir ${folder}: the trained model would be written to ${model}, which is there already and was made by no run of that folder; ` +
      'choose another folder with --output-dir, or move it away',
  )
}

/**
 * Throws a ConfigError where the model that a run starts from lies in what the run replaces of its folder: its checkpoints, or the
 * model that an earlier run left where this one leaves its own or clears the folder.
 */
export function checkStartingModel(starting: string, folder: string, trainsAllWeights: boolean): void {
  const { model, checkpoints, adapter, placebo } = runLayout(folder)
  const replacesModel = trainsAllWeights || readConfig(folder)?.use_peft === false
  const from = realPath(starting)
  const replaced = [checkpoints, adapter, placebo, ...(replacesModel ? [model] : [])].map(realPath)
  if (!replaced.some((one) => from !== null && one !== null && `${from}${path.sep}`.startsWith(`${one}${path.sep}`)))
    return
  throw new ConfigError(
    `outputDir ${folder}: the run would replace the model that it starts from, ${starting}; choose another folder`,
  )
}

function realPath(entry: string): string | null {
  return fs.existsSync(entry) ? fs.realpathSync(entry) : null
}

/** Makes the folder of a run, without what an earlier run left there, and writes config.yaml. Throws a GrpoError. */
export function startRunFolder(folder: string, config: string): void {
  clearRunFolder(folder)
  atomicWriteFile(runLayout(folder).config, config)
}

/** Makes the folder of a run, without what an earlier run left there. Throws a GrpoError. */
export function clearRunFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true })
    const names = readConfig(folder)?.use_peft === false ? [...runEntryNames, runFileNames.model] : runEntryNames
    for (const name of names) fs.rmSync(path.join(folder, name), { recursive: true, force: true })
  } catch (error) {
    throw asWriteError(folder, error)
  }
}

/** Whether the run whose config.yaml the folder holds trains all weights, or is a pretraining, which starts from no model. */
function makesModel(folder: string): boolean {
  const config = readConfig(folder)
  return config !== null && (config.use_peft === false || !('model' in config))
}

/** The options of the run that a folder holds; null where they cannot be read. */
function readConfig(folder: string): ConfigFile | null {
  try {
    return readRunConfig(folder)
  } catch (error) {
    if (error instanceof FileFormatError) return null
    throw error
  }
}
