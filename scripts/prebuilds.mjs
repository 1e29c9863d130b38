// Cross-compiles the addons for the platforms that the published package carries them for, into prebuilds/:
//   npm run prebuilds [-- PLATFORM-ARCH …]
// The compiler is Zig's C compiler: what ZIG names (as "zig"), else PyPI's `ziglang`, fetched into node_modules/.cache (400 MB).
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { LOADERS, compileKernels, compileLoader, hasLoaders } from './native.mjs'

const root = path.resolve(import.meta.dirname, '..')
const cache = path.join(root, 'node_modules/.cache/zig')
const ZIG_VERSION = '0.17.1'

const PLATFORMS = [
  // The oldest systems that Node 20 runs on.
  ['linux', 'x64', 'x86_64-linux-gnu.2.28'],
  ['linux', 'arm64', 'aarch64-linux-gnu.2.28'],
  ['darwin', 'x64', 'x86_64-macos.11.0'],
  ['darwin', 'arm64', 'aarch64-macos.11.0'],
  ['win32', 'x64', 'x86_64-windows-gnu'],
]

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${error?.message ?? status}`)
}

function findZig() {
  if (process.env.ZIG) return process.env.ZIG.split(' ')
  const python = path.join(cache, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  if (spawnSync(python, ['-m', 'ziglang', 'version'], { stdio: 'ignore' }).status !== 0) {
    console.log(`Fetching ziglang ${ZIG_VERSION} …`)
    run(process.platform === 'win32' ? 'python' : 'python3', ['-m', 'venv', cache])
    run(python, ['-m', 'pip', 'install', '--quiet', `ziglang==${ZIG_VERSION}`])
  }
  return [python, '-m', 'ziglang']
}

/** Node's own functions, for the linker of Windows, which wants to know where they will come from. */
function windowsImports(zig) {
  const library = path.join(cache, 'node_api.lib')
  const definitions = path.join(root, 'node_modules/node-api-headers/def/node_api.def')
  const [command, ...first] = zig
  fs.mkdirSync(cache, { recursive: true })
  run(command, [...first, 'dlltool', '-d', definitions, '-l', library, '-m', 'i386:x86-64', '-D', 'node.exe'])
  return library
}

const wanted = process.argv.slice(2)
const names = PLATFORMS.map(([platform, arch]) => `${platform}-${arch}`)
const unknown = wanted.find((name) => !names.includes(name))
if (unknown !== undefined) {
  console.error(`there are no addons for ${unknown}; expected some of ${names.join(', ')}`)
  process.exit(2)
}
const zig = findZig()
let failed = false
for (const [platform, arch, target] of PLATFORMS) {
  if (wanted.length > 0 && !wanted.includes(`${platform}-${arch}`)) continue
  const libraries = platform === 'win32' ? [windowsImports(zig)] : []
  const addons = [['', compileKernels]]
  for (const loader of hasLoaders(platform) ? Object.keys(LOADERS) : []) {
    addons.push([`${loader}-`, (...how) => compileLoader(loader, ...how)])
  }
  for (const [prefix, compile] of addons) {
    const to = path.join(root, `prebuilds/${prefix}${platform}-${arch}.node`)
    const problem = compile([...zig, 'cc', '-target', target], platform, arch, to, ['-s', ...libraries])
    failed ||= problem !== null
    console.log(`${prefix}${platform}-${arch}: ${problem ?? `${(fs.statSync(to).size / 1000).toFixed(0)} kB`}`)
  }
}
if (failed) process.exit(1)
