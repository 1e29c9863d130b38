import { createRequire } from 'node:module'
import { isJsonObject } from '../io/json.js'
import { readJson } from '../io/readJsonFile.js'
import { ConfigError } from '../errors.js'
import { packageVersion } from '../packageVersion.js'
import type { OwnModules } from './ownModules.js'
import fs from 'node:fs'
import path from 'node:path'

/**
 * package.json of an export: grpo-ts at this version, and what modules of one's own import by name at the versions that they have here.
 * Throws a ConfigError for a package that is no copy from a registry but a folder of one's own.
 */
export function packageJson(modules: OwnModules | null): string {
  const versions = [...(modules?.packages ?? [])].flatMap(([name, importer]) => {
    const version = versionOf(name, importer)
    return version === null ? [] : [[name, version] as const]
  })
  const dependencies = Object.fromEntries([['grpo-ts', packageVersion()] as const, ...versions].sort())
  return `${JSON.stringify({ private: true, type: modules?.type ?? 'module', dependencies }, null, 2)}\n`
}

/** Null for a package that is not there: modules that load say such names in comments and texts only. */
function versionOf(name: string, importer: string): string | null {
  const folders = createRequire(importer).resolve.paths(name) ?? []
  const file = folders
    .map((folder) => path.join(folder, name, 'package.json'))
    .find((candidate) => fs.existsSync(candidate))
  if (file === undefined) return null
  const json = readJson(file)
  if (!isJsonObject(json) || typeof json.version !== 'string') return null
  // npm would install what anybody has published by that name.
  if (fs.realpathSync(file).split(path.sep).includes('node_modules')) return json.version
  throw new ConfigError(
    `${importer} imports ${name}, which is a link to ${path.dirname(fs.realpathSync(file))} and not installed from a registry; import its ` +
      'files by a relative path, so that the export can take them along',
  )
}
