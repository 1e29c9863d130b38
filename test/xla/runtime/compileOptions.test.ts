import assert from 'node:assert/strict'
import { compileOptions, compileWithFlags, platformFlags } from '../../../src/xla/runtime/compileOptions.js'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('xla/runtime: compile options', () => {
  it('are a CompileOptionsProto', () => {
    // Field 3: device_ordinal −1, num_replicas 1, num_partitions 1.
    assert.equal(hex(compileOptions({})), '1a0f08ffffffffffffffffff0120012801')
    const name = (text: string): string =>
      `0a${Buffer.from([text.length]).toString('hex')}${Buffer.from(text).toString('hex')}`
    const override = (text: string, value: string): string => {
      const entry = `${name(text)}12${Buffer.from([value.length / 2]).toString('hex')}${value}`
      return `3a${Buffer.from([entry.length / 2]).toString('hex')}${entry}`
    }
    const flags = { t: 'text', b: true, n: 300, f: 0.5 }
    const expected = ['0a0474657874', '1001', '18ac02', '21000000000000e03f']
    const all = Object.keys(flags).map((key, i) => override(key, expected[i]!))
    assert.equal(hex(compileOptions(flags)).slice(34), all.join(''))
  })

  it('are left out where the plugin does not have those of the platform', async () => {
    const asked: string[] = []
    const compile = (missing: readonly string[]) => (options: Uint8Array) => {
      const text = Buffer.from(options).toString('latin1')
      asked.push(text)
      const refused = missing.find((flag) => text.includes(flag))
      return refused ? Promise.reject(new Error(`No such compile option: '${refused}'`)) : Promise.resolve(text)
    }
    const own = Object.keys(platformFlags('cuda'))
    assert.ok(own.length > 1)
    const compiled = await compileWithFlags('cuda', { mine: 1 }, compile(own))
    assert.equal(asked.length, own.length + 1)
    assert.ok(compiled.includes('mine') && !own.some((flag) => compiled.includes(flag)))
    assert.ok(own.every((flag) => asked[0]!.includes(flag)))
    // What was asked for by somebody is not left out.
    await assert.rejects(compileWithFlags('cuda', { mine: 1 }, compile(['mine'])), /'mine'/)
    await assert.rejects(compileWithFlags('cuda', { [own[0]!]: true }, compile([own[0]!])), /No such compile option/)
    assert.deepEqual(platformFlags('cpu'), {})
  })
})
