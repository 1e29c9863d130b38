import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { asWriteError } from '../io/atomicWrite.js'
import type { RemoteFile } from './listing.js'
import { isCommit } from './repository.js'
import type { Repository } from './repository.js'

/** Where a repository lies in the cache of huggingface_hub: blobs by hash, snapshots that link to them, refs to commits. */
export interface CachedRepository {
  readonly folder: string
  /** For the locks of transfers. */
  readonly locks: string
}

export function cachedRepository(cacheFolder: string, { type, id }: Repository): CachedRepository {
  const name = [`${type}s`, ...id.split('/')].join('--')
  return { folder: path.join(cacheFolder, name), locks: path.join(cacheFolder, '.locks', name) }
}

export function blobFile({ folder }: CachedRepository, etag: string): string {
  return path.join(folder, 'blobs', etag)
}

export function snapshotFolder({ folder }: CachedRepository, commit: string): string {
  return path.join(folder, 'snapshots', commit)
}

/** The commit that a revision named when it was last looked up; null when it never was. */
export function cachedCommit({ folder }: CachedRepository, revision: string): string | null {
  if (isCommit(revision)) return revision
  try {
    const commit = fs.readFileSync(path.join(folder, 'refs', revision), 'utf8').trim()
    return isCommit(commit) ? commit : null
  } catch {
    return null
  }
}

/** The files of a snapshot, with slashes, whose content is there. */
export function snapshotFiles(repository: CachedRepository, commit: string): string[] {
  const folder = snapshotFolder(repository, commit)
  if (!fs.existsSync(folder)) return []
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.isFile())
    .map((name) => name.replaceAll(path.sep, '/'))
    .sort()
}

/** Makes the cache's folders; the first one also gets the tag by which back-up programs know a cache. */
export function makeCacheFolders(cacheFolder: string, { folder, locks }: CachedRepository): void {
  try {
    for (const name of [path.join(folder, 'blobs'), path.join(folder, 'refs'), locks]) {
      fs.mkdirSync(name, { recursive: true })
    }
    const tag = path.join(cacheFolder, 'CACHEDIR.TAG')
    if (!fs.existsSync(tag)) fs.writeFileSync(tag, 'Signature: 8a477f597d28d172789f06886806bc55\n')
  } catch (error) {
    throw asWriteError(cacheFolder, error)
  }
}

/** Puts a blob into a snapshot: as a relative link, or as a copy where the file system has no links. */
export function linkFile(repository: CachedRepository, commit: string, file: RemoteFile, symlinks: boolean): void {
  const link = path.join(snapshotFolder(repository, commit), ...file.path.split('/'))
  const blob = blobFile(repository, file.etag)
  if (fs.existsSync(link)) return
  try {
    fs.mkdirSync(path.dirname(link), { recursive: true })
    replaceFile(link, (temporary) => {
      if (!symlinks || !trySymlink(path.relative(path.dirname(link), blob), temporary)) {
        fs.copyFileSync(blob, temporary, fs.constants.COPYFILE_FICLONE)
      }
    })
  } catch (error) {
    throw asWriteError(link, error)
  }
}

/** Records which commit a branch or tag named. */
export function writeRef({ folder }: CachedRepository, revision: string, commit: string): void {
  if (revision === commit) return
  const file = path.join(folder, 'refs', ...revision.split('/'))
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    replaceFile(file, (temporary) => {
      fs.writeFileSync(temporary, commit)
    })
  } catch (error) {
    throw asWriteError(file, error)
  }
}

/**
 * The repository and commit that a snapshot folder of the cache belongs to; null for any other folder. A model that was
 * loaded from the cache is known to others by these, not by the folder's name on this machine.
 */
export function snapshotSource(folder: string): { id: string; revision: string } | null {
  const parts = path.resolve(folder).split(path.sep)
  const [name, snapshots, commit] = parts.slice(-3)
  const match = /^(?:model|dataset)s--(.+?)--(.+)$/.exec(name ?? '')
  if (!match || snapshots !== 'snapshots' || commit === undefined || !isCommit(commit)) return null
  return { id: `${match[1]}/${match[2]}`, revision: commit }
}

/** Another process may do the same at the same time: whoever is last wins, and nobody sees half of it. */
function replaceFile(file: string, make: (temporary: string) => void): void {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`
  try {
    make(temporary)
    fs.renameSync(temporary, file)
  } catch (error) {
    fs.rmSync(temporary, { force: true })
    throw error
  }
}

function trySymlink(target: string, link: string): boolean {
  try {
    fs.symlinkSync(target, link)
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    // Windows without developer mode, and file systems such as exFAT.
    if (['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL'].includes(code)) return false
    throw error
  }
}
