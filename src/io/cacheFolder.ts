import os from 'node:os'
import path from 'node:path'
import { expandPath } from './expandPath.js'

/** Where grpo-ts keeps what it can fetch or make again: GRPO_TS_CACHE, else `grpo-ts` in XDG_CACHE_HOME or ~/.cache. */
export function cacheFolder(variables: Readonly<Record<string, string | undefined>> = process.env): string {
  const own = variables.GRPO_TS_CACHE
  if (own !== undefined && own !== '') return path.resolve(expandPath(own, variables))
  const caches = variables.XDG_CACHE_HOME ?? ''
  return path.join(caches === '' ? path.join(os.homedir(), '.cache') : caches, 'grpo-ts')
}
