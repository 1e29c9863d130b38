import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { hostilePython } from '../hostilePython.js'
import { attempts, foreignCalls, programOf } from '../python/attempts.js'
import { everybody, hasPython, leadersOf, openLanes, processesOf } from '../python/lanes.js'
import { exhausters } from './python/exhausters.js'
import { forgers } from './python/forgers.js'
import { neighbours } from './python/neighbours.js'

const TESTS = 'assert f(1) == [2]'
/** Where files could have been left: what a listing of these says must not name them. */
const PLACES = ['/', '/tmp', '/var/tmp', '/dev/shm', '/run', os.tmpdir(), os.homedir(), process.cwd()]

for (const { name, prefix, user } of hasPython ? everybody() : []) {
  describe(`hostile Python programs of ${name}`, function () {
    this.timeout(3_600_000)
    const victim = spawn('sh', ['-c', `exec ${prefix} sleep 100000`], { stdio: 'ignore' })
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-victim-'))
    const file = path.join(folder, 'file')
    fs.writeFileSync(file, 'precious')
    if (user !== null) for (const at of [file, folder]) fs.chownSync(at, user, user)
    const harmful = Object.entries({ ...attempts, ...foreignCalls }).map(([what, attempt]) => [
      what,
      programOf(attempt, victim.pid!, file, folder),
    ])
    const programs = [
      ...Object.entries(forgers),
      ...Object.entries(exhausters),
      ...Object.entries(hostilePython),
      ...harmful,
    ] as [string, string][]
    after(() => {
      victim.kill('SIGKILL')
      fs.rmSync(folder, { recursive: true })
    })

    it(`forge no verdict, change no neighbour's and leave nothing, ${programs.length} of them`, async () => {
      const before = leadersOf(process.pid)
      const lanes = openLanes(2, prefix)
      for (const [i, [what, program]] of programs.entries()) {
        const { reason: expected, ...neighbour } = neighbours[i % neighbours.length]!
        const [hostile, honest] = await Promise.all([
          lanes.run(program, TESTS, { timeLimit: 500 }),
          lanes.run(neighbour.program, neighbour.tests),
        ])
        assert.equal(hostile.passed, false, what)
        assert.match(hostile.reason!, /^[^\p{C}]{1,500}$/u, what)
        assert.deepEqual(honest, { passed: expected === null, reason: expected }, `the neighbour of ${what}`)
      }
      const groups = leadersOf(process.pid).filter((pid) => !before.includes(pid))
      for (const group of groups) assert.ok(processesOf(group).length <= 2)
      lanes.close()
      while (groups.some((group) => processesOf(group).length > 0))
        await new Promise((resolve) => setTimeout(resolve, 5))
      assert.equal(victim.exitCode ?? victim.signalCode, null)
      assert.equal(fs.readFileSync(file, 'utf8'), 'precious')
      for (const place of [...PLACES, folder].filter((at) => fs.existsSync(at))) {
        assert.deepEqual(
          fs.readdirSync(place).filter((entry) => entry.includes('grpo-ts-escaped')),
          [],
          place,
        )
      }
    })
  })
}
