// The rooms of src/ from the lowest to the highest, and what imports what: `node scripts/layers.mjs` prints the table.
import fs from 'node:fs'
import path from 'node:path'

/** A file or folder of src/ may import from those before it, and from itself. */
export const layers = [
  'errors',
  'packageVersion',
  'io',
  'quantization',
  'bundled',
  'text',
  'options',
  'optim',
  'ops',
  'backend',
  'hub',
  'model',
  'xla',
  'engine',
  'policy',
  'sandbox',
  'grading',
  'tasks',
  'rewards',
  'run',
  'eval',
  'grpo',
  'pretrain',
  'selftest',
  'push',
  'report',
  'review',
  'server',
  'export',
  'import',
  'notebook',
  'files',
  'statistics',
  'parts',
  'index',
  'cli',
]

const imported = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'(\.[^']+)'/gm

/** Every import of one file of src/ by another, as paths from there. AssemblyScript has a compiler and files of its own. */
export function readImports(src) {
  return fs
    .readdirSync(src, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll(path.sep, '/'))
    .filter((name) => name.endsWith('.ts') && !name.includes('/assembly/'))
    .flatMap((from) =>
      [...fs.readFileSync(path.join(src, from), 'utf8').matchAll(imported)].map(([, type, specifier]) => ({
        from,
        to: path.posix.join(path.posix.dirname(from), specifier).replace(/\.js$/, '.ts'),
        isType: type !== undefined,
      })),
    )
}

/** The layer that a file belongs to. */
export function layerOf(file) {
  return file.split('/')[0].replace(/\.ts$/, '')
}

/** Circles of files that import values from each other, each as the files along it. */
export function circles(imports) {
  const targets = new Map()
  for (const { from, to, isType } of imports) if (!isType) targets.set(from, [...(targets.get(from) ?? []), to])
  const state = new Map()
  const found = []
  const visit = (file, trail) => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      found.push([...trail.slice(trail.indexOf(file)), file])
      return
    }
    state.set(file, 'open')
    for (const target of targets.get(file) ?? []) visit(target, [...trail, file])
    state.set(file, 'done')
  }
  for (const file of targets.keys()) visit(file, [])
  return found
}

if (process.argv[1] === import.meta.filename) {
  const counts = new Map()
  for (const { from, to } of readImports(path.resolve(import.meta.dirname, '../src'))) {
    if (layerOf(from) === layerOf(to)) continue
    const key = `${layerOf(from).padEnd(12)}${layerOf(to).padEnd(12)}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  console.log(`${'from'.padEnd(12)}${'to'.padEnd(12)}imports`)
  for (const [key, count] of [...counts].sort()) console.log(`${key}${count}`)
}
