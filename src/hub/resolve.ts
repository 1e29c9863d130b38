import fs from 'node:fs'
import { HubError } from '../errors.js'
import { downloadDataset } from './datasetFiles.js'
import type { DatasetOptions } from './datasetFiles.js'
import type { DownloadOptions, Snapshot } from './download.js'
import { embeddedModelFolder, embeddedModelName } from './embeddedModels.js'
import { downloadModel, splitGgufId } from './modelFiles.js'
import { isRepositoryId } from './repository.js'

/** A folder or file on this machine and, when it came from the Hub, the repository and commit that it is. */
export type LocalSource = { readonly folder: string; readonly id: null } | Snapshot

/**
 * A model or adapter by its folder, by the name of a model that comes with the package (`word-problems-2m`), or by its Hub
 * id, `owner/name` or `owner/name@revision`, which is downloaded when the cache does not have it; a GGUF file of a repository by
 * `owner/name:FILE.gguf` or `owner/name:Q4_K_M`. A folder of that name wins. Throws a HubError.
 */
export async function resolveModel(folderOrId: string, options: DownloadOptions = {}): Promise<LocalSource> {
  const embedded = fs.existsSync(folderOrId) ? null : embeddedModelFolder(folderOrId)
  if (embedded !== null) return { folder: embedded, id: null }
  const { repositoryId } = splitGgufId(folderOrId)
  return resolve(folderOrId, repositoryId, () => downloadModel(folderOrId, options))
}

/** As {@link resolveModel}, for a data set: a file, a folder or a Hub id. */
export async function resolveDataset(fileOrId: string, options: DatasetOptions = {}): Promise<LocalSource> {
  return resolve(fileOrId, fileOrId, () => downloadDataset(fileOrId, options))
}

async function resolve(name: string, id: string, download: () => Promise<Snapshot>): Promise<LocalSource> {
  if (fs.existsSync(name) || !isRepositoryId(id)) return { folder: name, id: null }
  try {
    return await download()
  } catch (error) {
    // A mistyped path may look like an id.
    if (!(error instanceof HubError) || !['repository-not-found', 'offline', 'network'].includes(error.kind))
      throw error
    const options = error.status === null ? {} : { status: error.status }
    throw new HubError(error.kind, `${error.message}. (Nor is there a folder ${name} here)`, {
      cause: error,
      ...options,
    })
  }
}

/** What names these very files for ever: `owner/name@commit` of the Hub, with `:FILE.gguf` for one file, the name of a model of the package, else the folder. */
export function pinnedName(source: LocalSource): string {
  if (source.id !== null) return `${source.id}@${source.revision}${source.file === undefined ? '' : `:${source.file}`}`
  return embeddedModelName(source.folder) ?? source.folder
}
