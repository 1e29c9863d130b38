import fs from 'node:fs'
import path from 'node:path'
import { GrpoError, HubError } from '../errors.js'
import { downloadFile, incompleteFile } from '../io/transfer/downloadFile.js'
import { forEachLimited } from '../io/transfer/forEachLimited.js'
import {
  blobFile,
  cachedCommit,
  cachedRepository,
  linkFile,
  makeCacheFolders,
  snapshotFiles,
  snapshotFolder,
  writeRef,
} from './cache.js'
import type { CachedRepository } from './cache.js'
import { createClient, remoteOf } from './client.js'
import type { HubClient, HubOptions } from './client.js'
import { withFileLock } from '../io/fileLock.js'
import { fileUrl, listFiles, resolveCommit } from './listing.js'
import type { RemoteFile } from './listing.js'
import { isCommit } from './repository.js'
import type { Repository } from './repository.js'

/** Files that are fetched at the same time, each in parts. */
const PARALLEL_FILES = 2
/** Bytes that a disk should keep free. */
const SPARE_BYTES = 16 * 1024 * 1024

/** How far a download is. */
export interface DownloadProgress {
  /** The file that moved on. */
  readonly file: string
  /** Bytes of all files together that are there, those of earlier downloads included. */
  readonly loadedBytes: number
  /** Bytes of all files together. */
  readonly totalBytes: number
}

/** Which version of a repository is taken, and from where. */
export interface DownloadOptions extends HubOptions {
  /** Branch, tag or commit. Defaults to main, or what stands behind `@` in the id. */
  revision?: string
  /** Called while files are downloaded. */
  onProgress?: (progress: DownloadProgress) => void
}

/** Which files of a repository are needed. Throws a GrpoError when they are not all there. */
export type FileChoice = (paths: readonly string[]) => readonly string[]

/** A repository's files on this machine. */
export interface Snapshot {
  /** Where the files are; the path of the file when there is one alone. */
  readonly folder: string
  /** The repository, `owner/name`. */
  readonly id: string
  /** The commit; together with the id it names these very files for ever. */
  readonly revision: string
  /** The one file of the repository that was asked for, when it was one. */
  readonly file?: string
}

/**
 * Brings the chosen files of a repository into the cache and returns the folder of its snapshot. Nothing is asked for when a
 * commit is given whose files are there, or offline; without a network the cache serves, with a warning.
 */
export async function downloadRepository(
  repository: Repository,
  choose: FileChoice,
  options: DownloadOptions,
): Promise<Snapshot> {
  const client = createClient(options)
  const cached = cachedRepository(client.cacheFolder, repository)
  const { revision } = repository
  if (client.offline) return offlineSnapshot(client, repository, cached, choose)
  if (isCommit(revision) && isComplete(cached, revision, choose)) return snapshotOf(repository, cached, revision)
  let commit: string
  try {
    commit = isCommit(revision) ? revision : await resolveCommit(client, repository)
  } catch (error) {
    const known = cachedCommit(cached, revision)
    if (!(error instanceof HubError && error.kind === 'network') || known === null) throw error
    if (!isComplete(cached, known, choose)) throw error
    client.onWarning(`${error.message}. Taking ${repository.id} from the cache (commit ${known})`)
    return snapshotOf(repository, cached, known)
  }
  const files = await listFiles(client, repository, commit)
  const wanted = new Set(choose(files.map((file) => file.path)))
  await fetchFiles(
    client,
    { ...repository, revision: commit },
    cached,
    files.filter((file) => wanted.has(file.path)),
    options.onProgress,
  )
  writeRef(cached, revision, commit)
  return snapshotOf(repository, cached, commit)
}

function snapshotOf({ id }: Repository, cached: CachedRepository, commit: string): Snapshot {
  return { folder: snapshotFolder(cached, commit), id, revision: commit }
}

function isComplete(cached: CachedRepository, commit: string, choose: FileChoice): boolean {
  try {
    const files = new Set(snapshotFiles(cached, commit))
    return choose([...files]).every((file) => files.has(file))
  } catch (error) {
    if (error instanceof GrpoError) return false
    throw error
  }
}

