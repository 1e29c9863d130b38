import assert from 'node:assert/strict'
import { run } from '../run.js'

describe('cli/doctor', () => {
  it('says what is here, which backends work and which one is taken', async () => {
    const { code, stdout } = await run(['doctor'])
    assert.equal(code, 0)
    for (const line of [
      /^grpo-ts \d/m,
      /^Node\.js +v\d+\.\d+\.\d+ on \w+ \w+$/m,
      /^CPU .*, \d+ cores$/m,
      /^memory +[\d.]+ GiB/m,
      /^WebAssembly +SIMD yes, threads yes, relaxed SIMD (yes|no)$/m,
      /^cpu +works: WebAssembly SIMD .*; matrix product [\d.e+]+ GFLOP\/s$/m,
      /^reference +works: .*; matrix product [\d.]+ GFLOP\/s$/m,
      /^auto +takes cpu: the fastest backend that works here/m,
    ]) {
      assert.match(stdout, line)
    }
  })
})
