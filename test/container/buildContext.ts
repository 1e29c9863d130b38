import fs from 'node:fs'
import path from 'node:path'

/** A pattern of .dockerignore as a regular expression for paths: `*` stays in a folder, `**` does not. */
function toRegExp(pattern: string): RegExp {
  const parts = pattern
    .replace(/^\/|\/$/g, '')
    .split('/')
    .map((part) =>
      part === '**'
        ? '(?:[^/]+/)*'
        : `${part
            .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
            .replaceAll('*', '[^/]*')
            .replaceAll('?', '[^/]')}/`,
    )
  return new RegExp(`^${parts.join('')}$`)
}

/**
 * The files that Docker would send as the context of a build: all below a folder but what its .dockerignore names. Exceptions
 * (`!`) are not supported, since there are none.
 * @returns paths relative to the folder
 */
export function buildContext(folder: string): string[] {
  const patterns = fs
    .readFileSync(path.join(folder, '.dockerignore'), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  if (patterns.some((pattern) => pattern.startsWith('!')))
    throw new Error('.dockerignore: exceptions are not supported')
  const ignored = patterns.map(toRegExp)
  const files: string[] = []
  const visit = (below: string): void => {
    for (const entry of fs.readdirSync(path.join(folder, below), { withFileTypes: true })) {
      const name = path.posix.join(below, entry.name)
      if (ignored.some((pattern) => pattern.test(`${name}/`))) continue
      if (entry.isDirectory()) visit(name)
      else files.push(name)
    }
  }
  visit('')
  return files
}
