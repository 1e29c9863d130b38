import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isBuiltin } from 'node:module'
import { isJsonObject } from '../io/json.js'
import { readJson } from '../io/readJsonFile.js'
import { findFile } from '../io/typescriptHooks.js'

/** Files of tasks and rewards of one's own, and what they import by relative paths, for another folder. */
export interface OwnModules {
  /** Absolute paths of the files, by their paths within the folder that holds all of them. */
  readonly files: ReadonlyMap<string, string>
  /** The name of a given module within that folder. */
  nameOf(module: string): string
  /** Packages that they import by name, `node:` and grpo-ts itself left out. */
  readonly packages: readonly string[]
  /** The `type` of the package that they belong to, by which Node reads files that end with .js. */
  readonly type: 'module' | 'commonjs'
}

/** Import, export and require with the name of a module as a text, and files that lie beside a module: `new URL('./rows.jsonl', import.meta.url)`. */
const imports = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*|\bnew\s+URL\s*\(\s*)(['"])([^'"\\\n]+)\1/g

/** Follows the relative imports of modules as they are written in them; what is put together while they run is not seen. */
export function findOwnModules(modules: readonly string[]): OwnModules {
  const found = new Set<string>()
  const packages = new Set<string>()
  const visit = (file: string): void => {
    if (found.has(file)) return
    found.add(file)
    if (!/\.[mc]?[jt]s$/.test(file)) return
    for (const [, , specifier = ''] of fs.readFileSync(file, 'utf8').matchAll(imports)) {
      const imported = /^\.\.?(\/|$)/.test(specifier) ? importedFile(specifier, file) : null
      if (imported !== null) visit(imported)
      else if (isPackage(specifier)) packages.add(packageName(specifier))
    }
  }
  for (const module of modules) visit(path.resolve(module))
  const folder = commonFolder([...found])
  const nameIn = (file: string): string => path.relative(folder, path.resolve(file)).replaceAll(path.sep, '/')
  return {
    files: new Map([...found].map((file) => [nameIn(file), file])),
    nameOf: nameIn,
    packages: [...packages].sort(),
    type: packageType(folder),
  }
}

/** The file that a relative import means; null where there is none: modules that load say such things in comments and texts only. */
function importedFile(specifier: string, importer: string): string | null {
  const url = new URL(specifier.replace(/[?#].*$/, ''), pathToFileURL(importer))
  const isFile = fs.statSync(url, { throwIfNoEntry: false })?.isFile() === true
  const found = isFile ? url.href : findFile(url.href, pathToFileURL(importer).href)
  return found === undefined ? null : fileURLToPath(found)
}

function isPackage(specifier: string): boolean {
  return (
    /^(@[\w.~-]+\/)?[\w~-][\w.~-]*(\/|$)/.test(specifier) &&
    !isBuiltin(specifier) &&
    packageName(specifier) !== 'grpo-ts'
  )
}

function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function commonFolder(files: readonly string[]): string {
  const folders = files.map((file) => path.dirname(file).split(path.sep))
  const shared = folders.reduce((common, folder) => {
    const differs = common.findIndex((part, i) => part !== folder[i])
    return differs < 0 ? common : common.slice(0, differs)
  })
  return shared.join(path.sep) || path.sep
}

function packageType(folder: string): 'module' | 'commonjs' {
  const file = path.join(folder, 'package.json')
  if (fs.existsSync(file)) {
    const json = readJson(file)
    return isJsonObject(json) && json.type === 'module' ? 'module' : 'commonjs'
  }
  const parent = path.dirname(folder)
  return parent === folder ? 'commonjs' : packageType(parent)
}
