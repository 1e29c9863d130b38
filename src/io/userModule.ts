import fs from 'node:fs'
import module from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigError } from '../errors.js'
import { load, resolve, stripTypes } from './typescriptHooks.js'
import { runUserCode } from './userCode.js'

/** Whether a name stands for the file of a module. */
export function isModuleFile(name: string): boolean {
  return /\.[mc]?[jt]s$/.test(name)
}

/**
 * Imports a module of the user, JavaScript or TypeScript, which may import other files of either. Throws a ConfigError when that
 * is not possible.
 */
export async function importModule(file: string): Promise<Record<string, unknown>> {
  const absolute = path.resolve(file)
  if (!fs.existsSync(absolute)) throw new ConfigError(`${file} does not exist; expected the file of a module`)
  registerTypeScript()
  try {
    const imported: unknown = await runUserCode(`the module ${file}`, () => import(pathToFileURL(absolute).href))
    return imported as Record<string, unknown>
  } catch (cause) {
    throw new ConfigError(`${file} cannot be loaded: ${reasonOf(cause, absolute)}`, { cause })
  }
}

let isRegistered = false

/** Lets this thread import TypeScript, if it could not already. */
function registerTypeScript(): void {
  // Where the library itself runs from TypeScript, what loads it loads the user's modules too.
  if (isRegistered || import.meta.url.endsWith('.ts')) return
  isRegistered = true
  // Since Node 22.15; the older function is deprecated since 26.
  const { registerHooks } = module as { registerHooks?: (hooks: { resolve: unknown; load: unknown }) => void }
  if (registerHooks) registerHooks({ resolve, load })
  else module.register('./typescriptHooks.js', import.meta.url)
}

/** What was the matter, with the place of an error of syntax, which Node's own message does not have. */
function reasonOf(error: unknown, file: string): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}`
  if (!(error instanceof SyntaxError)) return error.message
  try {
    stripTypes(file)
  } catch (found) {
    if (found instanceof SyntaxError) return found.message
  }
  const isType = error.message.includes('does not provide an export named')
  return error.message + (isType ? '; if that is a type, say so: import { type Name }, or import type { Name }' : '')
}
