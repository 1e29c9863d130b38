// Compiles native/kernels into an addon. The kernels are compiled once for each instruction set of the processor's kind.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const sources = path.join(root, 'native/kernels')

const INSTRUCTION_SETS = {
  x64: {
    avx2: ['-mavx2', '-mfma'],
    avx512: ['-mavx512f', '-mavx512dq', '-mavx512vl', '-mavx512bw', '-mavx2', '-mfma', '-mprefer-vector-width=512'],
  },
  arm64: { neon: [] },
}

/** What the linker is told: Node's own functions are found when the addon is loaded. */
const LINKING = {
  linux: ['-shared'],
  darwin: ['-dynamiclib', '-undefined', 'dynamic_lookup'],
  win32: ['-shared'],
}

/**
 * Compiles the addon for a platform; returns what went wrong, or null.
 * @param compiler command and first arguments, as ['zig', 'cc', '-target', …]
 * @param libraries further arguments for the linker
 */
export function compileNative(compiler, platform, arch, to, libraries = []) {
  const sets = INSTRUCTION_SETS[arch]
  if (!sets || !LINKING[platform]) return `no kernels for ${platform}-${arch}`
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-native-'))
  const [command, ...first] = compiler
  const flags = [
    '-O3',
    '-std=gnu11',
    '-Wall',
    '-Wextra',
    '-Wno-unused-function',
    '-ffp-contract=off',
    '-fvisibility=hidden',
  ]
  if (platform !== 'win32') flags.push('-fPIC')
  flags.push('-I', path.join(root, 'node_modules/node-api-headers/include'))
  const run = (args) => {
    const { status, error, stderr } = spawnSync(command, [...first, ...args], { encoding: 'utf8' })
    return status === 0 ? null : (error?.message ?? stderr.trim().split('\n').slice(0, 20).join('\n'))
  }
  try {
    const objects = []
    for (const [name, own] of [['addon', []], ...Object.entries(sets)]) {
      const object = path.join(folder, `${name}.o`)
      const problem = run([...flags, ...own, '-c', path.join(sources, `${name}.c`), '-o', object])
      if (problem) return problem
      objects.push(object)
    }
    const built = path.join(folder, 'addon.node')
    const problem = run([...LINKING[platform], '-o', built, ...objects, ...libraries])
    if (problem) return problem
    const addon = fs.readFileSync(built)
    fs.mkdirSync(path.dirname(to), { recursive: true })
    // As sha256sum writes it; see src/backend/cpu/native.ts.
    const sum = createHash('sha256').update(addon).digest('hex')
    replaceFile(`${to}.sha256`, `${sum}  ${path.basename(to)}\n`)
    replaceFile(to, addon)
    return null
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Puts a file in the place of an older one. A process that has that loaded keeps it, and nobody sees a part of the new one. */
function replaceFile(to, contents) {
  const written = `${to}.${process.pid}`
  fs.writeFileSync(written, contents)
  fs.renameSync(written, to)
}

/** Builds dist/native for this machine with its C compiler, when sources changed; says in a line when there is none. */
export function buildNative() {
  const name = `${process.platform}-${process.arch}`
  const to = path.join(root, `dist/native/${name}.node`)
  const modified = (file) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const files = fs.readdirSync(sources).map((file) => path.join(sources, file))
  if (modified(`${to}.sha256`) > 0 && modified(to) > Math.max(...[...files, import.meta.filename].map(modified))) return
  const compilers = process.env.CC ? [process.env.CC.split(' ')] : [['cc'], ['gcc'], ['clang']]
  const compiler = compilers.find(([command]) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0)
  const problem = compiler ? compileNative(compiler, process.platform, process.arch, to) : 'no C compiler'
  if (problem === null) return
  // One of older sources must not stay.
  for (const file of [to, `${to}.sha256`]) fs.rmSync(file, { force: true })
  console.error(`No native kernels, so the engine computes in WebAssembly: ${problem}`)
}
