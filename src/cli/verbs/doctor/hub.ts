import fs from 'node:fs'
import { hubEnvironment } from '../../../hub/environment.js'

/** Milliseconds that the Hub may take to answer. */
const ANSWER_TIMEOUT = 5000

/** Whether the Hub answers, and whether there is a token, of which nothing is shown. */
export async function describeHub(): Promise<string> {
  const { endpoint, token, offline } = hubEnvironment()
  const who = token === null ? 'no token (public repositories only; hf auth login, or HF_TOKEN)' : 'a token is set'
  if (offline) return `${endpoint}: not asked, HF_HUB_OFFLINE is set; ${who}`
  try {
    // No token: whether it is valid is for the first request that needs it.
    const { status } = await fetch(`${endpoint}/api/models?limit=1`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT) })
    return `${endpoint} ${status < 500 ? 'answers' : `answers with status ${status}`}; ${who}`
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } }
    return `${endpoint} cannot be reached (${cause?.code ?? message}); folders and what the cache holds still work; ${who}`
  }
}

/** How many repositories the cache that Python's tools share holds. */
export function describeCache(): string {
  const { cacheFolder } = hubEnvironment()
  const names = fs.existsSync(cacheFolder) ? fs.readdirSync(cacheFolder) : []
  const count = (type: string): number => names.filter((name) => name.startsWith(`${type}s--`)).length
  return `${cacheFolder}: ${count('model')} models, ${count('dataset')} data sets`
}
