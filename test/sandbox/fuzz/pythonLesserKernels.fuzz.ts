import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { GrpoError } from '../../../src/errors.js'
import { attempts, programOf } from '../python/attempts.js'
import { everybody, hasPython, openLanes, processesOf, leadersOf } from '../python/lanes.js'

const openings = ['opening for reading', 'listdir', 'its own memory as a file', 'terminal']
const processes = ['environment', 'descriptors', 'memory'].map((what) => `${what} of another process`)

/** As it is when something is missing: what the lane says of it, and which of the attempts are not refused then. */
const kernels: Record<string, { missing: RegExp | null; open: readonly string[] }> = {
  landlock: { missing: /programs can read the files that this user can read: there is no Landlock/, open: [...openings, ...processes] },
  namespaces: { missing: null, open: [] },
  'landlock,namespaces': { missing: /there is no Landlock/, open: [...openings, ...processes] },
} // prettier-ignore

/** What the first message of a supervisor says that is missing. */
function missingOn(command: string): string[] {
  const supervisor = path.resolve('src/sandbox/python/supervisor.py')
  const { stdout } = spawnSync('sh', ['-c', `exec ${command} python3 -I -B ${supervisor}`], { input: '' })
  return (JSON.parse(stdout.subarray(4).toString('utf8')) as { missing: string[] }).missing
}

async function waitFor<T>(found: () => T | false | undefined): Promise<T> {
  for (;;) {
    const value = found()
    if (value !== undefined && value !== false) return value
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

for (const { name, prefix } of hasPython && process.platform === 'linux' ? everybody() : []) {
  describe(`Python programs of ${name} on lesser kernels`, function () {
    const on = (lacking: string): string =>
      `${prefix} ${prefix === '' ? 'python3' : '/usr/bin/python3'} ${path.resolve('test/sandbox/python/lesser_kernel.py')} ${lacking}`

    for (const [lacking, { missing, open }] of Object.entries(kernels)) {
      it(`are confined by what there is without ${lacking}`, async () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-victim-'))
        fs.chmodSync(folder, 0o777)
        fs.writeFileSync(path.join(folder, 'file'), 'precious', { mode: 0o666 })
        const lanes = openLanes(2, on(lacking))
        try {
          const outcomes = await Promise.all(
            Object.entries(attempts).map(async ([what, attempt]) => {
              const program = programOf(attempt, process.pid, path.join(folder, 'file'), folder)
              return [what, (await lanes.run(program, 'raise Exception(f(1))')).reason] as const
            }),
          )
          for (const [what, outcome] of outcomes) {
            if (open.includes(what)) continue
            assert.equal(outcome, 'Exception: refused', what)
          }
          const said = missingOn(on(lacking)).join()
          if (missing === null) assert.equal(said, '')
          else assert.match(said, missing)
          assert.equal(fs.readFileSync(path.join(folder, 'file'), 'utf8'), 'precious')
          const honest = 'def f(x): return [x + 1]'
          assert.equal((await lanes.run(honest, 'assert f(1) == [2]')).reason, null)
          const endless = lanes.run('def f(x):\n  while True: pass', 'f(1)', { timeLimit: 3_600_000 })
          const group = await waitFor(() => leadersOf(process.pid).find((pid) => processesOf(pid).length >= 3))
          process.kill(group, 'SIGKILL')
          await waitFor(() => processesOf(group).length === 0)
          assert.equal((await endless).passed, false)
        } finally {
          lanes.close()
          fs.rmSync(folder, { recursive: true })
        }
      })
    }

    it('are not run where no filter of system calls can be installed', async () => {
      const lanes = openLanes(1, on('filters'))
      await assert.rejects(lanes.run('def f(x): return 2', 'f(1)'), (error) => {
        assert.ok(error instanceof GrpoError)
        assert.match(
          error.message,
          /^Python programs cannot be confined here: .*filter of system calls.*docs\/sandbox\.md/,
        )
        return true
      })
      lanes.close()
    })
  })
}
