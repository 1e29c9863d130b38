// Builds dist/: the cpu backend's kernels (AssemblyScript -> WebAssembly, with and without relaxed FMA), the TypeScript sources,
// and the program and styles of the report's page.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { buildSync } from 'esbuild'

const root = path.resolve(import.meta.dirname, '..')
const bin = (name) => path.join(root, 'node_modules', name)

function run(script, args) {
  const result = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' })
  if (result.status !== 0) process.exit(result.status ?? 1)
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
      ...['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--sharedMemory'],
      ...['--initialMemory', '16', '--maximumMemory', '65536'],
      // Constants lie behind the words of the scheduler and the arguments, before the blocks of the allocator.
      ...['--memoryBase', '8192'],
      ...features.flatMap((feature) => ['--enable', feature]),
      ...['-o', `dist/${file}`],
    ])
  }
}
if (process.argv.includes('--kernels')) process.exit(0)
run(bin('typescript/bin/tsc'), ['-p', 'tsconfig.build.json'])
buildSync({
  absWorkingDir: root,
  entryPoints: { page: 'src/report/page/main.ts', 'page.css': 'src/report/page/page.css' },
  entryNames: 'page',
  outdir: 'dist/report',
  ...{ bundle: true, minify: true, format: 'iife', target: 'es2022', charset: 'utf8', logLevel: 'warning' },
})
// What draws the charts of a notebook in its page.
buildSync({
  absWorkingDir: root,
  entryPoints: ['src/notebook/page/charts.ts'],
  outdir: 'dist/notebook/page',
  ...{ bundle: true, minify: true, format: 'iife', target: 'es2022', charset: 'utf8', logLevel: 'warning' },
})
// What runs Python programs is Python itself.
const python = 'sandbox/python'
for (const name of fs.readdirSync(path.join(root, 'src', python)).filter((file) => file.endsWith('.py'))) {
  fs.copyFileSync(path.join(root, 'src', python, name), path.join(root, 'dist', python, name))
}
// The entry point of `npx grpo-ts`; npm sets the mode only when it installs the package.
const main = path.join(root, 'dist/cli/main.js')
if (fs.existsSync(main)) fs.chmodSync(main, 0o755)
fs.writeFileSync(path.join(root, 'dist/.built'), '')
