import path from 'node:path'
import { FileFormatError } from '../errors.js'
import type { ConfigFile } from './configFile.js'
import { readRunConfig } from './configFile.js'

/** Where the options of the run that made an adapter may lie, seen from the adapter's folder: of a run, of a checkpoint, of a push. */
const places = ['..', path.join('..', '..', '..'), 'training']

/** The options of the run that made an adapter, where its folder is still in that of the run, or was pushed with it; else null. */
export function runOfAdapter(folder: string): ConfigFile | null {
  for (const place of places) {
    try {
      const config = readRunConfig(path.join(folder, place))
      // Other tools have files of that name too.
      if (typeof config?.model === 'string' && typeof config.task === 'string') return config
    } catch (error) {
      if (!(error instanceof FileFormatError)) throw error
    }
  }
  return null
}
