import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, DataError, FileFormatError } from '../errors.js'
import { statusOf } from '../io/statusOf.js'
import { runFileNames } from '../run/fileNames.js'
import type { EngineOutput } from './engineOutput.js'
import { foldersBelow } from './filesBelow.js'
import { openOpenRLHFOutput } from './openrlhf/openrlhfOutput.js'
import { openTrlOutput } from './trl/trlOutput.js'
import { openVerlOutput } from './verl/verlOutput.js'

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
  const output = openTrlBelow(folder) ?? (await openVerlOutput(folder)) ?? openOpenRLHFOutput(folder)
  if (output !== null) return output
  throw new FileFormatError(
    folder,
    'holds nothing that TRL, verl or OpenRLHF leaves; expected checkpoint-N/trainer_state.json or completions/*.parquet of TRL, or ' +
      'rollouts/N.jsonl and the log of verl, or event files of OpenRLHF, in this folder or below',
  )
}

/** TRL keeps all in one folder. */
function openTrlBelow(folder: string): EngineOutput | null {
  const found: { place: string; output: EngineOutput }[] = []
  for (const place of foldersBelow(folder)) {
    // What lies within an output, its checkpoints, is part of it.
    if (found.some((other) => place.startsWith(`${other.place}${path.sep}`))) continue
    const output = openTrlOutput(place)
    if (output !== null) found.push({ place, output })
  }
  if (found.length > 1) {
    throw new DataError(
      `${folder} holds what ${found.length} trainings left (${found.map(({ place }) => place).join(', ')}); give the folder of one of them`,
    )
  }
  return found[0]?.output ?? null
}
