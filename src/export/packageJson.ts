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
 * Throws a ConfigError for a package that is not installed where they are.
 */
export function packageJson(modules: OwnModules | null): string {
  const [importer = ''] = modules?.files.values() ?? []
  const versions = (modules?.packages ?? []).map((name) => [name, versionOf(name, importer)] as const)
  const dependencies = Object.fromEntries([['grpo-ts', packageVersion()] as const, ...versions].sort())
  return `${JSON.stringify({ private: true, type: modules?.type ?? 'module', dependencies }, null, 2)}\n`
}

function versionOf(name: string, importer: string): string {
  const folders = createRequire(importer).resolve.paths(name) ?? []
  const file = folders
    .map((folder) => path.join(folder, name, 'package.json'))
    .find((candidate) => fs.existsSync(candidate))
  const json = file === undefined ? null : readJson(file)
  if (isJsonObject(json) && typeof json.version === 'string') return json.version
  throw new ConfigError(
    `the task or a reward imports ${name}, which is not installed beside ${importer}; install it, for its version goes into the export`,
  )
}
