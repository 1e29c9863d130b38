import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, UnsupportedError } from '../../../src/errors.js'
import { cacheFolder } from '../../../src/io/cacheFolder.js'
import { findPlugin, installedPlugins, installFolder, missingPlugin } from '../../../src/xla/setup/installed.js'
import { isNeeded, pluginFor, pluginReleases, requirement, wheelTags } from '../../../src/xla/setup/wheels.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'

describe('xla/setup/installed', () => {
  const inFolder = useTemporaryFolder()
  const variables = (): Record<string, string> => ({ GRPO_TS_CACHE: inFolder() })
  const write = (file: string): string => {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, '')
    return file
  }

  it('finds the plugin for a device, with the libraries that it opens, in the order in which they are needed', function () {
    if (process.platform !== 'linux' || process.arch !== 'x64') this.skip()
    assert.equal(findPlugin('cuda12', { variables: variables() }), null)
    assert.deepEqual(installedPlugins(variables()), [])
    const release = pluginFor('cuda12')
    const folder = installFolder(release, variables())
    assert.equal(folder, inFolder('xla/cuda12', release.version))
    const file = write(path.join(folder, release.library))
    const names = ['cublas/lib/libcublas.so.12', 'cublas/lib/libnvblas.so.12', 'cuda_runtime/lib/libcudart.so.12']
    const [blas, , runtime] = names.map((name) => write(path.join(folder, 'nvidia', name)))
    write(path.join(folder, 'nvidia/cuda_nvcc/bin/ptxas'))
    const found = { device: 'cuda12', name: 'jax-cuda12-pjrt', version: '0.12.0.1', file, libraries: [runtime, blas] }
    assert.deepEqual(findPlugin('cuda12', { variables: variables() }), found)
    assert.deepEqual(installedPlugins(variables()), [found])
    assert.deepEqual(installedPlugins({ GRPO_TS_XLA_FOLDER: inFolder('xla') }), [found])
    assert.match(missingPlugin('cuda12'), /grpo-ts setup xla --device cuda12$/)
  })

  it('takes the plugin that GRPO_TS_XLA_PLUGIN names for every device, but not for one that is asked for by name', function () {
    if (process.platform !== 'linux' || process.arch !== 'x64') this.skip()
    const file = write(inFolder('my.so'))
    const own = { device: null, name: 'my.so', version: null, file, libraries: [] }
    const given = { ...variables(), GRPO_TS_XLA_PLUGIN: file }
    assert.deepEqual(findPlugin('cuda13', { variables: given }), own)
    assert.deepEqual(installedPlugins(given), [own])
    assert.equal(findPlugin('cpu', { name: 'xla-cpu-pjrt', variables: given }), null)
    const missing = { ...given, GRPO_TS_XLA_PLUGIN: inFolder('none.so') }
    assert.throws(() => findPlugin('cpu', { variables: missing }), ConfigError)
  })

  it('knows the cache folder by the environment', () => {
    assert.equal(cacheFolder({ GRPO_TS_CACHE: '/a' }), '/a')
    assert.equal(cacheFolder({ GRPO_TS_CACHE: '', XDG_CACHE_HOME: '/b' }), '/b/grpo-ts')
    assert.match(cacheFolder({}), /\.cache.grpo-ts$/)
  })
})

describe('xla/setup/wheels', () => {
  it('has a plugin for every processor that it has wheels for, and says where else there are some', () => {
    const choice = { platform: 'linux', architecture: 'arm64' } as const
    assert.equal(pluginFor('cpu', { platform: 'linux', architecture: 'x64' }).name, 'lammps-jax-pjrt-cpu')
    assert.equal(pluginFor('cpu', choice).name, 'xla-cpu-pjrt')
    assert.throws(
      () => pluginFor('tpu', choice),
      (error: Error) => {
        assert.ok(error instanceof UnsupportedError)
        assert.match(error.message, /for tpu on linux arm64; expected linux x64\. /)
        return true
      },
    )
    assert.throws(
      () => pluginFor('cpu', { ...choice, platform: 'darwin' }),
      /on darwin arm64; expected linux x64 or linux arm64/,
    )
    assert.throws(() => pluginFor('cuda12', { name: 'libtpu' }), /no plugin libtpu of XLA for cuda12/)
  })

  it('pins each wheel once, for its processor, the plugin first', () => {
    const platforms: Partial<Record<string, RegExp>> = { x64: /x86_64$/, arm64: /aarch64$/ }
    for (const { name, version, wheels } of pluginReleases) {
      for (const [architecture, pinned] of Object.entries(wheels)) {
        assert.deepEqual(
          { name, version },
          { name: wheelTags(pinned[0]!).name, version: wheelTags(pinned[0]!).version },
        )
        assert.equal(new Set(pinned.map(({ sha256 }) => sha256)).size, pinned.length)
        for (const wheel of pinned) {
          assert.match(wheel.sha256, /^[0-9a-f]{64}$/)
          for (const platform of wheelTags(wheel).platforms) assert.match(platform, platforms[architecture]!)
          assert.match(requirement(wheel), /^[a-z0-9-]+==[\d.]+ --hash=sha256:[0-9a-f]{64}\n$/)
        }
      }
    }
  })

  it('needs libraries, the assembler with its library, and licences', () => {
    for (const name of [
      'jax_plugins/xla_cuda12/xla_cuda_plugin.so',
      'nvidia/cudnn/lib/libcudnn.so.9',
      'nvidia/cuda_nvrtc/lib/libnvrtc-builtins.so.12.9',
      'nvidia/cuda_nvcc/bin/ptxas',
      'nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc',
      'libtpu/LICENSE',
      'libtpu/THIRD_PARTY_NOTICES.txt',
      'nvidia_cublas_cu12-12.9.3.13.dist-info/licenses/License.txt',
    ])
      assert.ok(isNeeded(name), name)
    for (const name of [
      'jax_plugins/xla_cuda12/__init__.py',
      'nvidia/cublas/include/cublas.h',
      'nvidia/cuda_runtime/lib/libcudart_static.a',
      'nvidia/cu13/bin/nvcc',
      'nvidia/nccl/lib/libnccl_device.bc',
      'jax_cuda12_pjrt-0.12.0.1.dist-info/RECORD',
      'own/licence.py',
    ])
      assert.ok(!isNeeded(name), name)
  })
})
