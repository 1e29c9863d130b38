import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import { runCode } from '../../../src/sandbox/runCode.js'
import type { Attack } from './javascriptAttack.js'
import { runOf } from './javascriptAttack.js'

/** A program that is right, or wrong, whatever runs beside it. */
interface Neighbour {
  readonly language: 'javascript' | 'typescript'
  readonly program: string
  readonly tests: string
  readonly isRight: boolean
}

const tests =
  'const seen = []; assert.deepStrictEqual(g([3, 1, 2], (x) => seen.push(x)), new Map([[1, [1]], [2, [2]], [3, [3]]])); assert.deepStrictEqual(seen, [1, 2, 3]); assert.strictEqual(await h(1), 2); assert.throws(() => h(-1), RangeError)'
const right =
  'const g = (xs, cb) => new Map(xs.sort((a, b) => a - b).map((x) => (cb(x), [x, [x]]))); function h(x) { if (x < 0) throw new RangeError("negative"); return Promise.resolve(x + 1) }'
const wrong = right.replace('x + 1', 'x + 2')
const typed = `type Number = number\n${right.replace('function h(x)', 'function h(x: Number): Promise<Number>')}`
const neighbours: Readonly<Record<'javascript' | 'typescript', readonly Neighbour[]>> = {
  javascript: [
    { language: 'javascript', program: right, tests, isRight: true },
    { language: 'javascript', program: wrong, tests, isRight: false },
  ],
  // Two in the compiler's own language: one beside the attack, and one after it in its thread.
  typescript: [
    { language: 'typescript', program: typed, tests, isRight: true },
    { language: 'typescript', program: typed.replace('x + 1', 'x + 1.5'), tests, isRight: false },
    { language: 'typescript', program: `${typed};`, tests, isRight: true },
  ],
}

/** ms. No attack needs longer to be found out; the neighbours have all the time that a busy machine takes. */
const ATTACK_LIMIT = 400
const NEIGHBOUR_LIMIT = 120_000

/**
 * Runs attacks, each with a right and a wrong program beside it. No attack may pass, and no verdict of a neighbour may change;
 * no thread, process or file may be left.
 */
export async function runBesideNeighbours(attacks: readonly Attack[]): Promise<void> {
  const before = left()
  const forged: string[] = []
  const changed: string[] = []
  await Promise.all(
    attacks.map(async (attack) => {
      const beside = neighbours[attack.language ?? 'javascript']
      const [verdict, ...others] = await Promise.all([
        runCode(runOf(attack), { timeLimit: ATTACK_LIMIT, memoryLimit: 128 }),
        ...beside.map((neighbour) => runCode(neighbour, { timeLimit: NEIGHBOUR_LIMIT, memoryLimit: 128 })),
      ])
      const { passed, reason } = verdict
      if (passed || reason === null || reason.length === 0 || reason.length > 500)
        forged.push(`${attack.name}: ${reason}`)
      for (const [i, { isRight }] of beside.entries()) {
        if (others[i]!.passed !== isRight) changed.push(`${attack.name}: ${others[i]!.reason}`)
      }
    }),
  )
  assert.deepEqual(forged, [], 'attacks that pass')
  assert.deepEqual(changed, [], 'neighbours with another verdict')
  await nothingLeft(before)
}

interface Left {
  readonly threads: number
  readonly processes: readonly string[]
  readonly files: readonly string[]
}

/** What the process has besides its memory; no threads and processes where there is no /proc. */
function left(): Left {
  const tasks = '/proc/self/task'
  const threads = fs.existsSync(tasks) ? fs.readdirSync(tasks) : []
  const processes = threads.flatMap((thread) => textOf(`${tasks}/${thread}/children`).trim().split(' '))
  // What compiles these tests as they are loaded is a process, too; in a thread that was ended it leaves an entry without a name.
  const isOurs = (pid: string): boolean => {
    const command = pid === '' ? '' : textOf(`/proc/${pid}/cmdline`)
    return command !== '' && !command.includes('esbuild')
  }
  return { threads: threads.length, processes: processes.filter(isOurs), files: fs.readdirSync('.') }
}

function textOf(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Waits until nothing is there that was not there before, but an idle thread for each core, and one that compiles its code. */
async function nothingLeft(before: Left): Promise<void> {
  for (;;) {
    const after = left()
    assert.deepEqual(after.files, before.files)
    const isClean =
      after.threads <= before.threads + 2 * os.cpus().length &&
      after.processes.every((pid) => before.processes.includes(pid))
    if (isClean) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
