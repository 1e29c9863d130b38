import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { WheelFile } from './wheelFile.js'

/** What a request was. */
export interface SeenRequest {
  readonly path: string
  readonly range: string | null
  readonly authorization: string | null
}

/** A package index on this machine, with files on a second origin. */
export class FakeIndex {
  readonly requests: SeenRequest[] = []
  /** Pages are HTML, with relative addresses and hashes behind `#`, or JSON. */
  pages: 'html' | 'json' = 'html'
  /** What a browser would send for the right name and password; null for an open index. */
  authorization: string | null = null
  /** For each file, the answers before it is sent as it should be: bytes after which the connection breaks. */
  readonly breaks = new Map<string, number[]>()
  /** What is sent instead of a file. */
  readonly replaced = new Map<string, Buffer>()
  /** What pages say of a file's hash instead of the truth; an empty text for nothing. */
  readonly hashes = new Map<string, string>()
  readonly #wheels: readonly WheelFile[]
  readonly #servers: http.Server[] = []

  static async start(wheels: readonly WheelFile[]): Promise<FakeIndex> {
    const index = new FakeIndex(wheels)
    for (const server of index.#servers) await once(server.listen(0, '127.0.0.1'), 'listening')
    return index
  }

  private constructor(wheels: readonly WheelFile[]) {
    this.#wheels = wheels
    for (const isFiles of [false, true]) {
      this.#servers.push(
        http.createServer((request, response) => {
          this.#answer(request, response, isFiles)
        }),
      )
    }
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  /** `http://127.0.0.1:PORT/simple`. */
  get address(): string {
    return `http://${this.#origin(0)}/simple`
  }

  addressWith(name: string, password: string): string {
    return this.address.replace('//', `//${name}:${password}@`)
  }

  #origin(server: number): string {
    return `127.0.0.1:${(this.#servers[server]!.address() as AddressInfo).port}`
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse, isFiles: boolean): void {
    const { url = '', headers } = request
    const { authorization = null, range = null } = headers
    this.requests.push({ path: url, range, authorization })
    if (!isFiles && this.authorization !== null && authorization !== this.authorization) {
      response.writeHead(401).end()
      return
    }
    const file = this.#wheels.find((wheel) => url === `/files/${wheel.file}`)
    if (file && !isFiles) {
      response.writeHead(302, { Location: `http://${this.#origin(1)}${url}` }).end()
      return
    }
    if (file) {
      this.#send(file, range, response)
      return
    }
    const wheel = this.#wheels.find(({ file }) => url === `/simple/${file.split('-')[0]!.replaceAll('_', '-')}/`)
    if (!wheel) {
      response.writeHead(404).end()
      return
    }
    const sha256 = this.hashes.get(wheel.file) ?? wheel.sha256
    const relative = `../../files/${wheel.file}`
    if (this.pages === 'html') {
      const fragment = sha256 === '' ? '' : `#sha256=${sha256}`
      response.writeHead(200, { 'Content-Type': 'text/html' })
      response.end(
        `<!DOCTYPE html><body><a href="../../files/other-1.0.whl">other</a>\n` +
          `<a data-requires-python="&gt;=3.9" href="${relative}${fragment}">${wheel.file}</a></body>`,
      )
    } else {
      response.writeHead(200, { 'Content-Type': 'application/vnd.pypi.simple.v1+json' })
      response.end(
        JSON.stringify({ files: [{ filename: wheel.file, url: relative, hashes: sha256 === '' ? {} : { sha256 } }] }),
      )
    }
  }

  #send({ file, content: right }: WheelFile, range: string | null, response: http.ServerResponse): void {
    const content = this.replaced.get(file) ?? right
    const [, first = '0', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
    const end = last === '' ? content.length : Math.min(Number(last) + 1, content.length)
    const body = content.subarray(Number(first), end)
    response.writeHead(206, {
      'Content-Length': body.length,
      'Content-Range': `bytes ${first}-${end - 1}/${content.length}`,
    })
    const breakAfter = this.breaks.get(file)?.shift()
    if (breakAfter === undefined) response.end(body)
    else response.write(body.subarray(0, breakAfter), () => response.destroy())
  }
}
