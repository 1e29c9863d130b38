import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { ConfigError, FileFormatError } from '../../../src/errors.js'
import { installFolder } from '../../../src/xla/setup/installed.js'
import { removePlugins, setUpPlugin } from '../../../src/xla/setup/setUp.js'
import type { SetUpPlan } from '../../../src/xla/setup/setUp.js'
import { folderSource } from '../../../src/xla/setup/source.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { useCacheFolder } from './cacheFolder.js'
import { libraryEntries, pluginEntries, releaseOf, writeWheel } from './wheelFile.js'
import type { WheelFile, ZipEntry } from './wheelFile.js'

const signal = new AbortController().signal

describe('xla/setup/setUp', () => {
  const inFolder = useTemporaryFolder()
  useCacheFolder(() => inFolder('cache'))
  let wheels: WheelFile[]
  beforeEach(() => {
    wheels = [
      writeWheel(inFolder('wheels'), 'own_plugin-1.0-py3-none-any.whl', pluginEntries),
      writeWheel(inFolder('wheels'), 'own_library-1.0-py3-none-any.whl', libraryEntries),
    ]
  })
  const source = (): ReturnType<typeof folderSource> => folderSource(inFolder('wheels'))

  /** The files of a folder. */
  const list = (folder: string): string[] =>
    fs
      .readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => fs.statSync(`${folder}/${name}`).isFile())
      .sort()

  it('unpacks what is needed, says before how much that is, and only checks it the second time', async () => {
    const plans: SetUpPlan[] = []
    const release = releaseOf(wheels)
    const options = { onPlan: (plan: SetUpPlan) => plans.push(plan) }
    assert.equal(await setUpPlugin(release, source(), options), true)
    const folder = installFolder(release)
    assert.deepEqual(list(folder), [
      'SHA256SUMS',
      'nvidia/cublas/lib/libcublas.so.12',
      'own_plugin-1.0.dist-info/LICENSE',
      'own_plugin/plugin.so',
      'requirements.txt',
    ])
    assert.equal(fs.readFileSync(`${folder}/own_plugin/plugin.so`, 'utf8'), 'the plugin '.repeat(100))
    assert.deepEqual(plans, [
      {
        wheels,
        folder,
        downloadBytes: wheels[0]!.bytes + wheels[1]!.bytes,
        unpackedBytes: 1100 + 'its licence'.length + 50_000,
      },
    ])
    assert.deepEqual(fs.readdirSync(inFolder('cache/xla/cuda12')), ['1.0'])
    fs.rmSync(inFolder('wheels'), { recursive: true })
    assert.equal(await setUpPlugin(release, source(), options), false)
    assert.equal(plans.length, 1)
    assert.equal(await removePlugins('cuda12', signal), true)
    assert.equal(fs.existsSync(folder), false)
    assert.equal(await removePlugins('cuda12', signal), false)
  })

  it('unpacks anew what was damaged, and what is of other wheels', async () => {
    const release = releaseOf(wheels)
    await setUpPlugin(release, source())
    const file = `${installFolder(release)}/own_plugin/plugin.so`
    fs.writeFileSync(file, 'something else')
    const messages: string[] = []
    assert.equal(await setUpPlugin(release, source(), { onMessage: (message) => messages.push(message) }), true)
    assert.match(messages.join('\n'), /plugin\.so: is not as it was unpacked; fetched anew/)
    assert.equal(fs.readFileSync(file, 'utf8'), 'the plugin '.repeat(100))
    const other = writeWheel(inFolder('wheels'), 'own_plugin-1.0-py3-none-any.whl', [
      { name: 'own_plugin/plugin.so', data: 'another one' },
    ])
    assert.equal(await setUpPlugin(releaseOf([other]), source()), true)
    assert.equal(fs.readFileSync(file, 'utf8'), 'another one')
    assert.equal(fs.existsSync(`${installFolder(release)}/nvidia`), false)
  })

  it('goes on behind the wheels that an interrupted attempt has unpacked', async () => {
    const controller = new AbortController()
    const release = releaseOf(wheels)
    const interrupted = setUpPlugin(release, source(), {
      signal: controller.signal,
      onProgress({ file, loadedBytes }) {
        if (file === wheels[1]!.file && loadedBytes > wheels[0]!.bytes) controller.abort(new Error('stop'))
      },
    })
    await assert.rejects(interrupted, /stop/)
    assert.equal(fs.existsSync(installFolder(release)), false)
    fs.rmSync(inFolder('wheels', wheels[0]!.file))
    const progress: number[] = []
    await setUpPlugin(release, source(), { onProgress: ({ loadedBytes }) => progress.push(loadedBytes) })
    assert.deepEqual(progress, [wheels[0]!.bytes + wheels[1]!.bytes])
    assert.equal(fs.readFileSync(`${installFolder(release)}/own_plugin/plugin.so`, 'utf8'), 'the plugin '.repeat(100))
  })

  it('does the work once when two ask for it', async () => {
    const release = releaseOf(wheels)
    const messages: string[] = []
    const onMessage = (message: string): unknown => messages.push(message)
    const both = [setUpPlugin(release, source(), { onMessage }), setUpPlugin(release, source(), { onMessage })]
    assert.deepEqual((await Promise.all(both)).sort(), [false, true])
    assert.deepEqual(messages, ['waiting for another grpo-ts that does the same'])
  })

  it('names the wheels that a folder lacks, and how to get them', async () => {
    fs.rmSync(inFolder('wheels', wheels[1]!.file))
    await assert.rejects(setUpPlugin(releaseOf(wheels), source()), (error: Error) => {
      assert.ok(error instanceof ConfigError)
      assert.match(error.message, /lacks 1 of the 2 wheels:\n {2}own_library-1\.0-py3-none-any\.whl\n/)
      assert.match(error.message, new RegExp(`own-library==1\\.0 --hash=sha256:${wheels[1]!.sha256}$`))
      return true
    })
    assert.deepEqual(list(inFolder('cache')), [])
  })

  it('unpacks nothing of a wheel of another size or with another hash', async () => {
    const file = inFolder('wheels', wheels[0]!.file)
    const attempt = (): Promise<boolean> => setUpPlugin(releaseOf(wheels), source())
    fs.writeFileSync(file, wheels[0]!.content.subarray(0, -1))
    await assert.rejects(attempt(), /has \d+ bytes; expected \d+: it is damaged/)
    const changed = Buffer.from(wheels[0]!.content)
    changed[100]! ^= 1
    fs.writeFileSync(file, changed)
    await assert.rejects(attempt(), /has the SHA-256 [0-9a-f]{64}; expected [0-9a-f]{64}: it is damaged/)
    assert.ok(fs.existsSync(file))
    assert.ok(!list(inFolder('cache')).some((name) => name.endsWith('.so')))
  })

  it('says before it fetches that the disk has no room', async () => {
    const release = releaseOf([{ ...wheels[0]!, unpackedBytes: 1e18 }])
    const plans: SetUpPlan[] = []
    await assert.rejects(
      setUpPlugin(release, source(), { onPlan: (plan) => plans.push(plan) }),
      /the disk has \d+ MB free, 1\d{12} MB are needed; free some space, or set GRPO_TS_CACHE/,
    )
    assert.deepEqual(plans, [])
  })

  describe('refuses a wheel, its hash being right, that', () => {
    const good: ZipEntry = { name: 'own_plugin/plugin.so', data: 'x' }
    for (const [what, entries, message] of [
      ['writes outside of the folder', [good, { name: '../../evil.so', data: 'x' }], /invalid relative path/],
      ['writes to an absolute path', [good, { name: '/tmp/evil.so', data: 'x' }], /absolute path/],
      ['writes with backslashes', [good, { name: '..\\evil.so', data: 'x' }], /invalid characters/],
      ['has a link', [good, { name: 'own_plugin/link.so', data: '/etc', mode: 0o120777 }], /is a link or a device/],
      ['has a file twice', [good, good], /twice/],
      ['is larger than it says', [{ ...good, data: 'x'.repeat(1e6), claimedBytes: 10 }], /too many bytes|expected/],
    ] as const) {
      it(what, async () => {
        const wheel = writeWheel(inFolder('wheels'), 'own_plugin-1.0-py3-none-any.whl', entries)
        await assert.rejects(setUpPlugin(releaseOf([wheel]), source()), (error: Error) => {
          assert.ok(error instanceof FileFormatError, error.stack)
          assert.match(error.message, message)
          return true
        })
        assert.equal(fs.existsSync(installFolder(releaseOf([wheel]))), false)
      })
    }

    it('is cut short', async () => {
      const wheel = writeWheel(inFolder('wheels'), 'own_plugin-1.0-py3-none-any.whl', [good])
      const content = wheel.content.subarray(0, -30)
      fs.writeFileSync(inFolder('wheels', wheel.file), content)
      const pinned = { ...wheel, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }
      await assert.rejects(setUpPlugin(releaseOf([pinned]), source()), /is no wheel that can be unpacked/)
    })
  })
})
