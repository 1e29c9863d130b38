import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { GrpoError } from '../../src/errors.js'
import { withFileLock } from '../../src/io/fileLock.js'
import { ownProcess } from '../../src/io/processIdentity.js'
import { downloadModel } from '../../src/hub/modelFiles.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { FakeHub } from './fakeHub.js'

const weights = randomBytes(4_000_000)
const root = path.resolve(import.meta.dirname, '../..')

describe('downloads of several processes', () => {
  const temporary = useTemporaryFolder()
  let hub: FakeHub

  beforeEach(async () => {
    hub = await FakeHub.start()
    hub.addRepository('owner/model', { 'config.json': '{}', 'model.safetensors': weights })
  })

  afterEach(() => hub.stop())

  /** Downloads in a process of its own, which prints the folder. */
  function startDownload(): ChildProcessByStdio<null, Readable, Readable> {
    const program = `
      import { downloadModel } from './src/hub/modelFiles.ts'
      const network = { backoffMilliseconds: 1, partBytes: 1_000_000 }
      const { folder } = await downloadModel('owner/model', { network })
      process.stdout.write(folder)`
    return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HF_ENDPOINT: hub.url, HF_HUB_CACHE: temporary('hub'), HF_HUB_OFFLINE: '' },
    })
  }

  async function folderOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<string> {
    const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    assert.equal(errors, '')
    return out
  }

  function fetchedBytes(): number {
    const ranges = hub.log.flatMap(({ path, headers }) => (path.startsWith('/get/') ? [headers.range ?? ''] : []))
    return ranges.reduce((sum, range) => {
      const [begin, end] = /=(\d+)-(\d+)/.exec(range)!.slice(1).map(Number)
      return sum + end! - begin! + 1
    }, 0)
  }

  it('share the cache: each file is fetched once', async () => {
    hub.storageDelay = 10
    const folders = await Promise.all([folderOf(startDownload()), folderOf(startDownload())])
    assert.equal(folders[0], folders[1])
    assert.deepEqual(fs.readFileSync(path.join(folders[0], 'model.safetensors')), weights)
    assert.equal(fetchedBytes(), weights.length)
  })

  it('go on after one that was killed, lock and all', async () => {
    hub.storageDelay = 150
    const child = startDownload()
    const journal = await waitForJournal(temporary('hub', 'models--owner--model', 'blobs'))
    child.kill('SIGKILL')
    await once(child, 'exit')
    hub.storageDelay = 0
    hub.log.length = 0
    const done = doneBytes(journal)
    assert.ok(done > 0)
    const folder = await folderOf(startDownload())
    assert.deepEqual(fs.readFileSync(path.join(folder, 'model.safetensors')), weights)
    assert.equal(fetchedBytes(), weights.length - done)
  })

  function doneBytes(journal: string): number {
    const { parts } = JSON.parse(fs.readFileSync(journal, 'utf8')) as { parts: { done: number }[] }
    return parts.reduce((sum, part) => sum + part.done, 0)
  }

  async function waitForJournal(folder: string): Promise<string> {
    for (;;) {
      const names = fs.existsSync(folder) ? fs.readdirSync(folder) : []
      const name = names.find((one) => one.endsWith('.parts.incomplete'))
      if (name !== undefined && doneBytes(path.join(folder, name)) > 1000) return path.join(folder, name)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  it('leave nothing wrong behind on a full disk', async () => {
    const options = { endpoint: hub.url, cacheFolder: temporary('hub'), token: null, offline: false }
    const restore = await breakWritesAfter(1_500_000)
    await assert.rejects(downloadModel('owner/model', options), (error) => {
      return error instanceof GrpoError && /incomplete: cannot be written.*free some space/.test(error.message)
    })
    restore()
    assert.deepEqual(fs.readdirSync(temporary('hub', 'models--owner--model')).sort(), ['blobs', 'refs'])
    const { folder } = await downloadModel('owner/model', options)
    assert.deepEqual(fs.readFileSync(path.join(folder, 'model.safetensors')), weights)
    assert.ok(fetchedBytes() < 2 * weights.length - 1_000_000, 'what had come was fetched again')
  })

  /** From so many bytes on, all writes through file handles fail as on a full disk. */
  async function breakWritesAfter(limit: number): Promise<() => void> {
    const handle = await open(temporary('probe'), 'w')
    const prototype = Object.getPrototypeOf(handle) as { write: unknown }
    await handle.close()
    const write = prototype.write as (this: unknown, ...args: unknown[]) => Promise<{ bytesWritten: number }>
    let written = 0
    const broken = async function (this: unknown, bytes: Uint8Array, ...rest: unknown[]) {
      written += bytes.length
      if (written <= limit) return write.call(this, bytes, ...rest)
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
    }
    prototype.write = broken
    return () => {
      prototype.write = write
    }
  }
})

describe('fileLock', () => {
  const temporary = useTemporaryFolder()
  const quick = { pollMilliseconds: 5 }

  it('lets one in at a time', async () => {
    let inside = 0
    let waited = 0
    const onWait = (): void => {
      waited++
    }
    const work = (): Promise<void> =>
      withFileLock(temporary('lock'), { ...quick, onWait }, async () => {
        assert.equal(++inside, 1)
        await new Promise((resolve) => setTimeout(resolve, 10))
        inside--
      })
    await Promise.all([work(), work(), work()])
    assert.equal(waited, 2)
    assert.ok(!fs.existsSync(temporary('lock')))
  })

  it('is free again after an error, and can be waited for no longer', async () => {
    await assert.rejects(
      withFileLock(temporary('lock'), quick, () => Promise.reject(new Error('inside'))),
      /inside/,
    )
    await withFileLock(temporary('lock'), quick, async () => {
      const second = withFileLock(temporary('lock'), { ...quick, signal: AbortSignal.timeout(30) }, () =>
        assert.fail('it was locked'),
      )
      await assert.rejects(second, /aborted/)
    })
  })

  it('takes over from the dead and from those who have not moved for long', async () => {
    const holder = { ...ownProcess(), pid: 2 ** 22 + 1, id: 'x' }
    fs.writeFileSync(temporary('dead'), JSON.stringify(holder))
    assert.equal(await withFileLock(temporary('dead'), quick, () => Promise.resolve(1)), 1)
    // The number was given to another process since.
    fs.writeFileSync(temporary('later'), JSON.stringify({ ...holder, pid: process.pid, started: 'earlier' }))
    assert.equal(await withFileLock(temporary('later'), quick, () => Promise.resolve(1)), 1)
    fs.writeFileSync(temporary('old'), JSON.stringify({ ...holder, place: 'another' }))
    fs.utimesSync(temporary('old'), 1, 1)
    assert.equal(await withFileLock(temporary('old'), quick, () => Promise.resolve(2)), 2)
  })

  it('stays fresh while its holder works', async () => {
    const short = { pollMilliseconds: 5, staleMilliseconds: 300 }
    await withFileLock(temporary('lock'), short, async () => {
      fs.utimesSync(temporary('lock'), 1, 1)
      while (fs.statSync(temporary('lock')).mtimeMs < 10_000) await new Promise((resolve) => setTimeout(resolve, 5))
    })
  })
})
