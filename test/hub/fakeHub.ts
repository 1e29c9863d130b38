import { createHash } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as a test looks at it afterwards. */
export interface LoggedRequest {
  readonly server: 'hub' | 'storage'
  readonly method: string
  readonly path: string
  readonly search: string
  readonly headers: http.IncomingHttpHeaders
  /** Of small bodies only. */
  readonly body: string
}

/** How one answer goes wrong. `from` is the first byte that was asked for. */
export type Fault =
  /** The connection is cut after so many bytes. */
  | { kind: 'drop'; bytes: number }
  /** The body ends, as if complete, after so many bytes. */
  | { kind: 'short'; bytes: number }
  /** Nothing comes after so many bytes, and the connection stays. */
  | { kind: 'stall'; bytes: number }
  /** All bytes come, the last ones wrong. */
  | { kind: 'corrupt'; bytes: number }
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  /** The request is served, but its answer never arrives. */
  | { kind: 'lost' }

interface Commit {
  readonly id: string
  readonly title: string
  readonly date: string
  readonly files: ReadonlyMap<string, Buffer>
}

export interface FakeRepository {
  readonly type: 'model' | 'dataset'
  /** Changed by a test that renames it; the old name then redirects. */
  name: string
  private: boolean
  /** Only these users may read the files; null for everybody. */
  grantedUsers: readonly string[] | null
  readonly branches: Map<string, Commit>
  readonly commits: Commit[]
}

type Files = Readonly<Record<string, string | Uint8Array>>

interface Exchange {
  readonly request: http.IncomingMessage
  readonly response: http.ServerResponse
  readonly url: URL
  readonly body: Buffer
  readonly user: string | null
}

export function hash(algorithm: string, ...bytes: (string | Uint8Array)[]): string {
  const digest = createHash(algorithm)
  for (const part of bytes) digest.update(part)
  return digest.digest('hex')
}

function gitOid(bytes: Uint8Array): string {
  return hash('sha1', `blob ${bytes.length}\0`, bytes)
}

/**
 * A Hugging Face Hub in memory, on two ports: the Hub itself, and the storage that it redirects to for large files, with
 * links that expire. Real clients talk to it. `storageFaults` and `hubFaults` are used up one by one.
 */
export class FakeHub {
  readonly repositories: FakeRepository[] = []
  readonly log: LoggedRequest[] = []
  readonly tokens = new Map([['hf_good', 'alice']])
  /** Taken by the next requests for the content of a file of at least `faultBytes`. */
  storageFaults: Fault[] = []
  /** Taken by the next requests to the Hub whose path holds `match`. */
  hubFaults: { match: string; fault: Fault }[] = []
  faultBytes = 1000
  /** Milliseconds before each piece of 64 KiB from the storage. */
  storageDelay = 0
  pageSize = 1000
  /** Renamed repositories: old name → new one. */
  readonly renamed = new Map<string, string>()
  readonly lfs = new Map<string, Buffer>()
  /** Objects above this many bytes are uploaded in several requests. */
  multipartBytes = Infinity
  url = ''
  storageUrl = ''
  readonly #servers: http.Server[] = []
  readonly #uploadParts = new Map<string, Buffer[]>()
  readonly #expiredLinks = new Set<string>()
  #links = 0

