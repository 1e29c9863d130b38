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

/** The addon of a name and version. Throws an EngineError that says why it cannot be loaded, and what to do. */
export function requireAddon<T extends { readonly version: number }>(
  /** What comes before the platform, e.g. `pjrt-`. */
  prefix: string,
  version: number,
  /** What it is, for the message. */
  what: string,
  /** Folders with addons. Defaults to those of the package. */
  folders?: readonly string[],
): T {
  let reason = `is not built for ${process.platform}-${process.arch}`
  for (const file of findAddons(prefix, folders)) {
    try {
      const addon = loadWholeAddon(file) as T
      if (addon.version === version) return addon
      reason = `is of version ${addon.version}, expected ${version}`
    } catch (cause) {
      reason = `cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`
    }
  }
  throw new EngineError(
    `${what} ${reason}; install a C compiler and run \`npm run build\`, or install the package again`,
  )
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
