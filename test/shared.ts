import fs from 'node:fs'
import path from 'node:path'

/**
 * Path inside the folder of reference numbers, models and data that lies beside the repository on the project's machines
 * (or where GRPO_TS_SHARED says). Returns null when it is not there; the caller then skips and says so.
 */
export function sharedPath(...parts: string[]): string | null {
  const root = process.env.GRPO_TS_SHARED ?? path.resolve(import.meta.dirname, '../../shared')
  const file = path.join(root, ...parts)
  return fs.existsSync(file) ? file : null
}

/** As {@link sharedPath}, but skips the running test with a line that says what was missing. */
export function requireShared(test: Mocha.Context, ...parts: string[]): string {
  const file = sharedPath(...parts)
  if (file !== null) return file
  console.log(`      skipped: ../shared/${parts.join('/')} is not on this machine`)
  test.skip()
}
