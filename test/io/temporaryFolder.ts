import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** Gives every test of the suite an empty folder, removed afterwards; returns the path of a name in it. */
export function useTemporaryFolder(): (...names: string[]) => string {
  let folder = ''
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-io-'))
  })
  afterEach(() => {
    fs.rmSync(folder, { recursive: true })
  })
  return (...names) => path.join(folder, ...names)
}

/** Open file descriptors of this process, or null where the system has no /proc. */
export function countOpenDescriptors(): number | null {
  return fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : null
}
