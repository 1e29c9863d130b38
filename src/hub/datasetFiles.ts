import { ConfigError, DataError, HubError } from '../errors.js'
import type { GrpoError } from '../errors.js'
import { quote } from '../io/json.js'
import { downloadRepository } from './download.js'
import type { DownloadOptions, Snapshot } from './download.js'
import { parseRepository } from './repository.js'

/** The branch where the Hub keeps its own conversion of every data set. */
const PARQUET_REVISION = 'refs/convert/parquet'
/** Taken when a data set has several configurations and none is chosen. */
const usualConfigs = ['main', 'default', 'data']

/** Which files of a data set on the Hub are taken. */
export interface DatasetOptions extends DownloadOptions {
  /** One of the data set's configurations (subsets). Defaults to `main` or `default` where there is one, or the only one. */
  config?: string
  /** Takes the files of all configurations, where the data set has several and none is chosen. Defaults to false. */
  allConfigs?: boolean
}

/**
 * Brings a data set's JSON Lines and parquet files from the Hub into the cache that Python's tools share. A data set that
 * has neither (CSV, a loading script) comes from the Hub's own conversion, `refs/convert/parquet`.
 * @param id `owner/name` or `owner/name@revision`
 * @returns the folder of its snapshot and the commit
 * @throws HubError, DataError for a data set without such files, ConfigError for a configuration that it does not have
 */
export async function downloadDataset(id: string, options: DatasetOptions = {}): Promise<Snapshot> {
  const repository = parseRepository(id, 'dataset', options.revision)
  const choose = (paths: readonly string[]): string[] => chooseDataFiles(paths, repository.id, options)
  try {
    return await downloadRepository(repository, choose, options)
  } catch (error) {
    if (!(error instanceof DataError) && !isOffline(error)) throw error
    // A revision that was asked for has no other copy.
    if (repository.revision !== 'main') throw error
    return downloadConverted(repository, choose, options, error as GrpoError)
  }
}

/** Offline, the conversion may be what is in the cache. */
function isOffline(error: unknown): boolean {
  return error instanceof HubError && error.kind === 'offline'
}

async function downloadConverted(
  repository: ReturnType<typeof parseRepository>,
  choose: (paths: readonly string[]) => string[],
  options: DatasetOptions,
  first: GrpoError,
): Promise<Snapshot> {
  try {
    return await downloadRepository({ ...repository, revision: PARQUET_REVISION }, choose, options)
  } catch (error) {
    const isMissing = error instanceof HubError && ['revision-not-found', 'offline'].includes(error.kind)
    throw isMissing ? first : error
  }
}

/** The data files of one configuration. Throws a DataError when there are none, a ConfigError when the choice is not clear. */
export function chooseDataFiles(
  paths: readonly string[],
  id: string,
  { config, allConfigs = false }: Pick<DatasetOptions, 'config' | 'allConfigs'> = {},
): string[] {
  const files = paths.filter((path) => /\.(jsonl|parquet)$/.test(path))
  if (files.length === 0) {
    throw new DataError(
      `data set ${id} holds no .jsonl or .parquet file, nor does the Hub's conversion; convert it first`,
    )
  }
  const top = files.filter((path) => !path.includes('/'))
  const folders = [...new Set(files.filter((path) => path.includes('/')).map((path) => path.split('/')[0]!))].sort()
  const inside = (folder: string): string[] => files.filter((path) => path.startsWith(`${folder}/`))
  if (config !== undefined) {
    if (folders.includes(config)) return inside(config)
    throw new ConfigError(
      `data set ${id} has no configuration ${quote(config)}; it has: ${folders.join(', ') || 'none'}`,
    )
  }
  if (top.length > 0) return top
  const chosen = usualConfigs.find((name) => folders.includes(name)) ?? (folders.length === 1 ? folders[0] : undefined)
  if (chosen !== undefined) return inside(chosen)
  if (allConfigs) return files
  throw new ConfigError(
    `data set ${id} has several configurations: ${folders.join(', ')}; choose one (config, --config)`,
  )
}
