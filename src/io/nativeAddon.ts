import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { EngineError } from '../errors.js'

/** Where addons are: what was built here, else what came with the package. */
const FOLDERS = ['dist/native', 'prebuilds'].map((name) => fileURLToPath(new URL(`../../${name}`, import.meta.url)))

/** The addons of a name for this platform that there are, e.g. `linux-x64.node`, the first one to be preferred. */
export function findAddons(
  /** What comes before the platform, e.g. `pjrt-`. */
  prefix: string,
  /** Folders with addons. Defaults to those of the package. */
  folders: readonly string[] = FOLDERS,
): string[] {
  const name = `${prefix}${process.platform}-${process.arch}.node`
  return folders.map((folder) => path.join(folder, name)).filter((file) => fs.existsSync(file))
}

/**
 * What an addon exports. Throws an EngineError when the file is not what was built: the system ends a process that loads half an
 * addon, where a copy was cut off.
 */
export function loadWholeAddon(file: string): unknown {
  assertWhole(file)
  return loadAddon(file)
}

/** As {@link loadWholeAddon}, for a file that was checked before. */
export function loadAddon(file: string): unknown {
  const module: { exports: unknown } = { exports: {} }
  process.dlopen(module, file)
  return module.exports
}

function assertWhole(file: string): void {
  const sums = `${file}.sha256`
  if (!fs.existsSync(sums)) throw new EngineError(`${sums} is missing; build or install the package again`)
  const [expected] = fs.readFileSync(sums, 'utf8').split(' ')
  if (createHash('sha256').update(fs.readFileSync(file)).digest('hex') === expected) return
  throw new EngineError(
    `${file} is damaged (it is not what ${path.basename(sums)} says); build or install the package again`,
  )
}
