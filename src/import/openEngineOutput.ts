import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, DataError, FileFormatError } from '../errors.js'
import { statusOf } from '../io/statusOf.js'
import { runFileNames } from '../run/fileNames.js'
import type { EngineOutput, OpenEngineOutput } from './engineOutput.js'
import { openTrlOutput } from './trl/trlOutput.js'

/** How deep the output of an engine may lie in the folder of an export, and how many folders are looked at. */
const DEPTH = 3
const MAX_FOLDERS = 5000
/** Folders that hold programs and not what was trained. */
const skipped = new Set(['node_modules', '.git', '.venv', 'venv', '__pycache__', 'data'])

const engines: readonly OpenEngineOutput[] = [openTrlOutput]

/**
 * Finds what an engine left in a folder: its output, or an export around it. Links to folders are not followed.
 * @throws ConfigError for what is no such folder, FileFormatError for damaged files, DataError where there is more than one output
 */
export async function openEngineOutput(folder: string): Promise<EngineOutput> {
  const status = statusOf(folder)
  if (!status?.isDirectory()) {
    throw new ConfigError(
      `${folder} is ${status ? 'a file' : 'not there'}; expected the folder that another engine has trained in`,
    )
  }
  if (fs.existsSync(path.join(folder, runFileNames.metrics))) {
    throw new ConfigError(
      `${folder} is the folder of a run of grpo-ts (it holds ${runFileNames.metrics}), which needs no import; grpo-ts report ${folder} shows it`,
    )
  }
  for (const open of engines) {
    const found: { place: string; output: EngineOutput }[] = []
    for (const place of foldersIn(folder)) {
      // What lies within an output, its checkpoints, is part of it.
      if (found.some((other) => place.startsWith(`${other.place}${path.sep}`))) continue
      const output = await open(place)
      if (output !== null) found.push({ place, output })
    }
    if (found.length > 1) {
      throw new DataError(
        `${folder} holds what ${found.length} trainings left (${found.map(({ place }) => place).join(', ')}); give the folder of one of them`,
      )
    }
    if (found.length === 1) return found[0]!.output
  }
  throw new FileFormatError(
    folder,
    'holds nothing that TRL, verl or OpenRLHF leaves; expected checkpoint-N/trainer_state.json or completions/*.parquet of TRL, or ' +
      'rollouts and logs of verl, in this folder or below',
  )
}

/** The folder and those below it, the nearest first. */
function* foldersIn(folder: string): Generator<string> {
  let level = [folder]
  let count = 0
  for (let depth = 0; depth <= DEPTH && level.length > 0; depth++) {
    const below: string[] = []
    for (const place of level) {
      if (++count > MAX_FOLDERS) return
      yield place
      for (const entry of readFolder(place)) {
        if (entry.isDirectory() && !skipped.has(entry.name)) below.push(path.join(place, entry.name))
      }
    }
    level = below
  }
}

function readFolder(folder: string): fs.Dirent[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  } catch (cause) {
    throw new FileFormatError(folder, `cannot be read (${(cause as Error).message}); check its permissions`, { cause })
  }
}
