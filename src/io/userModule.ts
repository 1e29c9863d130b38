import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigError } from '../errors.js'

/** Whether a name stands for the file of a module. */
export function isModuleFile(name: string): boolean {
  return /\.(js|mjs|cjs|ts|mts)$/.test(name)
}

/** Imports a module of the user. Throws a ConfigError when that is not possible. */
export async function importModule(file: string): Promise<Record<string, unknown>> {
  const absolute = path.resolve(file)
  if (!fs.existsSync(absolute)) throw new ConfigError(`${file} does not exist; expected the file of a module`)
  try {
    return (await import(pathToFileURL(absolute).href)) as Record<string, unknown>
  } catch (cause) {
    throw new ConfigError(`${file} cannot be loaded: ${(cause as Error).message}`, { cause })
  }
}
