import { z } from 'zod'
import { HubError } from '../errors.js'
import { quote } from '../io/json.js'
import { getJson } from './client.js'
import type { HubClient } from './client.js'
import { pageOf } from './repository.js'
import type { Repository } from './repository.js'

/** A file of a repository. */
export interface RemoteFile {
  /** Inside the repository, with slashes. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** Its name among the cache's blobs: sha256 of a large file (LFS), else git's sha1. */
  readonly etag: string
  readonly hash: 'sha256' | 'git-sha1'
}

const infoSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  id: z.string().optional(),
  private: z.boolean().optional(),
})
const entrySchema = z.object({
  type: z.string(),
  path: z.string(),
  size: z.int().min(0),
  oid: z.string(),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().min(0) }).nullish(),
})

function apiOf({ endpoint }: HubClient, { type, id }: Repository): string {
  return `${endpoint}/api/${type}s/${id}`
}

/**
 * The commit that a revision names now. Warns when the repository has another name by now. Throws a HubError.
 */
export async function resolveCommit(client: HubClient, repository: Repository): Promise<string> {
  return (await repositoryInfo(client, repository)).sha
}

/** As {@link resolveCommit}, with who may see the repository. */
export async function repositoryInfo(
  client: HubClient,
  repository: Repository,
): Promise<{ sha: string; private?: boolean | undefined }> {
  const { id, revision } = repository
  const what = `looking up ${id}`
  const url = `${apiOf(client, repository)}/revision/${encodeURIComponent(revision)}`
  // Nothing has been fetched yet: whoever has no network, or mistyped a path, need not wait long to hear of it.
  const network = { ...client.network, retries: Math.min(2, client.network.retries) }
  const { value } = await getJson({ ...client, network }, repository, url, what)
  const info = parseAnswer(infoSchema, value, what)
  if (info.id !== undefined && info.id.toLowerCase() !== id.toLowerCase()) {
    client.onWarning(
      `${id} is now called ${info.id} on the Hub (${pageOf(client.endpoint, repository)}); use that name`,
    )
  }
  return info
}

/** Of 1000 files each; the largest repositories have a hundredth of it. */
const MAXIMUM_PAGES = 1000

/** All files of a repository at a commit. Throws a HubError, also for a path that would leave the cache. */
export async function listFiles(client: HubClient, repository: Repository, commit: string): Promise<RemoteFile[]> {
  const what = `listing the files of ${repository.id}`
  const files: RemoteFile[] = []
  let url: string | null = `${apiOf(client, repository)}/tree/${commit}?recursive=true`
  for (let page = 1; url !== null; page++) {
    if (page > MAXIMUM_PAGES) throw new HubError('http', `${what}: there are more than ${MAXIMUM_PAGES} pages`)
    const { value, headers } = await getJson(client, { ...repository, revision: commit }, url, what)
    for (const entry of parseAnswer(z.array(entrySchema), value, what)) {
      if (entry.type !== 'file') continue
      checkPath(entry.path, repository)
      const { path, lfs, oid } = entry
      files.push(
        lfs
          ? { path, size: lfs.size, etag: lfs.oid, hash: 'sha256' }
          : { path, size: entry.size, etag: checkOid(oid), hash: 'git-sha1' },
      )
    }
    const next = /<([^>]+)>;\s*rel="next"/.exec(headers.get('link') ?? '')?.[1]
    url = next === undefined ? null : new URL(next, url).href
  }
  return files
}

/** Address of a file's content. */
export function fileUrl(client: HubClient, repository: Repository, commit: string, path: string): string {
  return `${pageOf(client.endpoint, repository)}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`
}

function parseAnswer<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new HubError('http', `${what}: the answer is not the Hub's (${quote(value)}); check HF_ENDPOINT`)
}

function checkOid(oid: string): string {
  if (/^[0-9a-f]{40}$/.test(oid)) return oid
  throw new HubError('http', `the Hub names a file's hash ${quote(oid)}; expected a git sha1`)
}

/** Refuses absolute paths, `..`, backslashes, drive letters and NUL on every operating system alike. */
function checkPath(path: string, { id }: Repository): void {
  if (
    path
      .split('/')
      .every((part) => part !== '.' && part !== '..' && /^[^\\:\p{Cc}\u202a-\u202e\u2066-\u2069]+$/u.test(part))
  )
    return
  throw new HubError('http', `${id} lists the file ${quote(path)}, whose name is not safe to write; nothing was taken`)
}
