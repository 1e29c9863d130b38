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

/** Number of open descriptors of files in a folder, also of removed ones; 0 where the system has no /proc. */
export function countOpenDescriptors(folder: string): number {
  if (!fs.existsSync('/proc/self/fd')) return 0
  const target = (descriptor: string): string => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${descriptor}`)
    } catch {
      return '' // closed meanwhile
    }
  }
  return fs.readdirSync('/proc/self/fd').filter((name) => target(name).startsWith(folder)).length
}
