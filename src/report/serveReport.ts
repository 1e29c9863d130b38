import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { GrpoError } from '../errors.js'
import { sameSecret } from '../io/sameSecret.js'
import { commandRun, readRunStatus } from '../run/control.js'
import type { RunCommand } from '../run/control.js'
import { pageAssets } from './assets.js'
import { renderPage } from './html.js'
import type { ReportUpdate } from './reportData.js'
import { RunReader } from './runReader.js'

/** A report that is served while its run goes on. */
export interface ReportServer {
  /** Address of the page, with the token that it asks for. */
  readonly url: string
  /** Ends the server. */
  close(): Promise<void>
}

const commands: readonly string[] = ['pause', 'resume', 'stop'] satisfies RunCommand[]

/**
 * Serves the report of a run on 127.0.0.1, live while the run goes on, with buttons that pause, resume and stop it. Whoever asks
 * must know the token of the address, so that neither another page in the same browser nor another user of the machine can read
 * or steer the run.
 * @param port 0 takes a free one
 * @throws DataError when there is no such folder, GrpoError when the port is taken
 */
export async function serveReport(runFolder: string, { port = 0 }: { port?: number } = {}): Promise<ReportServer> {
  const reader = new RunReader(runFolder)
  const token = randomBytes(24).toString('base64url')
  const assets = pageAssets()
  const server = http.createServer((request, response) => {
    let answer: Answer
    try {
      answer = answerTo(request)
    } catch (error) {
      answer = { status: 500, type: 'text/plain', body: error instanceof Error ? error.message : String(error) }
    }
    response.writeHead(answer.status, {
      'Content-Type': `${answer.type}; charset=utf-8`,
      'Cache-Control': 'no-store',
      'Content-Security-Policy': "frame-ancestors 'none'",
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    })
    response.end(answer.body)
  })

  const read = (): ReturnType<RunReader['read']> =>
    reader.read({ final: readRunStatus(reader.folder).state === 'ended' })

  function answerTo(request: http.IncomingMessage): Answer {
    const { host = '', origin } = request.headers
    // A page of another site that has its name resolve to 127.0.0.1 still names itself as the host.
    if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host)) return refusal(403, 'unknown host')
    const url = new URL(request.url ?? '/', `http://${host}`)
    if (request.method === 'GET' && url.pathname === '/') {
      if (!sameSecret(url.searchParams.get('token'), token))
        return refusal(403, 'the address lacks its token; see the terminal')
      const html = renderPage({ ...read(), writtenAt: new Date().toISOString(), live: { token } }, assets)
      return { status: 200, type: 'text/html', body: html }
    }
    const site = request.headers['sec-fetch-site']
    if ((origin !== undefined && origin !== `http://${host}`) || (site !== undefined && site !== 'same-origin')) {
      return refusal(403, 'only the page itself may ask')
    }
    if (!sameSecret(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null, token)) {
      return refusal(403, 'the token is missing or not that of this server')
    }
    if (request.method === 'GET' && url.pathname === '/updates') return updates(url.searchParams)
    const [, command] = /^\/control\/(\w+)$/.exec(url.pathname) ?? []
    if (request.method === 'POST' && command !== undefined && commands.includes(command)) {
      const isSent = commandRun(reader.folder, command as RunCommand)
      return isSent ? { status: 204, type: 'text/plain', body: '' } : refusal(409, 'no process trains in this folder')
    }
    return refusal(404, 'there is no such page')
  }

  /** What came after the steps that the page has. */
  function updates(query: URLSearchParams): Answer {
    const run = read()
    const after = (name: string): number => Number.parseFloat(query.get(name) ?? '') || -Infinity
    const [metrics, steps] = [after('metrics'), after('steps')]
    const update: ReportUpdate = {
      generation: reader.generation,
      status: { ...readRunStatus(reader.folder), step: run.metrics.at(-1)?.step ?? null },
      metrics: run.metrics.filter(({ step }) => step > metrics),
      steps: run.steps.filter(({ step }) => step > steps),
      groups: run.groups.filter(({ step }) => step > steps),
      rewardNames: run.rewardNames,
      groupsLeftOut: run.groupsLeftOut,
      notes: run.notes,
      evaluation: run.evaluation?.createdAt === query.get('evaluation') ? null : run.evaluation,
    }
    return { status: 200, type: 'application/json', body: JSON.stringify(update) }
  }

  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new GrpoError(`cannot serve on port ${port} (${(cause as Error).message}); choose another one with --port`, {
      cause,
    })
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/?token=${token}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

function refusal(status: number, reason: string): Answer {
  return { status, type: 'text/plain', body: `${reason}\n` }
}
