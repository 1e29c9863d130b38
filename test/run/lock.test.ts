import assert from 'node:assert/strict'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { GrpoError } from '../../src/errors.js'
import { lockRunFolder } from '../../src/run/lock.js'
import { readRunStatus } from '../../src/run/control.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

const root = path.resolve(import.meta.dirname, '../..')

describe('run/lock', () => {
  const inFolder = useTemporaryFolder()
  const file = (): string => inFolder('run', 'lock.json')
  const read = (): Record<string, unknown> => JSON.parse(fs.readFileSync(file(), 'utf8')) as Record<string, unknown>
  const change = (changes: Record<string, unknown>): void => {
    fs.writeFileSync(file(), JSON.stringify({ ...read(), ...changes }))
  }

  /** Takes the lock in a process of its own, which then does nothing. */
  async function startHolder(): Promise<ChildProcess> {
    const program = `
      import { lockRunFolder } from './src/run/lock.ts'
      lockRunFolder(${JSON.stringify(inFolder('run'))})
      console.log('locked')
      setInterval(() => undefined, 1000)`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    return child
  }

  async function kill(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }

  it('says who holds it, and what to do', async () => {
    const holder = await startHolder()
    try {
      const { pid, command, host } = read()
      assert.equal(pid, holder.pid)
      assert.equal(typeof command, 'string')
      const before = fs.readFileSync(file())
      assert.throws(
        () => lockRunFolder(inFolder('run')),
        (error) =>
          error instanceof GrpoError &&
          error.message.includes(`${inFolder('run')} is in use: `) &&
          error.message.includes(`(process ${holder.pid} on ${String(host)}) writes there since 20`) &&
          error.message.includes('take another output folder'),
      )
      assert.deepEqual(fs.readFileSync(file()), before)
      // Readers need no lock.
      assert.equal(readRunStatus(inFolder('run')).state, 'ended')
    } finally {
      await kill(holder)
    }
  })

  it('is free as soon as its holder has been killed, and when its number belongs to another process', async () => {
    await kill(await startHolder())
    assert.ok(fs.existsSync(file()))
    const lock = lockRunFolder(inFolder('run'))
    assert.equal(read().pid, process.pid)
    lock.release()
    assert.deepEqual(fs.readdirSync(inFolder('run')), [])

    const holder = await startHolder()
    try {
      // As if this had been written by an earlier process of the same number.
      if (process.platform === 'linux') change({ started: '1' })
      else await kill(holder)
      lockRunFolder(inFolder('run')).release()
    } finally {
      holder.kill('SIGKILL')
    }
  })

  it('of a process that ends by process.exit is given back', async () => {
    const program = `
      import { lockRunFolder } from './src/run/lock.ts'
      lockRunFolder(${JSON.stringify(inFolder('run'))})
      process.exit(0)`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      cwd: root,
      stdio: 'inherit',
    })
    assert.deepEqual(await once(child, 'exit'), [0, null])
    assert.deepEqual(fs.readdirSync(inFolder('run')), [])
  })

  it('of another machine or container is respected while it gives signs of life, and free 60 s after the last', async () => {
    await kill(await startHolder())
    change({ place: 'another boot pid:[1]', host: 'another' })
    assert.throws(
      () => lockRunFolder(inFolder('run')),
      /on another\) .* gave a sign of life \d+ s ago.*noticed 60 s after/,
    )
    const silent = Date.now() / 1000 - 61
    fs.utimesSync(file(), silent, silent)
    lockRunFolder(inFolder('run')).release()
  })

  it('that was copied with its folder holds nothing', async () => {
    const holder = await startHolder()
    try {
      fs.cpSync(inFolder('run'), inFolder('copy'), { recursive: true })
      lockRunFolder(inFolder('copy')).release()
      assert.throws(() => lockRunFolder(inFolder('run')), /is in use/)
    } finally {
      await kill(holder)
    }
  })

  it('that cannot be read is respected for a minute', () => {
    fs.mkdirSync(inFolder('run'))
    fs.writeFileSync(file(), '')
    assert.throws(() => lockRunFolder(inFolder('run')), /is in use: its lock\.json, \d+ s old, cannot be read/)
    fs.utimesSync(file(), 1, 1)
    lockRunFolder(inFolder('run')).release()
  })

  it('is held by this process until all have given it back, and one of them trains', () => {
    const [first, second] = [lockRunFolder(inFolder('run')), lockRunFolder(inFolder('run'))]
    first.begin()
    assert.throws(() => {
      second.begin()
    }, /another trainer of this process trains there/)
    assert.throws(() => lockRunFolder(inFolder('run')), /another trainer of this process trains there/)
    first.release()
    second.begin()
    second.release()
    assert.ok(!fs.existsSync(file()))
    // What the first one knows of the folder is old now.
    assert.throws(() => {
      first.begin()
    }, /another trainer of this process has trained there since/)
    second.begin()
    second.release()
    assert.ok(!fs.existsSync(file()))
  })

  it('notices that another process has taken over, and takes a lock again that was deleted', () => {
    const lock = lockRunFolder(inFolder('run'))
    lock.begin()
    lock.check()
    fs.rmSync(inFolder('run'), { recursive: true })
    lock.check()
    assert.equal(read().pid, process.pid)
    change({ id: 'of another' })
    assert.throws(() => {
      lock.check()
    }, /was taken over by another process/)
    lock.release()
    assert.equal(read().id, 'of another')
  })

  it('is touched while it is held, also while this thread computes', async function () {
    this.slow(20_000)
    const lock = lockRunFolder(inFolder('run'))
    try {
      fs.utimesSync(file(), 1, 1)
      // The thread that touches it starts after 5 s.
      await setTimeout(6000)
      const block = new Int32Array(new SharedArrayBuffer(4))
      for (let second = 0; second < 40 && fs.statSync(file()).mtimeMs < 2000; second++) Atomics.wait(block, 0, 0, 1000)
      assert.ok(Date.now() - fs.statSync(file()).mtimeMs < 60_000)
      lock.check()
    } finally {
      lock.release()
    }
  })
})
