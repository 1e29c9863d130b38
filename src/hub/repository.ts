import { ConfigError } from '../errors.js'
import { quote } from '../io/json.js'

/** A repository of the Hub at a branch, tag or commit. */
export interface Repository {
  readonly type: 'model' | 'dataset'
  /** As in the address: `openai/gsm8k`. */
  readonly id: string
  /** Defaults to the branch main. */
  readonly revision: string
}

/** As huggingface_hub checks it: letters, digits, `_`, `-` and `.`; neither `--` nor `..`, nor `-` or `.` at an end. */
const namePattern = /^(?![-.])(?!.*(?:--|\.\.))[\w.-]{1,96}(?<![-.])$/

/**
 * Whether a text may name a repository of the Hub, `owner/name` or `owner/name@revision`, rather than a folder: a path
 * with a `.` in front, an absolute one and one of more than two parts are folders.
 */
export function isRepositoryId(text: string): boolean {
  const [owner, name, ...rest] = splitRevision(text).id.split('/')
  return rest.length === 0 && [owner, name].every((part) => part !== undefined && namePattern.test(part))
}

/**
 * Reads `owner/name` or `owner/name@revision`. Throws a ConfigError for anything else, and when a revision is given both
 * ways and differs.
 */
export function parseRepository(text: string, type: Repository['type'], revision?: string): Repository {
  const parts = splitRevision(text)
  if (!isRepositoryId(text)) {
    throw new ConfigError(`${quote(text)} is no repository of the Hub; expected owner/name or owner/name@revision`)
  }
  if (parts.revision !== undefined && revision !== undefined && parts.revision !== revision) {
    throw new ConfigError(`${quote(text)} names a revision, and so does the option: ${quote(revision)}; give one`)
  }
  const chosen = parts.revision ?? revision ?? 'main'
  // It becomes the name of a file in the cache.
  if (!/^[\w.\-/]+$/.test(chosen) || chosen.split('/').some((part) => part === '' || /^\.+$/.test(part))) {
    throw new ConfigError(`${quote(chosen)} is no revision; expected the name of a branch or tag, or a commit`)
  }
  return { type, id: parts.id, revision: chosen }
}

function splitRevision(text: string): { id: string; revision?: string } {
  const at = text.indexOf('@')
  return at < 0 ? { id: text } : { id: text.slice(0, at), revision: text.slice(at + 1) }
}

/** A full commit hash: what such a revision names never changes. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision)
}

/** Address of the repository's page, for messages. */
export function pageOf(endpoint: string, { type, id }: Repository): string {
  return `${endpoint}/${type === 'dataset' ? 'datasets/' : ''}${id}`
}
