import { setTimeout as wait } from 'node:timers/promises'
import { GrpoError } from '../../../errors.js'
import { TransientError } from '../../../io/transfer/remote.js'
import type { RolloutServer } from './rolloutServer.js'

/** How long servers are waited for, in milliseconds. */
export interface Waits {
  /** After a first failure; doubled for each further one. */
  readonly first: number
  /** The longest between two tries. */
  readonly longest: number
  /** How long all servers together may fail before the work is given up. */
  readonly patience: number
}

/** What is done on servers. */
export interface Work<Job> {
  /** Makes a server ready. */
  readonly prepare: (server: RolloutServer, signal: AbortSignal) => Promise<void>
  readonly isReady: (server: RolloutServer) => boolean
  readonly do: (server: RolloutServer, job: Job, signal: AbortSignal) => Promise<void>
}

/** How it is done. */
export interface SharingOptions {
  readonly waits: Waits
  readonly signal: AbortSignal
  /** Told once of each server that is away, and when it is back. */
  readonly onWarning: (message: string) => void
}

/** Failures in a row after which a server counts as away: one may be a connection that had been idle for too long. */
const AWAY = 2

/**
 * Has servers do all of the work: each takes the next job when it has room, so that faster ones take more. A job whose server fails goes
 * to another; that server is waited for, made ready and takes part again.
 * @throws GrpoError when none of them has answered for too long, or for what no waiting helps; the signal's reason
 */
export function shareWork<Job>(
  jobs: readonly Job[],
  servers: readonly RolloutServer[],
  work: Work<Job>,
  { waits, signal, onWarning }: SharingOptions,
): Promise<void> {
  const pending = [...jobs]
  let left = jobs.length
  const ending = new AbortController()
  const untilEnd = AbortSignal.any([signal, ending.signal])
  return new Promise<void>((resolve, reject) => {
    const end = (error: Error | null): void => {
      signal.removeEventListener('abort', onAbort)
      ending.abort()
      if (error === null) resolve()
      else reject(error)
    }
    const onAbort = (): void => {
      end(signal.reason as Error)
    }
    const hasEnded = (): boolean => ending.signal.aborted
    const isThere = (server: RolloutServer): boolean => !server.refusal && server.failures < AWAY
    /** What is told of a server that was away and answers. */
    const welcome = (server: RolloutServer, failures: number): void => {
      if (failures >= AWAY && server.failures < AWAY) onWarning(`the server ${server.url} answers again`)
    }

    /** Gives jobs to the servers that have room, the idlest first; whoever is ready first leaves the others their share. */
    function handOut(): void {
      while (!hasEnded() && pending.length > 0) {
        const share = Math.ceil(left / servers.filter((one) => isThere(one)).length)
        const [server] = servers
          .filter((one) => work.isReady(one) && one.working < Math.min(one.capacity, share))
          .sort((a, b) => a.working / a.capacity - b.working / b.capacity)
        if (!server) return
        void start(server, pending.shift()!)
      }
    }

    async function start(server: RolloutServer, job: Job): Promise<void> {
      server.working++
      try {
        await work.do(server, job, untilEnd)
        if (hasEnded()) return
        const { failures } = server
        server.succeed()
        welcome(server, failures)
        if (--left === 0) end(null)
      } catch (error) {
        if (hasEnded()) return
        pending.unshift(job)
        if (!(error instanceof TransientError)) end(error as Error)
        // Of several requests that a server had, one tells enough.
        else if (work.isReady(server)) {
          note(server, error)
          void makeReady(server, server.pause)
        }
      } finally {
        server.working--
        handOut()
      }
    }

    /** Makes a server ready as soon as it answers, which it is asked after a pause. */
    async function makeReady(server: RolloutServer, firstPause: number): Promise<void> {
      for (let pause = firstPause; !hasEnded() && !server.refusal; pause = server.pause) {
        try {
          await wait(pause, undefined, { signal: untilEnd })
          const { failures } = server
          await work.prepare(server, untilEnd)
          welcome(server, failures)
          handOut()
          return
        } catch (error) {
          if (!hasEnded()) note(server, error)
          // What was its share is now the others'.
          handOut()
        }
      }
    }

    function note(server: RolloutServer, error: unknown): void {
      if (error instanceof TransientError) server.fail(error, waits)
      else if (error instanceof GrpoError) server.refusal = error
      else {
        end(error as Error)
        return
      }
      if (server.refusal) onWarning(`${server.refusal.message}. It is left out`)
      else if (server.failures === AWAY) {
        const others = servers.length > 1 ? 'the other servers take its work meanwhile, and ' : ''
        onWarning(`${server.lastProblem}; ${others}it is asked again`)
      }
      if (servers.every((one) => one.refusal ?? one.hasFailedFor(waits.patience))) end(givenUp())
    }

    function givenUp(): GrpoError {
      const problems = servers.map(({ refusal, lastProblem }) => refusal?.message ?? lastProblem)
      return new GrpoError(
        `no server has sampled anything for ${Math.round(waits.patience / 1000)} s:\n  ${problems.join('\n  ')}\n` +
          'When they are back, resume goes on behind the last step',
      )
    }

    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    else if (left === 0) end(null)
    else {
      for (const server of servers) {
        server.refusal = null
        // One that was away is asked anew with each batch, however long its pauses have become.
        if (!work.isReady(server)) void makeReady(server, 0)
      }
      handOut()
    }
  })
}
