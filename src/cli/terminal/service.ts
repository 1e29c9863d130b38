import fs from 'node:fs'
import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import { untilAborted } from '../../io/untilAborted.js'
import { option } from '../../options/schema.js'
import type { RequestLine, Service } from '../../server/http/service.js'
import { Interrupted } from './exitCode.js'
import { onInterruption } from './interruptible.js'
import type { Streams } from './streams.js'

/** Milliseconds in which requests are answered that are worked on when the service is to end. */
const GRACE = 30_000

/** The options of a verb that is a service. */
export function serviceOptions(
  port: number,
  /** Environment variable that holds the token: in a flag, every user of the machine could read it. */
  tokenVariable: string,
) {
  return {
    host: option(z.string().min(1), '127.0.0.1', 'Address to listen at; beyond this machine only with a token.'),
    port: option(z.int().nonnegative().max(65535), port, 'Port to listen on; 0 = a free one.'),
    tokenFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        `File with the token that requests have to show. Defaults to the environment's ${tokenVariable}, or none.`,
      ),
  }
}

/** The token of a service; null for none. Throws a ConfigError for one that no header could hold, or that is soon guessed. */
export function readToken(file: string | undefined, tokenVariable: string): string | null {
  const given = file === undefined ? (process.env[tokenVariable] ?? null) : readTokenFile(file)
  const token = given?.trim() ?? null
  if (token === null || /^[\x21-\x7e]{8,}$/.test(token)) return token
  throw new ConfigError(
    `${file === undefined ? `${tokenVariable} of the environment` : `--token-file ${file}`} holds no token; expected at least 8 ` +
      'characters of ASCII without spaces, such as openssl rand -hex 24 prints',
  )
}

function readTokenFile(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError(`--token-file ${file} cannot be read (${(cause as Error).message})`, { cause })
  }
}

/** Writes a line for each request: nothing of its contents, nor of what clients name. */
export function requestLog(stream: Streams['stderr']): (request: RequestLine) => void {
  return ({ method, path, status, milliseconds, bytes, error }) => {
    const line = `${new Date().toISOString()} ${method} ${path} ${status} ${milliseconds.toFixed(1)} ms ${bytes} bytes`
    stream.write(error === null ? `${line}\n` : `${line}: ${error}\n`)
  }
}

/** Keeps a service up until the signal ends it. Throws the reason of the signal except for Ctrl-C, which is how it is meant to end. */
export async function keepUp(service: Service, signal: AbortSignal, streams: Streams): Promise<void> {
  streams.stdout.write(`serving  ${service.url}\n`)
  onInterruption(signal, (interrupted) => {
    streams.stderr.write(`${interrupted}: answering what is worked on; Ctrl-C again ends it at once\n`)
  })
  try {
    await untilAborted(new Promise<never>(() => undefined), signal)
  } catch (error) {
    if (!(error instanceof Interrupted && error.signal === 'SIGINT')) throw error
  } finally {
    await service.stop(GRACE)
  }
}
