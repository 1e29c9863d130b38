import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { everybody, hasPython, leadersOf, openLanes, processesOf, requireDocumented } from './lanes.js'

const lanesModule = pathToFileURL(path.join(import.meta.dirname, 'lanes.ts')).href

/** Goes on for ever, and does what it can to outlive whoever started it. */
const tenacious = `import ctypes, os, signal, threading, time
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
libc = ctypes.CDLL(None)
libc.prctl(1, 0, 0, 0, 0)
for attempt in (os.setsid, lambda: os.setpgid(0, 0), os.fork, lambda: os.kill(os.getppid(), 9), lambda: os.kill(1, 9)):
    try: attempt()
    except OSError: pass
def f(x):
    threading.Thread(target=lambda: [time.sleep(0.01) for _ in iter(int, 1)]).start()
    while True:
        try: time.sleep(3600)
        except BaseException: pass`

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(5)
}

for (const { name, prefix } of hasPython && process.platform === 'linux' ? everybody() : []) {
  describe(`the end of Python programs of ${name}`, function () {
    /** A process of Node that runs the program in a lane; with the group of the lane, once the program and its tests are there. */
    const running = async (): Promise<{ trainer: ReturnType<typeof spawn>; group: number }> => {
      const code = `const { openLanes } = await import(${JSON.stringify(lanesModule)})
await openLanes(1, ${JSON.stringify(prefix)}).run(${JSON.stringify(tenacious)}, 'f(1)', { timeLimit: 3600000 })`
      const trainer = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
        stdio: 'inherit',
      })
      let group = 0
      await until(() => {
        group = leadersOf(trainer.pid!)[0] ?? 0
        return group !== 0 && processesOf(group).length >= 3
      })
      await sleep(200)
      return { trainer, group }
    }

    it('comes when the trainer is killed', async () => {
      requireDocumented(
        "It cannot outlive its run, nor the trainer: it stays in the lane's process group and ends with its parent.",
      )
      const { trainer, group } = await running()
      trainer.kill('SIGKILL')
      await until(() => processesOf(group).length === 0)
    })

    it('comes when any process of the lane is killed from outside', async () => {
      const { trainer, group } = await running()
      for (const pid of processesOf(group)) {
        const other = await running()
        const members = processesOf(other.group)
        process.kill(members[processesOf(group).indexOf(pid)] ?? other.group, 'SIGKILL')
        await until(() => processesOf(other.group).length === 0)
        other.trainer.kill('SIGKILL')
      }
      trainer.kill('SIGKILL')
      await until(() => processesOf(group).length === 0)
    })

    it('comes with the time limit, and with that of the lane', async () => {
      const before = leadersOf(process.pid)
      const lanes = openLanes(2, prefix)
      const { reason } = await lanes.run(tenacious, 'f(1)', { timeLimit: 300 })
      assert.equal(reason, 'time limit of 300 ms')
      const groups = leadersOf(process.pid).filter((pid) => !before.includes(pid))
      assert.equal(groups.length, 1)
      // What waits for the next program: the supervisor, and where it has namespaces the process that made them.
      assert.ok(processesOf(groups[0]!).length <= 2)
      const endless = lanes.run(tenacious, 'f(1)', { timeLimit: 3_600_000 })
      await until(() => processesOf(groups[0]!).length >= 3)
      lanes.close()
      assert.equal((await endless).passed, false)
      await until(() => processesOf(groups[0]!).length === 0)
    })
  })
}
