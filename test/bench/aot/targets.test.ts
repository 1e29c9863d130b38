import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { findTarget, readTargets } from '../../../bench/aot/targets.js'
import { ConfigError, FileFormatError } from '../../../src/errors.js'

const CHUNK_BYTES = 2 ** 22

function description(name: string, platform = 'CUDA'): string {
  return `gpu_device_info {\n  core_count: 84\n  device_memory_size: 51041271808\n}\nplatform_name: "${platform}"\ndevice_description_str: "${name}"\n`
}

describe('cards to compile for', () => {
  let folder: string
  let file: string

  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-targets-'))
    file = path.join(folder, 'plugin.so')
  })

  after(() => {
    fs.rmSync(folder, { recursive: true })
  })

  /** A plugin's file with texts at given places, each ended by a zero, among bytes that are no text. */
  function writePlugin(texts: readonly [at: number, text: string][], size = CHUNK_BYTES + 4096): void {
    const bytes = Buffer.alloc(size, 0xfe)
    for (const [at, text] of texts) bytes.write(`${text}\0`, at)
    fs.writeFileSync(file, bytes)
  }

  it("reads NVIDIA's cards and nothing else", () => {
    writePlugin([
      [10, description('NVIDIA RTX A6000')],
      [1000, description('MI300X', 'ROCM')],
      [2000, 'gpu_device_info must be empty'],
      [3000, description('NVIDIA B200')],
    ])
    assert.deepEqual(readTargets(file), [
      { name: 'NVIDIA B200', memory: 51041271808, text: description('NVIDIA B200') },
      { name: 'NVIDIA RTX A6000', memory: 51041271808, text: description('NVIDIA RTX A6000') },
    ])
  })

  it('reads a text wherever the pieces of the file meet in it', () => {
    const text = description('NVIDIA A100')
    for (const before of [0, 1, 10, 17, 18, 19, 60, text.length, text.length + 1]) {
      writePlugin([[CHUNK_BYTES - before, text]])
      assert.deepEqual(
        readTargets(file).map((target) => target.text),
        [text],
        `${before} bytes before the border`,
      )
    }
  })

  it('passes over a beginning without an end', () => {
    writePlugin([[CHUNK_BYTES + 2 ** 17, description('NVIDIA A100')]], 2 * CHUNK_BYTES)
    const bytes = fs.readFileSync(file)
    bytes.write('gpu_device_info {\n', 5)
    fs.writeFileSync(file, bytes)
    assert.deepEqual(
      readTargets(file).map(({ name }) => name),
      ['NVIDIA A100'],
    )
  })

  it('refuses a file without cards', () => {
    writePlugin([])
    assert.throws(() => readTargets(file), FileFormatError)
  })

  it('finds a card by a part of its name, the usual one among several', () => {
    const targets = ['NVIDIA A100-SXM4-40GB', 'NVIDIA A100-SXM4-80GB', 'NVIDIA B200', 'NVIDIA GB200'].map((name) => ({
      name,
      memory: 1,
      text: description(name),
    }))
    assert.equal(findTarget(targets, 'a100').name, 'NVIDIA A100-SXM4-80GB')
    assert.equal(findTarget(targets, 'NVIDIA B200').name, 'NVIDIA B200')
    assert.equal(findTarget(targets, 'GB200').name, 'NVIDIA GB200')
    assert.throws(() => findTarget(targets, 'B2'), {
      name: 'ConfigError',
      message: /several cards.*NVIDIA B200, NVIDIA GB200/,
    })
    assert.throws(() => findTarget(targets, 'T4'), ConfigError)
  })
})
