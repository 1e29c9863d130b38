import fs from 'node:fs'
import { stringify } from 'yaml'
import { FileFormatError } from '../errors.js'
import { atomicWriteFile } from '../io/atomicWrite.js'
import { isJsonObject, quote } from '../io/json.js'
import { parseYaml } from '../io/yaml.js'
import { snakeCase } from '../options/names.js'
import { runLayout } from './layout.js'

/** Options by the names that a file has for them. */
export type ConfigFile = Readonly<Record<string, unknown>>

/** Reads options from a YAML file, by the names that they have there. Throws a FileFormatError. */
export function readConfigFile(file: string): Record<string, unknown> {
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new FileFormatError(file, `cannot be read (${(cause as Error).message}); check the path`, { cause })
  }
  let value: unknown
  try {
    value = parseYaml(text)
  } catch (cause) {
    throw new FileFormatError(file, (cause as Error).message, { cause })
  }
  // An empty file, or one of comments alone, sets nothing.
  if (value === null) return {}
  if (!isJsonObject(value)) throw new FileFormatError(file, `expected options as name: value, got ${quote(value)}`)
  return value
}

/** The options of a run by their snake_case names; null where its folder has no config.yaml. Throws a FileFormatError. */
export function readRunConfig(folder: string): ConfigFile | null {
  const file = runLayout(folder).config
  if (!fs.existsSync(file)) return null
  const given = readConfigFile(file)
  const twice = Object.keys(given).find((name) => name !== snakeCase(name) && snakeCase(name) in given)
  if (twice === undefined) return bySnakeCase(given)
  throw new FileFormatError(file, `${snakeCase(twice)} is given twice, as ${snakeCase(twice)} and as ${twice}`)
}

/** The content of a config.yaml: options by their snake_case names. */
export function formatConfig(options: object): string {
  return stringify(bySnakeCase(options))
}

/** The same options by their snake_case names; what an option holds stays as it is. */
export function bySnakeCase(options: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [snakeCase(name), value as unknown]))
}

/**
 * Writes the options of a run into config.yaml of its folder, by their snake_case names: its report and its model card show them. The
 * command `train` does that itself.
 * @throws GrpoError when it cannot be written
 */
export function writeRunConfig(folder: string, options: object): void {
  atomicWriteFile(runLayout(folder).config, formatConfig(options))
}
