import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { HubError } from '../errors.js'
import { expandPath } from '../io/expandPath.js'

/** Where the Hub is and how to talk to it, as huggingface_hub reads it from the environment. */
export interface HubEnvironment {
  /** HF_ENDPOINT. Defaults to https://huggingface.co. */
  readonly endpoint: string
  /** HF_HUB_CACHE, else `hub` in HF_HOME, else ~/.cache/huggingface/hub. */
  readonly cacheFolder: string
  /** HF_TOKEN, else the file HF_TOKEN_PATH, which `hf auth login` writes; null for none. */
  readonly token: string | null
  /** HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE: the cache alone, no request at all. */
  readonly offline: boolean
  /** False with HF_HUB_DISABLE_SYMLINKS: snapshots then hold copies. */
  readonly symlinks: boolean
  /** HF_HUB_DOWNLOAD_TIMEOUT, here in milliseconds: a connection without data for so long has stalled. Defaults to 10 s. */
  readonly stallMilliseconds: number
}

type Variables = Readonly<Record<string, string | undefined>>

/** Reads the environment variables of huggingface_hub 2.4 (constants.py, utils/_auth.py); an unset one has its default. */
export function hubEnvironment(variables: Variables = process.env): HubEnvironment {
  const expand = (file: string): string => expandPath(file, variables)
  const defaultHome = path.join(variables.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'huggingface')
  const home = expand(variables.HF_HOME ?? defaultHome)
  const timeout = Number(variables.HF_HUB_DOWNLOAD_TIMEOUT ?? '')
  return {
    endpoint: (variables.HF_ENDPOINT ?? 'https://huggingface.co').replace(/\/+$/, ''),
    cacheFolder: expand(variables.HF_HUB_CACHE ?? variables.HUGGINGFACE_HUB_CACHE ?? path.join(home, 'hub')),
    token: isTrue(variables.HF_HUB_DISABLE_IMPLICIT_TOKEN)
      ? null
      : readToken(variables, expand(variables.HF_TOKEN_PATH ?? path.join(home, 'token'))),
    offline: isTrue(nonEmpty(variables.HF_HUB_OFFLINE) ?? variables.TRANSFORMERS_OFFLINE),
    symlinks: !isTrue(variables.HF_HUB_DISABLE_SYMLINKS),
    stallMilliseconds: timeout > 0 ? timeout * 1000 : 10_000,
  }
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && ['1', 'ON', 'YES', 'TRUE'].includes(value.toUpperCase())
}

function readToken(variables: Variables, file: string): string | null {
  const given = cleanToken(nonEmpty(variables.HF_TOKEN) ?? variables.HUGGING_FACE_HUB_TOKEN)
  if (given !== null) return given
  try {
    return cleanToken(fs.readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

function cleanToken(token: string | undefined): string | null {
  return nonEmpty(token?.replaceAll(/[\r\n]/g, '').trim()) ?? null
}

/** An empty variable counts as unset, as Python's `or` has it. */
function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}

/**
 * Throws a HubError for a token that cannot stand in a header. fetch would throw too, but with the token in its message.
 */
export function checkToken(token: string | null): void {
  if (token === null || /^[\x21-\x7e]+$/.test(token)) return
  throw new HubError(
    'unauthorized',
    'the token for the Hub holds characters that no token has; copy it again from https://huggingface.co/settings/tokens',
  )
}
