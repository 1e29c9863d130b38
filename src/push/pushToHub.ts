import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { pathToFileURL } from 'node:url'
import { createRepo, HubApiError, uploadFilesWithProgress } from '@huggingface/hub'
import { ConfigError, HubError } from '../errors.js'
import { createClient, remoteOf } from '../hub/client.js'
import type { HubClient, HubOptions } from '../hub/client.js'
import { TransientError, withRetries } from '../io/transfer/remote.js'
import { listFiles, resolveCommit, repositoryInfo } from '../hub/listing.js'
import type { RemoteFile } from '../hub/listing.js'
import { pageOf, parseRepository } from '../hub/repository.js'
import type { Repository } from '../hub/repository.js'
import { packageVersion } from '../packageVersion.js'
import { collectFiles } from './pushFiles.js'
import type { PushFile } from './pushFiles.js'
import { readTrainedRun } from './trainedRun.js'

/** What is published, and where to. */
export interface PushOptions extends Omit<HubOptions, 'offline'> {
  /** Folder of the run. */
  run: string
  /** `owner/name`; made when it does not exist. */
  repo: string
  /** Whether everybody may see a repository. Defaults to false; an existing public one is refused without it. */
  public?: boolean
  /** Sends nothing; the result says what would be sent. Defaults to false. */
  dryRun?: boolean
  /** Hub id of the base model (`owner/name@revision`), for a run that was trained on a folder. */
  baseModel?: string
  /** License of the adapter as the Hub spells it, such as `apache-2.0`. Defaults to none: the card names none. */
  license?: string
  /** Called with the bytes that are done of those to be sent. */
  onProgress?: (doneBytes: number, totalBytes: number) => void
}

/** What was published, or would be. */
export interface PushResult {
  /** Page of the repository. */
  readonly url: string
  /** All files of the run, each with what happens to it. */
  readonly files: readonly (PushFile & { readonly isSent: boolean })[]
  /** The commit that holds them; null after a dry run. */
  readonly commit: string | null
  /** The model card. */
  readonly card: string
}

/**
 * Pushes a run to the Hugging Face Hub in one commit: adapter, tokenizer files, config, metrics, evaluation and a model card
 * that is made from them. Files that are there already, from an earlier or a broken push, are not sent again.
 * @throws FileFormatError for a folder that is no finished run, ConfigError, HubError for what the Hub refuses
 */
export async function pushToHub(options: PushOptions): Promise<PushResult> {
  const client = createClient(options)
  const repository = parseRepository(options.repo, 'model')
  if (repository.revision !== 'main') throw new ConfigError(`repo ${options.repo}: a push goes to the branch main`)
  const run = await readTrainedRun(options.run, options.baseModel)
  for (const warning of run.warnings) client.onWarning(warning)
  const { onProgress, ...download } = options
  const license = options.license ?? null
  const files = await collectFiles(run, {
    repository: repository.id,
    license,
    version: packageVersion(),
    download: { ...download, onWarning: client.onWarning },
  })
  const card = Buffer.from(files.find(({ path }) => path === 'README.md')!.content as Uint8Array).toString()
  const url = pageOf(client.endpoint, repository)
  if (options.dryRun) return { url, files: files.map((file) => ({ ...file, isSent: true })), commit: null, card }
  if (client.token === null) {
    throw new HubError(
      'unauthorized',
      'a push needs a token that may write: set HF_TOKEN to one of https://huggingface.co/settings/tokens, or hf auth login',
    )
  }
  if (client.offline) throw new HubError('offline', 'a push needs the network, and HF_HUB_OFFLINE is set')
  await ensureRepository(client, repository, options.public ?? false)
  const sent = new Set<string>()
  // Over all attempts: a file that the storage has already counts as progress once.
  const doneBytes = new Map<string, number>()
  const commit = await withRetries(remoteOf(client, repository), `pushing to ${repository.id}`, async (progressed) => {
    const head = await resolveCommit(client, repository)
    const remote = new Map((await listFiles(client, repository, head)).map((file) => [file.path, file]))
    const changed = files.filter((file) => !isEqual(file, remote.get(file.path)))
    for (const { path } of changed) sent.add(path)
    // Also when a commit arrived but the answer to it was lost.
    if (changed.length === 0) return head
    return upload(client, repository, changed, head, { doneBytes, progressed, onProgress })
  })
  return { url, files: files.map((file) => ({ ...file, isSent: sent.has(file.path) })), commit, card }
}

