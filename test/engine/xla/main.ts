/**
 * All that is compared between the engine xla and the cpu engine, on each of several plugins in a process of its own:
 *   npm run test:xla -- [shared library of a plugin …]
 * Without any it takes those for the CPU that are installed (grpo-ts setup xla --device cpu).
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { installedPlugins, missingPlugin } from '../../../src/xla/setup/installed.js'

const root = path.resolve(import.meta.dirname, '../../..')
const TESTS = [
  'test/engine/xla/*.xla.ts',
  'test/engine/xla/*.test.ts',
  'test/engine/conformance.test.ts',
  'test/xla/graph/*.test.ts',
  'test/xla/programs/*.test.ts',
  'test/xla/runtime/pjrt.test.ts',
]

const given = process.argv.slice(2).map((file) => path.resolve(file))
const installed = installedPlugins().filter(({ device }) => device === 'cpu' || device === null)
const files = given.length > 0 ? given : installed.map(({ file }) => file)
if (files.length === 0) {
  console.error(missingPlugin('cpu'))
  process.exit(2)
}
let failed = 0
for (const file of files) {
  console.log(`\n${file}`)
  const { status } = spawnSync(process.execPath, ['node_modules/mocha/bin/mocha.js', ...TESTS], {
    cwd: root,
    env: { ...process.env, GRPO_TS_XLA_PLUGIN: file },
    stdio: 'inherit',
  })
  if (status !== 0) failed++
}
process.exit(failed === 0 ? 0 : 1)
