import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, FileFormatError } from '../errors.js'
import { asWriteError, atomicWriteFile } from '../io/atomicWrite.js'
import { readRunConfig } from './configFile.js'
import { runFileNames } from './fileNames.js'
import { runLayout } from './layout.js'

/** What belongs to one run alone and goes when another one takes its place: no name that a user may give to a folder too. */
const runEntryNames: readonly string[] = Object.values(runFileNames).filter(
  (name) => name !== runFileNames.lock && name !== runFileNames.model && name !== runFileNames.summary,
)

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
    (name) => name !== runFileNames.preflight && fs.existsSync(path.join(folder, name)),
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

/** Makes the folder of a run, without what an earlier run left there, and writes config.yaml. Throws a GrpoError. */
export function startRunFolder(folder: string, config: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true })
    const names = hasTrainedWeights(folder) ? [...runEntryNames, runFileNames.model] : runEntryNames
    for (const name of names) fs.rmSync(path.join(folder, name), { recursive: true, force: true })
  } catch (error) {
    throw asWriteError(folder, error)
  }
  atomicWriteFile(runLayout(folder).config, config)
}

/** Whether the model in the folder is what a run of `grpo-ts train` has made of another one. */
function hasTrainedWeights(folder: string): boolean {
  try {
    return readRunConfig(folder)?.use_peft === false
  } catch (error) {
    if (error instanceof FileFormatError) return false
    throw error
  }
}
