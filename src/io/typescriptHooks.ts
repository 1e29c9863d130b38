/**
 * Hooks of Node's module loader that load TypeScript of a user's own: types are taken out in place, so that positions in errors
 * are those of the source. Node does the same by itself from 22.18 on, but not in node_modules and only where imports name the
 * whole file. Where another loader for TypeScript is there, such as tsx, it goes first.
 */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import type { LoadFnOutput, LoadHookContext, ResolveFnOutput, ResolveHookContext } from 'node:module'
import { fileURLToPath } from 'node:url'
import { compileFunction } from 'node:vm'
import type { transformSync } from '@swc/wasm-typescript'

type MaybePromise<T> = T | Promise<T>

/** Endings that an import may leave out, in the order in which they are tried. */
const ENDINGS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '/index.ts', '/index.js']

/** Finds `./helper` and `./helper.js` where there is a `helper.ts`, as TypeScript does. */
export function resolve(
  specifier: string,
  context: ResolveHookContext,
  next: (specifier: string, context?: Partial<ResolveHookContext>) => MaybePromise<ResolveFnOutput>,
): MaybePromise<ResolveFnOutput> {
  return orElse(
    () => next(specifier, context),
    (error) => {
      const file = /^(\.\.?(\/|$)|\/|file:)/.test(specifier) ? findFile(specifier, context.parentURL) : undefined
      if (file === undefined) throw error
      return next(file, context)
    },
  )
}

/** Loads a file of TypeScript without its types. */
export function load(
  url: string,
  context: LoadHookContext,
  next: (url: string, context?: Partial<LoadHookContext>) => MaybePromise<LoadFnOutput>,
): MaybePromise<LoadFnOutput> {
  if (!url.startsWith('file:') || !/\.[mc]?ts$/.test(new URL(url).pathname)) return next(url, context)
  return orElse(
    () => {
      const loaded = next(url, context)
      return loaded instanceof Promise ? loaded.then((output) => withoutTypes(url, output)) : withoutTypes(url, loaded)
    },
    // Node does not know the ending, or does without the hooks what they do, and refuses what it cannot strip.
    () => withoutTypes(url),
  )
}

/** The file that an import means, as a URL; undefined when there is none. */
export function findFile(specifier: string, parentURL: string | undefined): string | undefined {
  const { href, search } = new URL(specifier, parentURL)
  const base = search === '' ? href : href.slice(0, -search.length)
  const sources = /\.([mc]?)js$/.exec(base)
  const candidates = sources ? [base.replace(/js$/, 'ts')] : ENDINGS.map((ending) => base.replace(/\/$/, '') + ending)
  const found = candidates.find((url) => fs.statSync(new URL(url), { throwIfNoEntry: false })?.isFile())
  return found === undefined ? undefined : found + search
}

function withoutTypes(url: string, loaded?: LoadFnOutput): LoadFnOutput {
  // Another loader has made JavaScript of it.
  if (loaded?.format && !loaded.format.endsWith('-typescript')) return loaded
  const source = stripTypes(fileURLToPath(url))
  return { format: formatOf(url, source), source, shortCircuit: true }
}

/** What {@link transformSync} throws: not an Error. */
interface StripError {
  code: 'UnsupportedSyntax' | 'InvalidSyntax'
  message: string
  snippet?: string
  startLine?: number
  startColumn?: number
}

/**
 * The JavaScript of a file: types of TypeScript become blanks. Throws a SyntaxError with the place for what is no JavaScript
 * without its types.
 */
export function stripTypes(file: string): string {
  const source = fs.readFileSync(file, 'utf8')
  let code: string
  try {
    code = strip(source)
  } catch (cause) {
    throw syntaxError(file, cause as StripError)
  }
  const decorator = findDecorator(code, source)
  if (decorator) throw syntaxError(file, decorator)
  return code
}

function strip(source: string): string {
  // Large, and hardly ever needed. Hooks cannot wait for an import.
  const swc = createRequire(import.meta.url)('@swc/wasm-typescript') as { transformSync: typeof transformSync }
  return swc.transformSync(source, { mode: 'strip-only', module: true }).code
}

function syntaxError(file: string, { code, message, snippet = '', startLine = 1, startColumn = 0 }: StripError): Error {
  const cure =
    code === 'UnsupportedSyntax'
      ? '. Only types are taken out of TypeScript: write it as in JavaScript, or compile the file and give the .js'
      : ''
  const lines = snippet.trimEnd().replace(/^/gm, '  ')
  return new SyntaxError(`${file}:${startLine}:${startColumn + 1}: ${message}${cure}\n${lines}`)
}

/** The first decorator in the code that is left of a source without its types: it is no type and stays, but Node cannot read it. */
function findDecorator(code: string, source: string): StripError | undefined {
  const breaks = (positions: readonly number[]): boolean => {
    // In a text or comment one character is as good as another; in the place of a decorator's @ this one is an error.
    const units = code.split('')
    for (const position of positions) units[position] = ')'
    try {
      strip(units.join(''))
      return false
    } catch {
      return true
    }
  }
  const signs = Array.from(code.matchAll(/@(?=[\p{ID_Start}$_(])/gu), ({ index }) => index)
  if (signs.length === 0 || !breaks(signs)) return undefined
  const before = code.slice(0, signs.find((position) => breaks([position])) ?? 0).split('\n')
  const startColumn = before.at(-1)?.length ?? 0
  return {
    code: 'UnsupportedSyntax',
    message: 'A decorator is not supported',
    snippet: `${source.split('\n')[before.length - 1]}\n${' '.repeat(startColumn)}^`,
    startLine: before.length,
    startColumn,
  }
}

/** Whether a file is an ES module or, by its ending or because it is written like that, CommonJS. */
function formatOf(url: string, source: string): 'module' | 'commonjs' {
  const { pathname } = new URL(url)
  if (pathname.endsWith('.cts')) return 'commonjs'
  if (pathname.endsWith('.mts') || !/\b(module\.exports|exports\.|require\()/.test(source)) return 'module'
  try {
    // `import`, `export` and an await outside of functions are errors here.
    compileFunction(source, ['exports', 'require', 'module', '__filename', '__dirname'])
    return 'commonjs'
  } catch {
    return 'module'
  }
}

/** What `run` gives, now or later, or else what `recover` makes of its error. */
function orElse<T>(run: () => MaybePromise<T>, recover: (error: unknown) => MaybePromise<T>): MaybePromise<T> {
  try {
    const result = run()
    return result instanceof Promise ? result.catch(recover) : result
  } catch (error) {
    return recover(error)
  }
}
