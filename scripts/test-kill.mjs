// npm run test:kill -- --signal SIGTERM: the signal goes to the tests by their environment, since mocha runs them in processes of its own.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { signal: { type: 'string', default: 'SIGKILL' } } })
const root = path.resolve(import.meta.dirname, '..')
const mocha = path.join(root, 'node_modules', 'mocha', 'bin', 'mocha.js')
const { status } = spawnSync(process.execPath, [mocha, 'test/cli/killTwentyTimes.ts'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, KILL_SIGNAL: values.signal },
})
process.exitCode = status ?? 1
