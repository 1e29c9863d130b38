import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { openPjrt } from '../../../src/xla/runtime/pjrt.js'
import {
  fingerprint,
  programKey,
  readCachedProgram,
  writeCachedProgram,
} from '../../../src/xla/runtime/programCache.js'
import type { CachedProgram } from '../../../src/xla/runtime/programCache.js'
import type { DeviceInfo, Program, Runner } from '../../../src/xla/runtime/runner.js'
import { temporaryFolder } from '../../fixtures/tinyModel.js'
import { requirePlugin } from '../plugin.js'

const scalar = { dtype: 'f32', shape: [] } as const

function constant(value: number): Program {
  return {
    name: `constant${value}`,
    inputs: [],
    outputs: [scalar],
    text: `module @constant {
  func.func public @main() -> tensor<f32> {
    %value = stablehlo.constant dense<${value.toFixed(1)}> : tensor<f32>
    return %value : tensor<f32>
  }
}`,
  }
}

const info: DeviceInfo = { platform: 'cuda', device: 'NVIDIA H200', compiler: 'PJRT 0.116', file: 'plugin.so' }
const memory = { arguments: 1, outputs: 2, aliased: 3, temporary: 4, code: 5 }
const entry: CachedProgram = { serialized: Uint8Array.of(1, 10, 13, 0, 255), memory }

function files(folder: string): string[] {
  return fs.readdirSync(folder).sort()
}