  static async start(): Promise<FakeHub> {
    const hub = new FakeHub()
    hub.url = await hub.#listen('hub', (exchange) => {
      hub.#answerHub(exchange)
    })
    hub.storageUrl = await hub.#listen('storage', (exchange) => {
      hub.#answerStorage(exchange)
    })
    return hub
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  addRepository(name: string, files: Files, options: Partial<FakeRepository> = {}): FakeRepository {
    const repository: FakeRepository = {
      type: 'model',
      name,
      private: false,
      grantedUsers: null,
      branches: new Map<string, Commit>(),
      commits: [],
      ...options,
    }
    this.repositories.push(repository)
    this.commit(repository, 'main', files)
    return repository
  }

  commit(repository: FakeRepository, branch: string, files: Files, title = 'a commit'): Commit {
    const merged = new Map(repository.branches.get(branch)?.files)
    for (const [path, content] of Object.entries(files)) merged.set(path, Buffer.from(content))
    const content = [...merged].map(([path, bytes]) => path + gitOid(bytes)).join()
    const id = hash('sha1', `${repository.name} ${branch} ${repository.commits.length} ${content}`)
    const commit: Commit = { id, title, date: new Date().toISOString(), files: merged }
    repository.commits.push(commit)
    repository.branches.set(branch, commit)
    return commit
  }

  find(type: string, name: string): FakeRepository | undefined {
    return this.repositories.find((one) => one.type === type && one.name === name)
  }

  /** Links given out so far stop working. */
  expireLinks(): void {
    for (let link = 0; link < this.#links; link++) this.#expiredLinks.add(String(link))
  }

  /** The next link does not work any more when it is followed. */
  expireNextLink(): void {
    this.#expiredLinks.add(String(this.#links))
  }

  async #listen(server: 'hub' | 'storage', answer: (exchange: Exchange) => void): Promise<string> {
    const listener = http.createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks)
        const url = new URL(request.url ?? '/', 'http://localhost')
        const { method = 'GET', headers } = request
        this.log.push({
          server,
          method,
          path: decodeURIComponent(url.pathname),
          search: url.search,
          headers,
          body: body.length < 65536 ? body.toString('utf8') : '',
        })
        const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]
        const user = token === undefined ? null : (this.tokens.get(token) ?? null)
        if (server === 'hub' && token !== undefined && user === null) {
          refuse(response, 401, '', 'Invalid credentials in Authorization header')
        } else answer({ request, response, url, body, user })
      })
    })
    this.#servers.push(listener)
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  }

  #answerHub(exchange: Exchange): void {
    const { request, response, url } = exchange
    const path = url.pathname
    const at = this.hubFaults.findIndex(({ match }) => path.includes(match))
    const [taken] = at < 0 ? [] : this.hubFaults.splice(at, 1)
    if (taken?.fault.kind === 'status') {
      response.writeHead(taken.fault.status, taken.fault.headers).end()
    } else if (taken?.fault.kind === 'lost') {
      this.#takeUnanswered(exchange)
    } else if (taken) request.socket.destroy()
    else if (!this.#answerUser(exchange) && !this.#answerApi(exchange) && !this.#answerLfs(exchange)) {
      if (!this.#answerResolve(exchange)) refuse(response, 404, '', "Sorry, we can't find the page")
    }
  }

  #takeUnanswered(exchange: Exchange): void {
    const silent = new http.ServerResponse(exchange.request)
    this.#answerApi({ ...exchange, response: silent })
    exchange.request.socket.destroy()
  }

  #answerUser({ request, response, url, body, user }: Exchange): boolean {
    if (url.pathname === '/api/whoami-v2') {
      const auth = { type: 'access_token', accessToken: { displayName: 't', role: 'write' } }
      if (user === null) refuse(response, 401, '', 'Invalid username or password.')
      else sendJson(response, { type: 'user', id: 'u1', name: user, fullname: user, orgs: [], auth })
      return true
    }
    if (url.pathname !== '/api/repos/create' || request.method !== 'POST') return false
    const fields = JSON.parse(body.toString()) as Record<string, string | boolean>
    const owner = fields.organization ?? user
    const name = `${String(owner)}/${String(fields.name)}`
    const type = fields.type === 'dataset' ? 'dataset' : 'model'
    if (user === null) refuse(response, 401, '', 'Invalid username or password.')
    else if (owner !== user)
      refuse(response, 403, '', `You don't have the rights to create a model under ${String(owner)}`)
    else if (this.find(type, name)) sendJson(response, { error: 'You already created this model repo' }, 409)
    else {
      const attributes = '*.safetensors filter=lfs diff=lfs merge=lfs -text\n'
      const isPrivate = fields.visibility === 'private' || fields.private === true
      this.addRepository(name, { '.gitattributes': attributes }, { type, private: isPrivate })
      sendJson(response, { url: `${this.url}/${name}`, name, id: name })
    }
    return true
  }

  /** The repository, or null when the user may not know of it; then the answer is sent. */
  #open(exchange: Exchange, type: string, name: string, isWrite = false): FakeRepository | null {
    const { response, user, url } = exchange
    const newName = this.renamed.get(name)
    if (newName !== undefined) {
      response.writeHead(307, { Location: `${url.pathname.replace(name, newName)}${url.search}` }).end()
      return null
    }
    const repository = this.find(type, name)
    const isOwner = user === name.split('/')[0]
    if (!repository || (repository.private && !isOwner)) {
      const anonymous = user === null
      refuse(response, anonymous ? 401 : 404, 'RepoNotFound', anonymous ? 'Invalid username or password.' : 'Not found')
      return null
    }
    if (isWrite && !isOwner) {
      refuse(response, user === null ? 401 : 403, '', 'Forbidden')
      return null
    }
    return repository
  }

  #revision(response: http.ServerResponse, repository: FakeRepository, revision: string): Commit | null {
    const commit = repository.branches.get(revision) ?? repository.commits.find(({ id }) => id === revision)
    if (!commit) refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`)
    return commit ?? null
  }

  #answerApi(exchange: Exchange): boolean {
    const { response, url, body } = exchange
    const pattern =
      /^\/api\/(model|dataset)s\/([^/]+\/[^/]+?)(?:\/(revision|tree|paths-info|preupload|commit)\/([^/]+))?$/
    const match = pattern.exec(url.pathname)
    if (!match) return false
    const [, type = '', name = '', verb, rawRevision = 'main'] = match
    const isWrite = verb === 'preupload' || verb === 'commit'
    const repository = this.#open(exchange, type, name, isWrite)
    if (!repository) return true
    const revision = decodeURIComponent(rawRevision)
    const commit = this.#revision(response, repository, revision)
    if (!commit) return true
    if (verb === 'tree') this.#sendTree(exchange, commit)
    else if (verb === 'commit') this.#takeCommit(exchange, repository, revision)
    else if (verb === 'paths-info') {
      const { paths } = JSON.parse(body.toString()) as { paths: string[] }
      sendJson(
        response,
        paths.flatMap((path) => (commit.files.has(path) ? [describe(path, commit)] : [])),
      )
    } else if (verb === 'preupload') {
      const { files } = JSON.parse(body.toString()) as { files: { path: string; size: number }[] }
      const modes = files.map(({ path, size }) => ({ path, uploadMode: isLfs(path, size) ? 'lfs' : 'regular' }))
      sendJson(response, { files: modes })
    } else {
      const siblings = [...commit.files.keys()].map((rfilename) => ({ rfilename }))
      const counts = { downloads: 0, likes: 0, tags: [], gated: repository.grantedUsers !== null }
      const { private: isPrivate, name: id } = repository
      const { id: sha, date: lastModified } = commit
      sendJson(response, {
        _id: `x${sha.slice(0, 8)}`,
        id,
        modelId: id,
        sha,
        private: isPrivate,
        lastModified,
        siblings,
        ...counts,
      })
    }
    return true
  }

  #sendTree({ response, url }: Exchange, commit: Commit): void {
    const entries: unknown[] = [...commit.files.keys()].sort().map((path) => describe(path, commit))
    const folders = new Set(
      [...commit.files.keys()].filter((path) => path.includes('/')).map((path) => path.split('/')[0]),
    )
    for (const path of folders) entries.push({ type: 'directory', oid: hash('sha1', path ?? ''), size: 0, path })
    const begin = Number(url.searchParams.get('cursor') ?? 0)
    const end = begin + this.pageSize
    url.searchParams.set('cursor', String(end))
    const link: Record<string, string> =
      end < entries.length ? { Link: `<${this.url}${url.pathname}${url.search}>; rel="next"` } : {}
    sendJson(response, entries.slice(begin, end), 200, link)
  }

  #takeCommit({ response, body }: Exchange, repository: FakeRepository, branch: string): void {
    const operations = body.toString().trim().split('\n')
    const files: Record<string, Buffer> = {}
    let title = ''
    for (const line of operations) {
      const { key, value } = JSON.parse(line) as { key: string; value: Record<string, string> }
      if (key === 'header') title = value.summary ?? ''
      else if (key === 'file') files[value.path!] = Buffer.from(value.content!, value.encoding as BufferEncoding)
      else if (key === 'lfsFile') {
        const bytes = this.lfs.get(value.oid!)
        if (!bytes) {
          refuse(response, 400, '', `an LFS pointer points to a file that does not exist: ${value.path!}`)
          return
        }
        files[value.path!] = bytes
      }
    }
    const { id } = this.commit(repository, branch, files, title)
    sendJson(response, {
      success: true,
      commitOid: id,
      commitUrl: `${this.url}/${repository.name}/commit/${id}`,
      hookOutput: '',
    })
  }

  #answerLfs(exchange: Exchange): boolean {
    const { response, url, body } = exchange
    const match = /^\/([^/]+\/[^/]+?)\.git\/info\/lfs\/objects\/batch$/.exec(url.pathname)
    if (!match) return false
    if (!this.#open(exchange, 'model', match[1]!, true)) return true
    const { objects } = JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] }
    const isMultipart = objects.some(({ size }) => size > this.multipartBytes)
    const answers = objects.map(({ oid, size }) => {
      if (this.lfs.has(oid)) return { oid, size, authenticated: true }
      const count = Math.ceil(size / this.multipartBytes)
      const numbers = Array.from({ length: count }, (_, i) => i + 1)
      const parts = numbers.map((n) => [String(n).padStart(5, '0'), `${this.storageUrl}/part/${oid}/${n}?sig=s`])
      const header = { chunk_size: String(this.multipartBytes), ...(Object.fromEntries(parts) as object) }
      const whole = { href: `${this.storageUrl}/put/${oid}?sig=s` }
      const upload = isMultipart ? { href: `${this.storageUrl}/complete/${oid}?sig=s`, header } : whole
      return { oid, size, authenticated: true, actions: { upload } }
    })
    const answer = { transfer: isMultipart ? 'multipart' : 'basic', objects: answers }
    sendJson(response, answer, 200, { 'Content-Type': 'application/vnd.git-lfs+json' })
    return true
  }

  #answerResolve(exchange: Exchange): boolean {
    const { response, url, user } = exchange
    const match = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname)
    if (!match) return false
    const repository = this.#open(exchange, match[1] === undefined ? 'model' : 'dataset', match[2]!)
    if (!repository) return true
    const { grantedUsers, name } = repository
    if (grantedUsers && (user === null || !grantedUsers.includes(user))) {
      refuse(response, user === null ? 401 : 403, 'GatedRepo', `Access to model ${name} is restricted.`)
      return true
    }
    const commit = this.#revision(response, repository, decodeURIComponent(match[3]!))
    if (!commit) return true
    const path = decodeURIComponent(match[4]!)
    const bytes = commit.files.get(path)
    const headers = { 'X-Repo-Commit': commit.id, 'Accept-Ranges': 'bytes' }
    if (!bytes) refuse(response, 404, 'EntryNotFound', 'Entry not found')
    else if (!isLfs(path, bytes.length)) this.#sendBytes(exchange, bytes, { ...headers, ETag: `"${gitOid(bytes)}"` })
    else {
      const oid = hash('sha256', bytes)
      this.lfs.set(oid, bytes)
      const location = `${this.storageUrl}/get/${oid}?link=${this.#links++}&X-Amz-Signature=secret`
      const linked = { 'X-Linked-Size': String(bytes.length), 'X-Linked-ETag': `"${oid}"`, Location: location }
      response.writeHead(302, { ...headers, ...linked }).end()
    }
    return true
  }

  #answerStorage(exchange: Exchange): void {
    const { request, response, url, body } = exchange
    // As real storage does: it takes the signature of the link for the only credential.
    if (request.headers.authorization !== undefined) {
      response.writeHead(400).end('Only one auth mechanism allowed')
      return
    }
    const [, verb, oid = '', number = '1'] = url.pathname.split('/')
    const bytes = this.lfs.get(oid)
    if (verb === 'get' && this.#expiredLinks.has(url.searchParams.get('link') ?? '')) {
      response.writeHead(403).end('<Error>Request has expired</Error>')
    } else if (verb === 'get' && bytes) this.#sendBytes(exchange, bytes, { ETag: `"${oid}"` })
    else if (verb === 'put') this.#store(response, oid, body)
    else if (verb === 'part') {
      const parts = this.#uploadParts.get(oid) ?? []
      parts[Number(number) - 1] = body
      this.#uploadParts.set(oid, parts)
      response.writeHead(200, { ETag: `"part-${number}"` }).end()
    } else if (verb === 'complete') this.#store(response, oid, Buffer.concat(this.#uploadParts.get(oid) ?? []))
    else response.writeHead(404).end()
  }

  #store(response: http.ServerResponse, oid: string, bytes: Buffer): void {
    const fault = this.storageFaults.shift()
    if (fault?.kind === 'status') response.writeHead(fault.status, fault.headers).end()
    else if (fault) response.destroy()
    else if (hash('sha256', bytes) !== oid) response.writeHead(400).end('wrong sha256')
    else {
      this.lfs.set(oid, bytes)
      response.writeHead(200, { ETag: `"${oid}"` }).end()
    }
  }

  #sendBytes({ request, response }: Exchange, all: Buffer, headers: Record<string, string>): void {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
    const begin = range ? Number(range[1]) : 0
    const end = range?.[2] ? Math.min(Number(range[2]) + 1, all.length) : all.length
    if (range && begin >= all.length) {
      response.writeHead(416, { 'Content-Range': `bytes */${all.length}` }).end()
      return
    }
    let bytes = Buffer.from(all.subarray(begin, end))
    const status = range ? 206 : 200
    const full = { 'Content-Type': 'application/octet-stream', ...headers }
    const ranged = range ? { ...full, 'Content-Range': `bytes ${begin}-${end - 1}/${all.length}` } : full
    const withLength = { ...ranged, 'Content-Length': String(bytes.length) }
    if (request.method === 'HEAD') {
      response.writeHead(status, withLength).end()
      return
    }
    const fault = all.length >= this.faultBytes ? this.storageFaults.shift() : undefined
    switch (fault?.kind) {
      case 'status':
        response.writeHead(fault.status, fault.headers).end()
        return
      case 'drop':
        response.writeHead(status, withLength)
        response.write(bytes.subarray(0, fault.bytes), () => setTimeout(() => request.socket.destroy(), 20))
        return
      case 'stall':
        response.writeHead(status, withLength)
        response.write(bytes.subarray(0, fault.bytes))
        return
      case 'short':
        // Without a length: only whoever knows the size of the file can tell.
        response.writeHead(status, ranged).end(bytes.subarray(0, fault.bytes))
        return
      case 'corrupt':
        bytes = Buffer.from(bytes)
        bytes.fill(9, Math.max(0, bytes.length - fault.bytes))
        break
      case 'lost':
      case undefined:
    }
    response.writeHead(status, withLength)
    this.#sendSlowly(response, bytes)
  }

  #sendSlowly(response: http.ServerResponse, bytes: Buffer): void {
    if (this.storageDelay === 0 || bytes.length === 0 || response.destroyed) response.end(bytes)
    else {
      response.write(bytes.subarray(0, 65536))
      setTimeout(() => {
        this.#sendSlowly(response, bytes.subarray(65536))
      }, this.storageDelay)
    }
  }
}

function isLfs(path: string, size: number): boolean {
  return /\.(safetensors|parquet|bin|gguf|gz)$/.test(path) || size > 10 * 1024 * 1024
}

/** An entry of the API's lists of files. */
function describe(path: string, commit: Commit): Record<string, unknown> {
  const bytes = commit.files.get(path)!
  const lfs = { oid: hash('sha256', bytes), size: bytes.length, pointerSize: 134 }
  const lastCommit = { id: commit.id, title: commit.title, date: commit.date }
  const entry = { type: 'file', oid: gitOid(bytes), size: bytes.length, path, lastCommit }
  return isLfs(path, bytes.length) ? { ...entry, lfs } : entry
}

function sendJson(
  response: http.ServerResponse,
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers })
  response.end(JSON.stringify(value))
}

function refuse(response: http.ServerResponse, status: number, code: string, message: string): void {
  const headers = {
    'X-Error-Message': message,
    'X-Request-Id': 'request-1',
    ...(code !== '' && { 'X-Error-Code': code }),
  }
  sendJson(response, { error: message }, status, headers)
}
