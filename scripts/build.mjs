// Builds dist/: the cpu backend's kernels (AssemblyScript -> WebAssembly, with and without relaxed FMA), the quantiser (the same), the
// TypeScript sources, the dependencies that the package carries along, and the programs and styles of pages.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { buildSync } from 'esbuild'
import { buildNative } from './native.mjs'

const root = path.resolve(import.meta.dirname, '..')
const bin = (name) => path.join(root, 'node_modules', name)

function run(script, args) {
  const result = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' })
  if (result.status !== 0) process.exit(result.status ?? 1)
}

/**
 * Puts a single file in the place of each module of src/bundled, which re-exports a dependency: what is installed with the package is
 * 1 MB of tfjs instead of 410, most of which is never loaded. The licences go with it.
 */
function bundleDependencies() {
  const folder = path.join(root, 'src/bundled')
  const modules = fs.readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  const { metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: modules.map((name) => `src/bundled/${name}`),
    outdir: 'dist/bundled',
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    alias: { '@tensorflow/tfjs': './scripts/tfjsRegistrations.mjs' },
    // Downloading models by tfjs, which nobody here does.
    external: ['node-fetch'],
    // tfjs's platform for Node calls require.
    banner: {
      js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\nconst ownGlobals = {}",
    },
    // tfjs keeps its engine and kernels in the global object, where it would meet with another tfjs that a program loads.
    define: { global: 'ownGlobals', window: 'undefined' },
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  })
  const packages = new Set(Object.keys(metafile.inputs).flatMap((input) => packageFolder(input) ?? []))
  fs.writeFileSync(path.join(root, 'dist/bundled/LICENSES.txt'), [...packages].sort().map(describeLicense).join('\n\n'))
  for (const name of modules) {
    const base = name.slice(0, -'.ts'.length)
    fs.rmSync(path.join(root, `dist/bundled/${base}.js.map`), { force: true })
    const declarations = path.join(folder, `${base}.public.d.ts`)
    if (fs.existsSync(declarations)) fs.copyFileSync(declarations, path.join(root, `dist/bundled/${base}.d.ts`))
  }
}

/** Removes what sources left behind that are not there any more: it would be published. What no compiler makes is put back below. */
function removeStale() {
  for (const name of fs.readdirSync(path.join(root, 'dist'), { recursive: true })) {
    const source = name.replace(/\.(js|js\.map|d\.ts)$/, '.ts')
    const isMade = /\.(ts|py|sh)$/.test(source)
    if (isMade && !fs.existsSync(path.join(root, 'src', source))) fs.rmSync(path.join(root, 'dist', name))
  }
}

/** The folder of the package that a file belongs to, if it belongs to one. */
function packageFolder(file) {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]
}

/** Name, version and licence of a package, with the text of the licence where it comes with one. */
function describeLicense(folder) {
  const { name, version, license } = JSON.parse(fs.readFileSync(path.join(root, folder, 'package.json'), 'utf8'))
  const file = fs.readdirSync(path.join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry))
  const text = file ? fs.readFileSync(path.join(root, folder, file), 'utf8').trim() : `Licence: ${license}`
  return `${name} ${version} (${license})\n\n${text}\n`
}

fs.mkdirSync(path.join(root, 'dist'), { recursive: true })
const kernels = 'src/backend/cpu/assembly/index.ts'
if (fs.existsSync(path.join(root, kernels))) {
  for (const [file, features] of [
    ['kernels.wasm', ['simd', 'threads']],
    ['kernels-fma.wasm', ['simd', 'threads', 'relaxed-simd']],
  ]) {
    run(bin('assemblyscript/bin/asc.js'), [
      kernels,
      '-O3',
      '--noAssert',
      '--runtime',
      'stub',
      '--importMemory',
      '--sharedMemory',
      '--initialMemory',
      '16',
      '--maximumMemory',
      '65536',
      // Constants lie behind the words of the scheduler and the arguments, before the blocks of the allocator.
      '--memoryBase',
      '8192',
      ...features.flatMap((feature) => ['--enable', feature]),
      '-o',
      `dist/${file}`,
    ])
  }
}
run(bin('assemblyscript/bin/asc.js'), [
  'src/quantization/assembly/index.ts',
  '-O3',
  '--noAssert',
  '--runtime',
  'stub',
  '--initialMemory',
  '1',
  '--enable',
  'simd',
  '-o',
  'dist/quantizer.wasm',
])
buildNative()
if (process.argv.includes('--kernels')) process.exit(0)
run(bin('typescript/bin/tsc'), ['-p', 'tsconfig.build.json'])
removeStale()
bundleDependencies()
/** How the programs of pages are bundled. */
const forPages = /** @type {const} */ ({
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  logLevel: 'warning',
})
// The programs and styles of pages.
for (const page of ['report', 'review']) {
  buildSync({
    entryPoints: { page: `src/${page}/page/main.ts`, 'page.css': `src/${page}/page/page.css` },
    entryNames: 'page',
    outdir: `dist/${page}`,
    ...forPages,
  })
}
// What draws the charts of a notebook in its page.
buildSync({
  ...forPages,
  entryPoints: ['src/notebook/page/charts.ts'],
  outdir: 'dist/notebook/page',
})
// What runs beside programs in their sandboxes is no TypeScript: Python, and JavaScript that QuickJS runs. Nor is what exports are made of.
for (const [folder, ending] of [
  ['export', '.py'],
  ['export', '.sh'],
  ['sandbox/python', '.py'],
  ['sandbox/javascript/realm', '.js'],
]) {
  fs.cpSync(path.join(root, 'src', folder), path.join(root, 'dist', folder), {
    recursive: true,
    filter: (file) => fs.statSync(file).isDirectory() || file.endsWith(ending),
  })
}
// The entry point of `npx grpo-ts`; npm sets the mode only when it installs the package.
const main = path.join(root, 'dist/cli/main.js')
if (fs.existsSync(main)) fs.chmodSync(main, 0o755)
fs.writeFileSync(path.join(root, 'dist/.built'), '')