describe('xla/runtime: programs on disk', () => {
  it('are told apart by text, flags, compiler, plugin and device', () => {
    const keys = [
      programKey(constant(1), {}, info, 'a'),
      programKey(constant(2), {}, info, 'a'),
      programKey(constant(1), { x: 1 }, info, 'a'),
      programKey(constant(1), { x: '1' }, info, 'a'),
      programKey(constant(1), {}, { ...info, compiler: 'PJRT 0.117' }, 'a'),
      programKey(constant(1), {}, info, 'b'),
      programKey(constant(1), {}, { ...info, device: 'NVIDIA A100' }, 'a'),
      programKey(constant(1), {}, { ...info, platform: 'cpu' }, 'a'),
    ]
    assert.equal(new Set(keys).size, keys.length)
    assert.ok(keys.every((key) => /^[0-9a-f]{64}$/.test(key)))
    assert.equal(programKey(constant(1), { x: 1, y: 2 }, info, 'a'), programKey(constant(1), { y: 2, x: 1 }, info, 'a'))
    // Names and places do not matter.
    assert.equal(programKey({ ...constant(1), name: 'other' }, {}, { ...info, file: 'b' }, 'a'), keys[0])
  })

  it('come back as they were, and not at all when they are damaged in whatever place', () => {
    const folder = path.join(temporaryFolder(), 'new', 'folder')
    assert.equal(readCachedProgram(folder, 'key'), null)
    writeCachedProgram(folder, 'key', constant(1), entry)
    const read = readCachedProgram(folder, 'key')
    assert.deepEqual([Uint8Array.from(read!.serialized), read!.memory], [entry.serialized, memory])
    assert.equal(readCachedProgram(folder, 'other'), null)
    const [name] = files(folder)
    const file = path.join(folder, name!)
    const whole = fs.readFileSync(file)
    for (let i = 0; i < whole.length; i++) {
      const damaged = Buffer.from(whole)
      damaged[i]! ^= 1
      fs.writeFileSync(file, damaged)
      assert.equal(readCachedProgram(folder, 'key'), null)
      fs.writeFileSync(file, whole.subarray(0, i))
      assert.equal(readCachedProgram(folder, 'key'), null)
    }
    writeCachedProgram(folder, 'key', constant(1), entry)
    assert.deepEqual(fs.readFileSync(file), whole)
    assert.deepEqual(files(folder), [name])
  })

  it('are no error where they cannot be kept', () => {
    const file = path.join(temporaryFolder(), 'file')
    fs.writeFileSync(file, '')
    writeCachedProgram(file, 'key', constant(1), entry)
    assert.equal(readCachedProgram(file, 'key'), null)
    assert.equal(fs.readFileSync(file, 'utf8'), '')
  })

  it('are taken from a cache that can only be read', () => {
    const folder = temporaryFolder()
    writeCachedProgram(folder, 'key', constant(1), entry)
    const { utimesSync } = fs
    fs.utimesSync = () => {
      throw Object.assign(new Error('EROFS: read-only file system, utime'), { code: 'EROFS' })
    }
    try {
      assert.deepEqual(readCachedProgram(folder, 'key')?.memory, memory)
    } finally {
      fs.utimesSync = utimesSync
    }
  })

  it('make room for newer ones', () => {
    const folder = temporaryFolder()
    const big: CachedProgram = { serialized: new Uint8Array(1000), memory: null }
    for (const [i, key] of ['a', 'b', 'c'].entries()) {
      writeCachedProgram(folder, key, constant(1), big, 4000)
      const at = new Date(Date.now() - 1e6 + 1000 * i)
      fs.utimesSync(
        path.join(
          folder,
          files(folder).find((name) => name.startsWith(key))!,
        ),
        at,
        at,
      )
    }
    fs.writeFileSync(path.join(folder, 'unrelated'), new Uint8Array(10_000))
    assert.equal(readCachedProgram(folder, 'a')?.serialized.length, 1000)
    writeCachedProgram(folder, 'd', constant(1), big, 4000)
    const kept = ['a', 'b', 'c', 'd'].filter((key) => readCachedProgram(folder, key))
    // The one that was used last is kept, and the newest.
    assert.deepEqual(kept, ['a', 'c', 'd'])
    assert.ok(files(folder).includes('unrelated'))
  })

  it('tell one build of a plugin from another', () => {
    const file = path.join(temporaryFolder(), 'plugin')
    const bytes = new Uint8Array(5e6)
    fs.writeFileSync(file, bytes)
    const first = fingerprint(file)
    assert.equal(fingerprint(file), first)
    bytes[bytes.length - 1] = 1
    fs.writeFileSync(file, bytes)
    assert.notEqual(fingerprint(file), first)
    fs.writeFileSync(file, bytes.subarray(1))
    assert.notEqual(fingerprint(file), first)
    fs.writeFileSync(file, '')
    assert.match(fingerprint(file), /^[0-9a-f]{64}$/)
  })

  describe('of a plugin', () => {
    const folder = temporaryFolder()
    let runner: Runner | undefined
    const compiled: string[] = []
    const onCompile = (program: string): void => void compiled.push(program)
    before(async function () {
      runner = await openPjrt({ file: requirePlugin(this), cacheFolder: folder, onCompile })
    })
    after(() => {
      runner?.dispose()
    })
    const compute = async (program: Program): Promise<number> => {
      assert.ok(runner)
      const executable = await runner.compile(program)
      const [result] = runner.execute(executable, [])
      const [value] = await runner.read(result!)
      runner.free(result!)
      return value!
    }
    const entryOf = (program: Program): string =>
      path.join(
        folder,
        files(folder).find((name) => fs.readFileSync(path.join(folder, name)).includes(`"${program.name}"`))!,
      )

    it('are taken from there', async () => {
      assert.deepEqual([await compute(constant(1)), await compute(constant(2))], [1, 2])
      assert.equal(files(folder).length, 2)
      assert.deepEqual([await compute(constant(1)), compiled], [1, [constant(1).name, constant(2).name]])
      // As nobody should do it: the number tells where the program came from.
      fs.copyFileSync(entryOf(constant(2)), entryOf(constant(1)))
      assert.equal(await compute(constant(1)), 2)
      for (const name of files(folder)) fs.rmSync(path.join(folder, name))
      assert.deepEqual([await compute(constant(1)), (await runner!.compile(constant(1))).memory?.outputs], [1, 4])
    })

    it('are those of the build that is open, whatever has become of its file', async () => {
      const { info } = runner!
      const { openSync } = fs
      fs.openSync = (file, ...others) => {
        assert.notEqual(file, info.file)
        return openSync(file, ...others)
      }
      try {
        const other = await openPjrt({ file: info.file, cacheFolder: folder })
        await compute(constant(4))
        fs.copyFileSync(entryOf(constant(4)), entryOf(constant(1)))
        const executable = await other.compile(constant(1))
        const [result] = other.execute(executable, [])
        assert.deepEqual([...(await other.read(result!))], [4])
        other.dispose()
        fs.rmSync(entryOf(constant(4)))
      } finally {
        fs.openSync = openSync
      }
    })

    it('are compiled again when they are damaged, or the plugin does not take them', async () => {
      await compute(constant(3))
      const file = entryOf(constant(3))
      const whole = fs.readFileSync(file)
      fs.writeFileSync(file, whole.subarray(0, whole.length - 1))
      assert.equal(await compute(constant(3)), 3)
      assert.equal(fs.readFileSync(file).length, whole.length)
      const key = path.basename(file).replace('.program', '')
      for (const bytes of [0, 1, 1000]) {
        writeCachedProgram(folder, key, constant(3), { serialized: new Uint8Array(bytes).fill(7), memory: null })
        assert.equal(await compute(constant(3)), 3)
        assert.ok(fs.readFileSync(file).length > whole.length / 2)
      }
    })
  })
})
