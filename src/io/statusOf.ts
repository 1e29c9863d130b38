import fs from 'node:fs'

/**
 * What a path that somebody has named leads to; undefined where it leads nowhere: also where a part of it is a file, a link leads to
 * itself or it is no path at all, for which `fs.statSync` throws.
 */
export function statusOf(file: string): fs.Stats | undefined {
  return fs.existsSync(file) ? fs.statSync(file, { throwIfNoEntry: false }) : undefined
}