/** Makes the repository where it is missing. A public one is not to be filled by accident. */
async function ensureRepository(client: HubClient, repository: Repository, isPublic: boolean): Promise<void> {
  try {
    const { private: isPrivate } = await repositoryInfo(client, repository)
    if (isPrivate === false && !isPublic) {
      throw new ConfigError(
        `${repository.id} exists and everybody can see it; push with --public (option public) if that is meant, or make it ` +
          'private in its settings',
      )
    }
    return
  } catch (error) {
    if (!(error instanceof HubError && error.kind === 'repository-not-found')) throw error
  }
  await withRetries(remoteOf(client, repository), `creating ${repository.id}`, () =>
    asHubErrors(repository, async () => {
      try {
        await createRepo({ ...accessOf(client, repository), visibility: isPublic ? 'public' : 'private' })
      } catch (error) {
        if (!(error instanceof HubApiError && error.statusCode === 409)) throw error
      }
    }),
  )
}

interface UploadProgress {
  /** Of each file, by its path. */
  readonly doneBytes: Map<string, number>
  readonly progressed: () => void
  readonly onProgress: PushOptions['onProgress'] | undefined
}

async function upload(
  client: HubClient,
  repository: Repository,
  files: readonly PushFile[],
  parentCommit: string,
  { doneBytes, progressed, onProgress }: UploadProgress,
): Promise<string> {
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0)
  const sizes = new Map(files.map(({ path, size }) => [path, size]))
  return asHubErrors(repository, async () => {
    const events = uploadFilesWithProgress({
      ...accessOf(client, repository),
      files: files.map(({ path, content }) => ({
        path,
        content: content instanceof Uint8Array ? new Blob([new Uint8Array(content)]) : pathToFileURL(content.file),
      })),
      branch: 'main',
      parentCommit,
      commitTitle: 'Upload a LoRA adapter trained with grpo-ts',
      ...(client.signal && { abortSignal: client.signal }),
    })
    for (;;) {
      const { done: isDone, value } = await events.next()
      if (isDone) return (value as { commit: { oid: string } }).commit.oid
      if (value.event !== 'fileProgress' || value.state !== 'uploading') continue
      const bytes = value.progress * (sizes.get(value.path) ?? 0)
      if (bytes <= (doneBytes.get(value.path) ?? 0)) continue
      progressed()
      doneBytes.set(value.path, bytes)
      onProgress?.(
        [...doneBytes.values()].reduce((sum, x) => sum + x, 0),
        totalBytes,
      )
    }
  })
}

function accessOf(
  client: HubClient,
  repository: Repository,
): Parameters<typeof createRepo>[0] & { fetch: typeof fetch } {
  return {
    repo: repository.id,
    hubUrl: client.endpoint,
    accessToken: client.token ?? '',
    fetch: (input, init) => fetchWithoutToken(client, input, init),
  }
}

/** fetch, but the token goes to the Hub's own origin alone, whatever the library does. */
function fetchWithoutToken(client: HubClient, input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const request = input instanceof Request ? input.url : input
  const headers = new Headers(init?.headers)
  const isForeign = new URL(request).origin !== new URL(client.endpoint).origin
  if (isForeign && headers.get('authorization') === `Bearer ${client.token}`) headers.delete('authorization')
  return fetch(input, { ...init, headers })
}

/** The library's errors as ours: those that may pass are tried again. */
async function asHubErrors<T>({ id }: Repository, body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    if (error instanceof HubApiError) throw explain(id, error)
    if (error instanceof TypeError && error.message === 'fetch failed') {
      const { cause } = error
      throw new TransientError(cause instanceof Error ? cause.message : 'the connection was lost', null, {
        cause: error,
      })
    }
    throw error
  }
}

function explain(id: string, error: HubApiError): Error {
  const { statusCode: status, message } = error
  if (status === 408 || status === 429 || status >= 500 || status === 412) {
    return new TransientError(`the Hub answered ${status}: ${message}`, null, { cause: error })
  }
  const options = { cause: error, status }
  if (status === 401) {
    return new HubError('unauthorized', `the Hub does not accept the token for ${id}; make one that may write`, options)
  }
  if (status === 403) {
    const advice = 'give the token the right to write there, or choose a repository of its account'
    return new HubError('forbidden', `the token may not write to ${id} (${message}); ${advice}`, options)
  }
  return new HubError('http', `the Hub answered ${status} for ${id}: ${message}`, options)
}

/** Whether the Hub has this very content, by the hash that it gives the file. */
function isEqual({ size, content }: PushFile, remote: RemoteFile | undefined): boolean {
  if (remote?.size !== size) return false
  const bytes = content instanceof Uint8Array ? content : fs.readFileSync(content.file)
  const digest = createHash(remote.hash === 'sha256' ? 'sha256' : 'sha1')
  if (remote.hash === 'git-sha1') digest.update(`blob ${size}\0`)
  return digest.update(bytes).digest('hex') === remote.etag
}
