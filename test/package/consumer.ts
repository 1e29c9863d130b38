import fs from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

export const root = path.resolve(import.meta.dirname, '../..')

/** The declarations of what can be imported. */
export const entryPoints = {
  'grpo-ts': 'dist/index.d.ts',
  'grpo-ts/parts': 'dist/parts.d.ts',
  'grpo-ts/statistics': 'dist/statistics.d.ts',
  'grpo-ts/files': 'dist/files.d.ts',
}

/** How a project finds the package, and what package.json says of its own files. */
export const projects = {
  node16: { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16, type: 'module' },
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, type: 'module' },
  'nodenext, CommonJS': {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    type: 'commonjs',
  },
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, type: 'module' },
  // As `tsc --init` writes it: zod's declarations need esModuleInterop here.
  node10: {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Node10,
    esModuleInterop: true,
    type: 'module',
  },
} satisfies Record<string, ts.CompilerOptions & { type: 'module' | 'commonjs' }>

/** Every check of the compiler, those of declarations included, but for TypeScript's own. */
export const strictest: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  strict: true,
  skipLibCheck: false,
  skipDefaultLibCheck: true,
  noEmit: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  types: [],
}

/** Makes a folder a project that has the package installed; returns the path of its only file. */
export function writeProject(folder: string, type: 'module' | 'commonjs', code: string): string {
  fs.mkdirSync(path.join(folder, 'node_modules'), { recursive: true })
  fs.symlinkSync(root, path.join(folder, 'node_modules/grpo-ts'))
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ type }))
  const file = path.join(folder, 'main.ts')
  fs.writeFileSync(file, code)
  return file
}

/** What the compiler has to say about a program. */
export function diagnosticsOf(program: ts.Program): string[] {
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const place = file && start !== undefined ? file.getLineAndCharacterOfPosition(start) : null
    const where = file && place ? `${path.relative(root, file.fileName)}:${place.line + 1}:${place.character + 1} ` : ''
    return where + ts.flattenDiagnosticMessageText(messageText, '\n')
  })
}
