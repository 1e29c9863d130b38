// Compiles native/ into addons. The kernels are compiled once for each instruction set of the processor's kind.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const kernels = path.join(root, 'native/kernels')

/** Addons that load a library of others, by their folders in native/. */
export const LOADERS = { pjrt: 'No addon for plugins of XLA', tensorflow: "No addon for TensorFlow's library" }

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
 * Compiles the kernels for a platform; returns what went wrong, or null.
 * @param compiler command and first arguments, as ['zig', 'cc', '-target', …]
 * @param libraries further arguments for the linker
 */
export function compileKernels(compiler, platform, arch, to, libraries = []) {
  const sets = INSTRUCTION_SETS[arch]
  if (!sets || !LINKING[platform]) return `no kernels for ${platform}-${arch}`
  const units = [['addon', []], ...Object.entries(sets)].map(([name, own]) => [
    path.join(kernels, `${name}.c`),
    ['-O3', '-Wno-unused-function', '-ffp-contract=off', ...own],
  ])
  return compileAddon(compiler, platform, units, to, libraries)
}

/** Compiles the addon `pjrt` or `tensorflow`; as {@link compileKernels}. */
export function compileLoader(name, compiler, platform, arch, to, libraries = []) {
  if (!hasLoaders(platform)) return `there is none for ${platform}`
  const threads = platform === 'linux' ? ['-ldl', '-lpthread'] : []
  const source = path.join(root, 'native', name, 'addon.c')
  return compileAddon(compiler, platform, [[source, ['-O2']]], to, [...threads, ...libraries])
}

/** Whether a platform has libraries that are loaded as these addons do it. */
export function hasLoaders(platform) {
  return platform === 'linux' || platform === 'darwin'
}

/** Compiles sources, each with flags of its own, and links them; the SHA-256 of the addon comes beside it. */
function compileAddon(compiler, platform, units, to, libraries) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-native-'))
  const [command, ...first] = compiler
  const flags = ['-std=gnu11', '-Wall', '-Wextra', '-fvisibility=hidden']
  if (platform !== 'win32') flags.push('-fPIC')
  flags.push('-I', path.join(root, 'node_modules/node-api-headers/include'))
  const run = (args) => {
    const { status, error, stderr } = spawnSync(command, [...first, ...args], { encoding: 'utf8' })
    return status === 0 ? null : (error?.message ?? stderr.trim().split('\n').slice(0, 20).join('\n'))
  }
  try {
    const objects = []
    for (const [source, own] of units) {
      const object = path.join(folder, `${path.basename(source, '.c')}.o`)
      const problem = run([...flags, ...own, '-c', source, '-o', object])
      if (problem) return problem
      objects.push(object)
    }
    const built = path.join(folder, 'addon.node')
    const problem = run([...LINKING[platform], '-o', built, ...objects, ...libraries])
    if (problem) return problem
    const addon = fs.readFileSync(built)
    fs.mkdirSync(path.dirname(to), { recursive: true })
    // As sha256sum writes it; see src/io/nativeAddon.ts.
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

/** Builds dist/native for this machine with its C compiler, what has changed; says in a line what cannot be built. */
export function buildNative() {
  const { platform, arch } = process
  const name = `${platform}-${arch}`
  const addons = [[kernels, compileKernels, `${name}.node`, 'No native kernels, so the engine computes in WebAssembly']]
  for (const [loader, notice] of hasLoaders(platform) ? Object.entries(LOADERS) : []) {
    const compile = (...how) => compileLoader(loader, ...how)
    addons.push([path.join(root, 'native', loader), compile, `${loader}-${name}.node`, notice])
  }
  for (const [sources, compile, file, notice] of addons) {
    const to = path.join(root, 'dist/native', file)
    if (isFresh(to, sources)) continue
    const compiler = findCompiler()
    const problem = compiler ? compile(compiler, platform, arch, to) : 'no C compiler'
    if (problem === null) continue
    // One of older sources must not stay.
    for (const old of [to, `${to}.sha256`]) fs.rmSync(old, { force: true })
    console.error(`${notice}: ${problem}`)
  }
}

function isFresh(to, sources) {
  const modified = (file) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const files = fs.readdirSync(sources).map((file) => path.join(sources, file))
  return modified(`${to}.sha256`) > 0 && modified(to) > Math.max(...[...files, import.meta.filename].map(modified))
}

function findCompiler() {
  const compilers = process.env.CC ? [process.env.CC.split(' ')] : [['cc'], ['gcc'], ['clang']]
  return compilers.find(([command]) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0)
}
