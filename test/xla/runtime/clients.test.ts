import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { EngineError } from '../../../src/errors.js'
import { findAddons } from '../../../src/io/nativeAddon.js'
import { compileFor } from '../../../src/xla/runtime/aheadOfTime.js'
import { openPjrt } from '../../../src/xla/runtime/pjrt.js'
import { findPlugin, missingPlugin } from '../../../src/xla/setup/installed.js'
import { temporaryFolder } from '../../fixtures/tinyModel.js'
import { requirePlugin, requirePluginAlone } from '../plugin.js'

const [addon] = findAddons('pjrt-')
const header = path.resolve(import.meta.dirname, '../../../native/pjrt')
const program = { name: 'p', text: 'module @p { func.func public @main() { return } }', inputs: [], outputs: [] }

function is(message: RegExp) {
  return (error: unknown) => error instanceof EngineError && message.test(error.message)
}

/** A shared library with the function GetPjrtApi. Skips the running test where there is no C compiler. */
function compilePlugin(test: Mocha.Context, body: string): string {
  const [source, file] = ['plugin.c', 'plugin.so'].map((name) => path.join(temporaryFolder(), name)) as [string, string]
  fs.writeFileSync(source, `#include "pjrt_c_api.h"\n${body}\n`)
  const { status } = spawnSync('cc', ['-shared', '-fPIC', '-I', header, '-o', file, source], { stdio: 'ignore' })
  if (status === 0) return file
  console.log('      skipped: there is no C compiler')
  test.skip()
}

describe('xla/runtime: opening plugins', () => {
  it('refuses files that are none', async function () {
    if (process.platform !== 'linux' || addon === undefined) this.skip()
    const folder = temporaryFolder()
    const file = path.join(folder, 'plugin.so')
    await assert.rejects(openPjrt({ file }), is(/plugin\.so cannot be read: ENOENT/))
    await assert.rejects(openPjrt({ file: folder }), is(/is no file/))
    const whole = fs.readFileSync(addon)
    const changed = (offset: number, value: number): Buffer => {
      const bytes = Buffer.from(whole)
      bytes[offset] = value
      return bytes
    }
    for (const [bytes, message] of [
      [Buffer.alloc(0), /is no shared library/],
      [Buffer.from('#!/bin/sh\n'.repeat(100)), /is no shared library/],
      [changed(4, 1), /is no shared library/],
      [changed(16, 2), /is no shared library/],
      [changed(18, 3), /is for another processor; expected one for/],
      [whole.subarray(0, 40), /is no shared library|is cut off/],
      [whole.subarray(0, 64), /is cut off: it has 64 of at least \d+ bytes/],
      [whole.subarray(0, whole.length >> 1), /is cut off/],
      [whole.subarray(0, whole.length - 1), /is cut off/],
    ] as const) {
      fs.writeFileSync(file, bytes)
      await assert.rejects(openPjrt({ file }), is(message))
      await assert.rejects(compileFor(file, '', program), is(message))
    }
    fs.writeFileSync(file, whole)
    await assert.rejects(openPjrt({ file }), is(/it is no PJRT plugin: it has no function GetPjrtApi/))
  })

  it('refuses a plugin of another interface, or one too old', async function () {
    const empty = compilePlugin(this, 'const PJRT_Api* GetPjrtApi(void) { return 0; }')
    await assert.rejects(openPjrt({ file: empty }), is(/GetPjrtApi returns no interface/))
    const version = (major: number, size: string): string => `
      static PJRT_Api api = {.struct_size = ${size}, .pjrt_api_version = {.major_version = ${major}, .minor_version = 7}};
      const PJRT_Api* GetPjrtApi(void) { return &api; }`
    const other = compilePlugin(this, version(1, 'sizeof(PJRT_Api)'))
    await assert.rejects(openPjrt({ file: other }), is(/it speaks version 1\.7 of the PJRT interface, expected 0\.x/))
    const nothing = compilePlugin(this, version(0, 'sizeof(PJRT_Api)'))
    await assert.rejects(
      openPjrt({ file: nothing }),
      is(/its version 0\.7 .* is too old: it has no PJRT_Error_Destroy/),
    )
    const short = compilePlugin(this, version(0, 'offsetof(PJRT_Api, PJRT_Error_Destroy)'))
    await assert.rejects(compileFor(short, '', program), is(/is too old: it has no PJRT_Error_Destroy/))
    const failing = compilePlugin(
      this,
      `extern void missing(void); const PJRT_Api* GetPjrtApi(void) { missing(); return 0; }`,
    )
    await assert.rejects(openPjrt({ file: failing }), is(/undefined symbol: missing \(NOT_FOUND\)/))
  })

  it('goes on in another thread once this one has ended it, and not before', async function () {
    const file = await requirePluginAlone(this)
    const inWorker = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const worker = new Worker(new URL('openInWorker.mjs', import.meta.url), { workerData: file })
        let said = 'nothing'
        worker.on('message', (message: string) => (said = message))
        worker.on('error', reject)
        worker.on('exit', () => {
          resolve(said)
        })
      })
    const runner = await openPjrt({ file })
    assert.match(await inWorker(), /it is open in another thread of this process/)
    runner.dispose()
    // The first one ended without closing it.
    assert.match(await inWorker(), /^PJRT 0\./)
    assert.match(await inWorker(), /^PJRT 0\./)
    const again = await openPjrt({ file })
    assert.equal(again.info.compiler, runner.info.compiler)
    again.dispose()
  })

  it('passes over what is only for GPUs', async function () {
    const client = { allocator: 'bfc', memoryFraction: 0.5, preallocate: false, visibleDevice: 0 } as const
    const runner = await openPjrt({
      file: await requirePluginAlone(this),
      client,
      libraries: ['nowhere.so'],
    })
    await runner.compile(program)
    runner.dispose()
  })

  it('says that there is no GPU', async function () {
    const plugin = findPlugin('cuda12', {
      variables: { ...process.env, GRPO_TS_XLA_PLUGIN: process.env.GRPO_TS_CUDA_PLUGIN },
    })
    if (plugin === null || fs.existsSync('/dev/nvidiactl')) {
      console.log(`      skipped: ${plugin ? 'there is a GPU' : missingPlugin('cuda12')}`)
      this.skip()
    }
    await assert.rejects(openPjrt(plugin), is(/cannot be opened as a plugin of XLA: No visible GPU devices/))
    // It still compiles for one.
    await assert.rejects(compileFor(plugin.file, 'x', program), is(/Failed to parse GpuTargetConfigProto/))
  })

  it('says so when a plugin cannot compile for a GPU that is not there', async function () {
    await assert.rejects(compileFor(requirePlugin(this), 'x', program), is(/the program p cannot be compiled by /))
  })
})
