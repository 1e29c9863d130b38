// Runs the tests on several versions of Node: npm run test:nodes -- 20 22 24 26 [-- files or options of mocha]
// A version is a range such as 24 or 20.19.0; see nodes.mjs for where its program comes from.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { findNode, isNodeVersion } from './nodes.mjs'

const root = path.resolve(import.meta.dirname, '..')
const usage = 'usage: npm run test:nodes -- [VERSION …] [-- FILE or option of mocha …]   default: 20 22 24 26'

function fail(message) {
  console.error(message)
  process.exit(2)
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
for (const version of versions) if (!isNodeVersion(version)) fail(`${version} is no version of Node\n${usage}`)

const ensured = spawnSync(process.execPath, ['scripts/ensure.mjs'], { cwd: root, stdio: 'inherit' })
if (ensured.status !== 0) process.exit(1)
const asked = versions.length > 0 ? versions : ['20', '22', '24', '26']
// All programs first: a version that cannot be had is not to be found out in the middle.
try {
  for (const version of asked) findNode(version)
} catch (error) {
  fail(error.message)
}
const results = asked.map((version) => test(version, mochaArgs.length > 0 ? mochaArgs : ['test/**/*.test.ts']))
console.table(Object.fromEntries(results.map(({ node, status, ...rest }) => [node, { ...rest, ends: status }])))
if (results.some(({ status }) => status !== 0)) process.exitCode = 1
