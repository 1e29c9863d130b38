import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createRequire, isBuiltin } from 'node:module'
import { ConfigError } from '../errors.js'
import { isJsonObject } from '../io/json.js'
import { readJson } from '../io/readJsonFile.js'
import { findFile } from '../io/typescriptHooks.js'

/** Files of tasks and rewards of one's own, and what they import by relative paths, for another folder. */
export interface OwnModules {
  /** Absolute paths of the files, by their paths within the folder that holds all of them. */
  readonly files: ReadonlyMap<string, string>
  /** The name of a given module within that folder. */
  nameOf(module: string): string
  /** Packages that they import by name, `node:` and grpo-ts itself left out, and a file that does. */
  readonly packages: ReadonlyMap<string, string>
  /** The `type` of the package that they belong to, by which Node reads files that end with .js. */
  readonly type: 'module' | 'commonjs'
}

/** Import, export and require with the name of a module as a text, and files that lie beside a module: `new URL('./rows.jsonl', import.meta.url)`. */
const imports = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*|\bnew\s+URL\s*\(\s*)(['"`])((?:(?!\1)[^\\\n])+)\1/g

/**
 * Follows the imports of modules as they are written in them, by relative paths and by `imports` of their package.json; what is put
 * together while they run is not seen. Throws a ConfigError for an import by an absolute path, which would be another file elsewhere.
 */
export function findOwnModules(modules: readonly string[]): OwnModules {
  const found = new Set<string>()
  const packages = new Map<string, string>()
  const visit = (file: string): void => {
    if (found.has(file)) return
    found.add(file)
    if (!/\.[mc]?[jt]s$/.test(file)) return
    for (const [, , specifier = ''] of fs.readFileSync(file, 'utf8').matchAll(imports)) {
      if (isPath(specifier)) {
        const imported = importedFile(specifier, file)
        if (imported !== null) visit(imported)
      } else if (isOfPackageAround(specifier, file)) {
        const imported = resolvedFile(specifier, file)
        if (imported === null) continue
        // It says which file that is.
        found.add(packageFile(path.dirname(file))!)
        visit(imported)
      } else if (isPackage(specifier)) packages.set(packageName(specifier), file)
    }
  }
  for (const module of modules) visit(realPath(module))
  addPackageFiles(found)
  const folder = commonFolder([...found])
  const nameIn = (file: string): string => path.relative(folder, realPath(file)).replaceAll(path.sep, '/')
  return {
    files: new Map([...found].map((file) => [nameIn(file), file])),
    nameOf: nameIn,
    packages: new Map([...packages].sort(([a], [b]) => (a < b ? -1 : 1))),
    type: packageType(folder),
  }
}

/** Node resolves imports from where a file is, not from a link to it. */
function realPath(file: string): string {
  return fs.existsSync(file) ? fs.realpathSync(file) : path.resolve(file)
}

function isPath(specifier: string): boolean {
  return /^(\.\.?(\/|$)|\/|file:)/.test(specifier)
}

/** The file that an import means; null where there is none: modules that load say such things in comments and texts only. */
function importedFile(specifier: string, importer: string): string | null {
  const parent = pathToFileURL(importer)
  const name = specifier.replace(/[?#].*$/, '')
  if (!URL.canParse(name, parent)) return null
  const url = new URL(name, parent)
  const isFile = fs.statSync(url, { throwIfNoEntry: false })?.isFile() === true
  const found = isFile ? url.href : findFile(url.href, parent.href)
  if (found === undefined) return null
  if (specifier.startsWith('.')) return realPath(fileURLToPath(found))
  throw new ConfigError(
    `${importer} imports ${specifier}, a file of this machine alone; import it by a relative path, so that the export can take it along`,
  )
}

/** Whether an import is by `imports` of the package around a file (`#lib/rows`), or of that package by its own name. */
function isOfPackageAround(specifier: string, file: string): boolean {
  const json = packageFile(path.dirname(file))
  if (json === null) return false
  if (specifier.startsWith('#')) return true
  const { name, exports } = packageOf(json)
  return exports !== undefined && name === packageName(specifier)
}

function resolvedFile(specifier: string, importer: string): string | null {
  try {
    return realPath(createRequire(importer).resolve(specifier))
  } catch {
    return null
  }
}

/** Where files belong to several packages, those package.json that say which files are ES modules. */
function addPackageFiles(found: Set<string>): void {
  const folder = commonFolder([...found])
  const type = packageType(folder)
  for (const file of [...found]) {
    const json = packageFile(path.dirname(file))
    const isWithin = json !== null && !path.relative(folder, json).startsWith('..')
    if (isWithin && packageType(path.dirname(file)) !== type) found.add(json)
  }
}

function isPackage(specifier: string): boolean {
  return (
    /^(@[\w.~-]+\/)?[\w~-][\w.~-]*(\/[^\s]*)?$/.test(specifier) &&
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
  const file = packageFile(folder)
  return file !== null && packageOf(file).type === 'module' ? 'module' : 'commonjs'
}

/** The package.json that Node goes by for the files of a folder; null for none. */
function packageFile(folder: string): string | null {
  const file = path.join(folder, 'package.json')
  if (fs.existsSync(file)) return file
  const parent = path.dirname(folder)
  return parent === folder ? null : packageFile(parent)
}

function packageOf(file: string): Readonly<Record<string, unknown>> {
  const json = readJson(file)
  return isJsonObject(json) ? json : {}
}