function offlineSnapshot(
  client: HubClient,
  repository: Repository,
  cached: CachedRepository,
  choose: FileChoice,
): Snapshot {
  const { type, id, revision } = repository
  const commit = cachedCommit(cached, revision)
  const files = commit === null ? [] : snapshotFiles(cached, commit)
  if (commit !== null && files.length > 0 && isComplete(cached, commit, choose))
    return snapshotOf(repository, cached, commit)
  const found = files.length === 0 ? 'is not in the cache' : 'is not complete in the cache'
  throw new HubError(
    'offline',
    `${type} ${id} at ${revision} ${found} (${client.cacheFolder}), and the network is switched off (HF_HUB_OFFLINE or ` +
      `the option offline); fetch it once with: grpo-ts download ${id}${type === 'dataset' ? ' --dataset' : ''}`,
  )
}

async function fetchFiles(
  client: HubClient,
  repository: Repository,
  cached: CachedRepository,
  files: readonly RemoteFile[],
  onProgress?: (progress: DownloadProgress) => void,
): Promise<void> {
  makeCacheFolders(client.cacheFolder, cached)
  // Two files of the same content are one blob.
  const blobs = [...new Map(files.map((file) => [file.etag, file])).values()]
  const totalBytes = blobs.reduce((sum, { size }) => sum + size, 0)
  const loaded = new Map<string, number>()
  const report = (file: RemoteFile, bytes: number): void => {
    loaded.set(file.etag, bytes)
    const loadedBytes = [...loaded.values()].reduce((sum, value) => sum + value, 0)
    onProgress?.({ file: file.path, loadedBytes, totalBytes })
  }
  const missing = blobs.filter((file) => {
    const isThere = fs.existsSync(blobFile(cached, file.etag))
    if (isThere) report(file, file.size)
    return !isThere
  })
  checkFreeSpace(client.cacheFolder, cached, missing)
  // The small ones first: a mistake in the config shows before gigabytes have come.
  missing.sort((a, b) => a.size - b.size)
  await forEachLimited(missing, PARALLEL_FILES, async (file) => {
    const blob = blobFile(cached, file.etag)
    const lock = path.join(cached.locks, `${file.etag}.grpo-ts.lock`)
    await withFileLock(lock, { signal: client.signal }, async () => {
      if (fs.existsSync(blob)) return
      const url = fileUrl(client, repository, repository.revision, file.path)
      const onBytes = (bytes: number): void => {
        report(file, bytes)
      }
      const { size, hash, etag: digest } = file
      const what = `${file.path} of ${repository.id}`
      await downloadFile(remoteOf(client, repository), { url, what, size, hash, digest, file: blob, onBytes })
    })
    report(file, file.size)
  })
  for (const file of files) linkFile(cached, repository.revision, file, client.symlinks)
}

/** Better than finding out after an hour. */
function checkFreeSpace(cacheFolder: string, cached: CachedRepository, missing: readonly RemoteFile[]): void {
  const already = (file: RemoteFile): number => {
    const status = fs.statSync(incompleteFile(blobFile(cached, file.etag)), { throwIfNoEntry: false })
    // Blocks rather than the length: a file that is fetched in parts has holes.
    return status ? Math.min(status.blocks * 512, file.size) : 0
  }
  const needed = missing.reduce((sum, file) => sum + file.size - already(file), 0)
  if (needed === 0) return
  let free: number
  try {
    const { bavail, bsize } = fs.statfsSync(cacheFolder)
    free = bavail * bsize
  } catch {
    return
  }
  if (needed + SPARE_BYTES <= free) return
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`
  throw new GrpoError(
    `${cacheFolder}: the disk has ${megabytes(free)} free, ${megabytes(needed + SPARE_BYTES)} are needed; free some space, ` +
      'or set HF_HUB_CACHE to a folder on a larger disk',
  )
}
