import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { CodeVerdict } from '../../../src/sandbox/codeRun.js'
import { Pool } from '../../../src/sandbox/pool.js'
import { patienceOf, startPythonLane } from '../../../src/sandbox/python/lane.js'

export const hasPython = spawnSync('python3', ['--version']).status === 0

/** Skips the running suite, and says so, where there is no python3. */
export function requirePython(test: Mocha.Context): void {
  if (hasPython) return
  console.log('      skipped: there is no python3 on this machine')
  test.skip()
}

/** An ordinary user, of whom this machine knows nothing. */
export const ORDINARY_USER = 12345

/** Runs programs as somebody. */
export interface Somebody {
  readonly name: string
  /** The number of the user that programs run as, as far as it is known before. */
  readonly user: number | null
  /** Shell words before `python3`; empty for whoever runs the tests. */
  readonly prefix: string
}

/** Checks that docs/sandbox.md has a line: what a test shows is in its words. */
export function requireDocumented(line: string): void {
  const page = fs.readFileSync('docs/sandbox.md', 'utf8').replaceAll(/\s+/g, ' ')
  assert.ok(page.includes(`- ${line}`), `docs/sandbox.md has no line '${line}'`)
}

/** Whoever runs the tests, and if that is root, an ordinary user as well. */
export function everybody(): Somebody[] {
  const uid = os.userInfo().uid
  if (uid !== 0) return [{ name: 'an ordinary user', user: uid, prefix: '' }]
  const setpriv = `setpriv --reuid=${ORDINARY_USER} --regid=${ORDINARY_USER} --clear-groups`
  const works = spawnSync('sh', ['-c', `${setpriv} ${pythonForAll()} --version`]).status === 0
  if (!works) console.log('      not as an ordinary user: there is no setpriv, or no python3 that all may read')
  return [
    { name: 'root', user: null, prefix: '' },
    ...(works ? [{ name: 'an ordinary user', user: ORDINARY_USER, prefix: setpriv }] : []),
  ]
}

function pythonForAll(): string {
  return ['/usr/bin/python3', '/usr/local/bin/python3'].find((file) => fs.existsSync(file)) ?? 'python3'
}

type Run = (program: string, tests: string, given?: Given) => Promise<CodeVerdict>

interface Given {
  /** Null for none. Defaults to `f`. */
  readonly entryPoint?: string | null
  readonly context?: string
  /** In ms. Defaults to a minute. */
  readonly timeLimit?: number
  /** In MiB. Defaults to 128. */
  readonly memoryLimit?: number
}

export interface Lanes {
  readonly run: Run
  /** Ends them. */
  close(): void
}

/**
 * Starts lanes of their own: `size` programs run at a time, as `prefix` (shell words before python3) says. The lanes are not
 * those of other tests, whose state they neither see nor spoil.
 */
export function openLanes(size: number, prefix = ''): Lanes {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-lanes-'))
  fs.chmodSync(folder, 0o755)
  const started: { kill(): void }[] = []
  const file = path.join(folder, 'python3')
  const python = prefix === '' ? 'python3' : pythonForAll()
  const rest = process.env.PATH ?? ''
  fs.writeFileSync(file, `#!/bin/sh\nPATH='${rest}'\nexec ${prefix} ${python} "$@"\n`, { mode: 0o755 })
  const start = async (): ReturnType<typeof startPythonLane> => {
    process.env.PATH = `${folder}:${rest}`
    const starting = startPythonLane()
    process.env.PATH = rest
    const lane = await starting
    started.push(lane)
    return lane
  }
  const pool = new Pool(start, size)
  return {
    async run(program, tests, { timeLimit = 60_000, memoryLimit = 128, entryPoint = 'f', context = '' } = {}) {
      const asked = entryPoint === null ? {} : { entryPoint }
      const job = { language: 'python', program, tests, timeLimit, memoryLimit, context, ...asked } as const
      return (await pool.run(job, patienceOf(timeLimit))) ?? { passed: false, reason: 'the end of its sandbox' }
    },
    close() {
      for (const lane of started) lane.kill()
      fs.rmSync(folder, { recursive: true })
    },
  }
}

/** Processes, by their numbers, that this system has in a group. */
export function processesOf(group: number): number[] {
  return statOfAll()
    .filter((stat) => stat.group === group && stat.state !== 'Z')
    .map((stat) => stat.pid)
}

/** Processes that lead a group and were started by another. */
export function leadersOf(parent: number): number[] {
  return statOfAll()
    .filter((stat) => stat.parent === parent && stat.group === stat.pid)
    .map((stat) => stat.pid)
}

function statOfAll(): { pid: number; state: string; parent: number; group: number }[] {
  const found = []
  for (const name of fs.readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [state, parent, group] = fs.readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
      found.push({ pid: Number(name), state: state!, parent: Number(parent), group: Number(group) })
    } catch {
      // It has ended meanwhile.
    }
  }
  return found
}
