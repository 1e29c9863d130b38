import { statisticsReady } from '../eval/statistics/distributions.js'
import { refusal, servePage } from '../io/pageServer.js'
import type { PageAnswer, PageRequest } from '../io/pageServer.js'
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
  await statisticsReady
  const reader = new RunReader(runFolder)
  const assets = pageAssets()
  const read = (): ReturnType<RunReader['read']> =>
    reader.read({ final: readRunStatus(reader.folder).state === 'ended' })

  function answer({ method, path, query }: PageRequest): PageAnswer | null {
    if (method === 'GET' && path === '/updates') return updates(query)
    const [, command] = /^\/control\/(\w+)$/.exec(path) ?? []
    if (method !== 'POST' || command === undefined || !commands.includes(command)) return null
    const isSent = commandRun(reader.folder, command as RunCommand)
    return isSent ? { status: 204, type: 'text/plain', body: '' } : refusal(409, 'no process trains in this folder')
  }

  /** What came after the steps that the page has. */
  function updates(query: URLSearchParams): PageAnswer {
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

  return servePage(
    {
      page: (token) => renderPage({ ...read(), writtenAt: new Date().toISOString(), live: { token } }, assets),
      answer,
    },
    port,
  )
}
