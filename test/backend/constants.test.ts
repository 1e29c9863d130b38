import assert from 'node:assert/strict'
import fs from 'node:fs'
import * as constants from '../../src/backend/cpu/constants.js'
import { compileKernels } from '../../src/backend/cpu/kernelModule.js'
import { Runtime } from '../../src/backend/cpu/runtime.js'

const { fround } = Math

/** a · b + c, rounded once: the float64 sum is rounded to odd, so that rounding it again to float32 gives what one rounding does. */
function fused(a: number, b: number, c: number): number {
  const product = a * b // 48 bits, exact
  const sum = product + c
  const back = sum - product
  const error = product - (sum - back) + (c - back)
  if (error === 0 || !Number.isFinite(error)) return fround(sum)
  const bits = new BigInt64Array(new Float64Array([sum]).buffer)
  if ((bits[0]! & 1n) === 0n) bits[0]! += error > 0 === sum > 0 ? 1n : -1n
  return fround(new Float64Array(bits.buffer)[0]!)
}

function separate(a: number, b: number, c: number): number {
  return fround(fround(a * b) + c)
}

const [log2E, ln2High, ln2Low] = [fround(1.44269504), 0.693359375, fround(-2.1219444e-4)]
const polynomial = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1]
const [lowest, highest] = [fround(-87.33654), fround(88.72283)]

/** The formula of assembly/exp.ts in float32 arithmetic. */
function exp(x: number, madd: typeof fused): number {
  if (Number.isNaN(x) || x > highest) return x * Infinity
  if (x < lowest) return 0
  const shifted = madd(x, log2E, 12582912)
  const n = fround(shifted - 12582912)
  const r = madd(n, -ln2Low, madd(n, -ln2High, x))
  const p = polynomial.map(fround).reduce((sum, coefficient) => madd(sum, r, coefficient))
  const mantissa = fround(madd(p, fround(r * r), r) + 1)
  const bits = new Int32Array(new Float32Array([mantissa, shifted]).buffer)
  bits[0]! += bits[1]! << 23
  return new Float32Array(bits.buffer)[0]!
}

/** e^x by the kernel that uses it with the fewest other operations: the gradient of a log-softmax, −e^x · (−1). */
function kernelExp(runtime: Runtime, inputs: Float32Array): Float32Array {
  const { allocator, args, floatArgs } = runtime
  const values = allocator.allocate(inputs.byteLength)
  const row = allocator.allocate(64)
  const memory = new Float32Array(allocator.memory.buffer)
  memory.set(inputs, values / 4)
  memory.fill(0, row / 4, row / 4 + 16)
  // At `row`: maximum, log Σ, entropy, gradient of the entropy, all 0; then the gradient of the log-probability; then no target.
  memory[row / 4 + 4] = -1
  new Int32Array(allocator.memory.buffer)[row / 4 + 5] = -1
  args.set([values, 1, inputs.length, 0, row + 20, 0, 1, 0, 0, 0, row + 8, row, row + 16, row + 12])
  floatArgs[5] = 1
  runtime.run(constants.KernelId.logSoftmaxGradient, 1, 0)
  const result = memory.slice(values / 4, values / 4 + inputs.length)
  allocator.release(values)
  allocator.release(row)
  return result
}

function inputs(): Float32Array {
  const special = [0, -0, 1, -1, NaN, 1e-45, -1e-45, 1e-40, 1e-30, lowest, highest, -99.9, -1000, -Infinity]
  const nearEnds = [lowest, highest, 0.34657359, 87.5, 88].flatMap((x) =>
    [-2, -1, 0, 1, 2].map((steps) => fround(x * (1 + steps * 2 ** -23))),
  )
  let state = 1
  const random = Array.from({ length: 20_000 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state / 2 ** 32 - 0.5) * 180
  })
  // A whole number of vectors and three more, which go through the remainder of the loop.
  return Float32Array.from([...special, ...nearEnds, ...random, 1.5, -2.5, 3.5])
}

describe('backend/cpu: constants of kernels', () => {
  it('are exported by the module as its callers have them', async () => {
    // The other module is compiled from the same source.
    const bytes = fs.readFileSync(new URL('../../dist/kernels.wasm', import.meta.url))
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true })
    const { instance } = await WebAssembly.instantiate(bytes, {
      env: { memory, abort: () => undefined, clock: () => 0, nativeTiles: () => undefined },
    })
    const { KernelId, ...numbers } = constants
    const kernels = Object.entries(KernelId).map(([kernel, id]) => [`KernelId.${kernel}`, id])
    const exported = Object.entries(instance.exports).flatMap(([key, value]) =>
      value instanceof WebAssembly.Global ? [[key, value.value as number]] : [],
    )
    assert.deepEqual(Object.fromEntries(exported), Object.fromEntries([...kernels, ...Object.entries(numbers)]))
  })

  for (const fusedMultiplyAdd of [false, true]) {
    it(`exp has the bits of its formula, ${fusedMultiplyAdd ? 'fused' : 'rounding twice'}`, async () => {
      const runtime = await Runtime.start({ threads: 1, kernels: await compileKernels(fusedMultiplyAdd) })
      try {
        const given = inputs()
        const actual = kernelExp(runtime, given)
        // The kernel takes nothing below −100.
        const expected = (madd: typeof fused): Float32Array =>
          Float32Array.from(given, (x) => exp(x < -100 ? -100 : x, madd))
        // A processor without a fused instruction rounds twice in both modules.
        const candidates = runtime.fusedMultiplyAdd ? [expected(fused), expected(separate)] : [expected(separate)]
        const differing = candidates.map((values) => [...values.keys()].filter((i) => !Object.is(values[i], actual[i])))
        const best = differing.sort((x, y) => x.length - y.length)[0]!
        assert.deepEqual(
          best.map((i) => [given[i], actual[i]]),
          [],
        )
      } finally {
        await runtime.stop()
      }
    })
  }

  for (const name of ['kernels.wasm', 'kernels-fma.wasm']) {
    // V8 (Node 24 and later) makes a constant vector anew at each use within a loop: `peak` came out four times too low.
    it(`${name}: the vectors that loops of exp, peak and bfloat16 weights use are no constants of the code`, () => {
      const code = fs.readFileSync(new URL(`../../dist/${name}`, import.meta.url))
      const words = new Uint32Array(Float32Array.from([log2E, 12582912, 0.5]).buffer)
      for (const word of [...words, 0xffff0000]) {
        const vector = Buffer.from(new Uint32Array([word, word, word, word]).buffer)
        const constant = Buffer.concat([Buffer.from([0xfd, 0x0c]), vector]) // v128.const
        assert.equal(code.indexOf(constant), -1, `v128.const of four 0x${word.toString(16)}`)
      }
    })
  }
})
