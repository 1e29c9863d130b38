import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** Models that come with the package, each a folder of checkpoints/: every verb and `loadModel` know them by these names. */
export const embeddedModels = ['word-problems-2m'] as const

const checkpoints = fileURLToPath(new URL('../../checkpoints', import.meta.url))

/** The folder of a model that comes with the package; null for any other name. */
export function embeddedModelFolder(name: string): string | null {
  return embeddedModels.some((known) => known === name) ? path.join(checkpoints, name) : null
}

/** The name of the model of the package that lies in a folder; null for any other folder. */
export function embeddedModelName(folder: string): string | null {
  return embeddedModels.find((name) => path.resolve(folder) === path.join(checkpoints, name)) ?? null
}
