import fs from 'node:fs'
import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import { option } from '../../options/schema.js'
import type { RequestLine } from '../../server/http/service.js'
import { nameOption } from './modelOptions.js'
import type { Streams } from './streams.js'

/** The options of a verb that is a service. */
export function serviceOptions(
  port: number,
  /** Environment variable that holds the token. */
  tokenVariable: string,
) {
  return {
    host: option(z.string().min(1), '127.0.0.1', 'Address to listen at; beyond this machine a token is demanded.'),
    port: option(z.int().min(0).max(65_535), port, 'Port to listen at; 0 = a free one.'),
    tokenFile: nameOption
      .optional()
      .describe(
        `File with the token that requests have to show. Defaults to what ${tokenVariable} of the environment holds, else to none.`,
      ),
  }
}

/** The token of a service; null for none. Throws a ConfigError for one that no header could hold. */
export function readToken(file: string | undefined, tokenVariable: string): string | null {
  const source = file ?? `the environment variable ${tokenVariable}`
  const token = (file === undefined ? (process.env[tokenVariable] ?? '') : readTokenFile(file)).trim()
  if (file === undefined && token === '') return null
  if (/^[\x21-\x7e]{8,}$/.test(token)) return token
  throw new ConfigError(
    `${source} holds no token: expected at least 8 characters of ASCII without spaces, such as openssl rand -hex 24 prints`,
  )
}

function readTokenFile(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError(`--token-file ${file} cannot be read (${(cause as Error).message})`, { cause })
  }
}

/** Writes a line for each request, without anything of its contents. */
export function requestLog(stream: Streams['stderr']): (request: RequestLine) => void {
  return ({ method, path, status, milliseconds, bytes, error }) => {
    const reason = error === null ? '' : `, ${error}`
    stream.write(
      `${new Date().toISOString()} ${method} ${path} ${status}, ${bytes} bytes, ${milliseconds.toFixed(0)} ms${reason}\n`,
    )
  }
}
