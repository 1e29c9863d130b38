import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gibibytes } from '../../../io/units.js'

/** Milliseconds that a program may take to say its version: Python's first start reads much from the disk. */
const PROGRAM_TIMEOUT = 20_000

/** Free space where runs go, and where models are kept when that is another disk. */
export function describeDisk(cacheFolder: string): string {
  const free = (folder: string): string => gibibytes(fs.statfsSync(folder).bavail * fs.statfsSync(folder).bsize, 1)
  const cache = existingPart(cacheFolder)
  const isOther = fs.statSync(cache).dev !== fs.statSync('.').dev
  return `${free('.')} free here${isOther ? `, ${free(cache)} in ${cache}` : ''}`
}

/** The folder, or the nearest one above it that is there. */
function existingPart(folder: string): string {
  return fs.existsSync(folder) ? folder : existingPart(path.dirname(path.resolve(folder)))
}

/** Python is for programs that models write in it, and for JupyterLab. */
export function describePython(): string {
  const version = outputOf('python3', ['--version'])
  if (version === null) return 'none: needed only for programs in Python (humaneval) and for JupyterLab'
  const lab = outputOf('jupyter', ['lab', '--version'])
  return `${version}; JupyterLab ${lab ?? 'none (npm run lab in a clone installs it)'}`
}

/** Where Jupyter looks for the kernels of a user. */
export function describeKernel(variables: Readonly<Record<string, string | undefined>> = process.env): string {
  const data =
    variables.JUPYTER_DATA_DIR ??
    (process.platform === 'darwin'
      ? path.join(os.homedir(), 'Library', 'Jupyter')
      : path.join(variables.XDG_DATA_HOME ?? path.join(os.homedir(), '.local', 'share'), 'jupyter'))
  const folders = [...(variables.JUPYTER_PATH?.split(path.delimiter) ?? []), data]
  const found = folders.map((folder) => path.join(folder, 'kernels', 'tslab')).find((folder) => fs.existsSync(folder))
  return found ?? 'tslab is not installed for this user; npm run lab brings its own'
}

/** The first output of a program, trimmed; null when there is no such program or it fails. */
function outputOf(program: string, args: readonly string[]): string | null {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: PROGRAM_TIMEOUT })
  const text = status === 0 ? stdout.trim() : ''
  return text === '' ? null : text
}
