import assert from 'node:assert/strict'
import fs from 'node:fs'
import { installFolder } from '../../../src/xla/setup/installed.js'
import { pluginReleases } from '../../../src/xla/setup/wheels.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { useCacheFolder } from '../../xla/setup/cacheFolder.js'
import { FakeIndex } from '../../xla/setup/fakeIndex.js'
import { run } from '../run.js'

describe('cli/setup', function () {
  const inFolder = useTemporaryFolder()
  useCacheFolder(() => inFolder('cache'))
  before(function () {
    if (process.platform !== 'linux' || process.arch !== 'x64') this.skip()
  })

  it('says what it is going to do, and what a folder lacks', async () => {
    const { code, stdout, stderr } = await run(['setup', 'xla', '--device', 'cpu', '--wheels', inFolder()])
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /^lammps-jax-pjrt-cpu 0\.11\.2 for cpu, by \/.*\nerror: .* lacks 1 of the 1 wheels:\n/)
    const second = await run(['setup', 'xla', '--device', 'cpu', '--plugin', 'xla-cpu-pjrt', '--wheels', inFolder()])
    assert.match(second.stderr, /xla_cpu_pjrt-0\.0\.1-py3-none-manylinux_2_27_x86_64\.whl/)
  })

  it('does not show the password of an index that does not have the package', async () => {
    const index = await FakeIndex.start([])
    try {
      const address = index.addressWith('me', 'secret')
      const { code, stderr } = await run(['setup', 'xla', '--device', 'tpu', '--index', address])
      assert.equal(code, 1)
      // Whose terms these are is said before anything is fetched.
      assert.match(
        stderr,
        /libtpu comes under the terms of Google Cloud[^]*answered 404: it does not have this package/,
      )
      assert.deepEqual(
        index.requests.map(({ path }) => path),
        ['/simple/libtpu/'],
      )
      assert.doesNotMatch(stderr, /secret/)
    } finally {
      await index.stop()
    }
  })

  it('removes the plugins of one device', async () => {
    for (const release of pluginReleases) fs.mkdirSync(installFolder(release), { recursive: true })
    const { code, stderr } = await run(['setup', 'xla', '--device', 'cpu', '--remove'])
    assert.equal(code, 0)
    assert.match(stderr, /^the plugins of XLA for cpu were removed\n$/)
    assert.deepEqual(fs.readdirSync(inFolder('cache/xla')).sort(), ['cuda12', 'cuda13', 'rocm', 'tpu'])
    assert.match(
      (await run(['setup', 'xla', '--device', 'cpu', '--remove'])).stderr,
      /^there is no plugin of XLA for cpu\n$/,
    )
  })

  it('ends with 2 after a wrong use', async () => {
    for (const [args, message] of [
      [['setup'], /missing required argument 'what'/],
      [['setup', 'cuda'], /'cuda' is invalid for argument 'what'. Allowed choices are xla/],
      [['setup', 'xla', '--device', 'gpu'], /Allowed choices are cpu, cuda12, cuda13, rocm, tpu/],
      [['setup', 'xla', '--index', 'http://a', '--wheels', 'b'], /expected one of them/],
      [['setup', 'xla', '--device', 'cpu', '--index', 'nowhere'], /no address of http or https/],
    ] as const) {
      const { code, stderr } = await run(args)
      assert.equal(code, 2)
      assert.match(stderr, message)
    }
  })
})
