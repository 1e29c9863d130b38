// Makes a fresh clone ready: installs the packages and builds, each only if it has not been done or is out of date.
// Uses nothing but Node, so that `npm start` and `npm test` are the only commands a newcomer needs.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')

/** Runs a command in the repository's root, with its output on our stderr; ends the program when it fails. */
function run(what, command, args) {
  console.error(`${what} …`)
  const started = performance.now()
  // npm is a script (.cmd) on Windows, which needs a shell.
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  if (result.status !== 0) {
    console.error(`${what} failed: ${command} ${args.join(' ')} ended with ${result.error?.message ?? result.status}`)
    process.exit(1)
  }
  console.error(`${what}: done in ${((performance.now() - started) / 1000).toFixed(0)} s`)
}

const modified = (file) => fs.statSync(path.join(root, file), { throwIfNoEntry: false })?.mtimeMs ?? 0

// npm has installed what it is going to, and builds: to pack the package, or to install it from git.
if (process.env.npm_lifecycle_event === 'prepare') {
  if (!fs.existsSync(path.join(root, 'node_modules/esbuild'))) process.exit(0)
} else if (modified('node_modules/.package-lock.json') < modified('package-lock.json') - 1000) {
  run('Installing packages', 'npm', ['ci'])
}
const sources = ['src', 'native'].flatMap((folder) => {
  if (!fs.existsSync(path.join(root, folder))) return []
  return fs
    .readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)))
})
const newest = Math.max(
  ...[...sources, 'scripts/build.mjs', 'scripts/native.mjs', 'tsconfig.build.json', 'package-lock.json'].map(modified),
)
if (modified('dist/.built') < newest) run('Building', process.execPath, ['scripts/build.mjs'])
