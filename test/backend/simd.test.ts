import assert from 'node:assert/strict'
import { CpuBackend } from '../../src/backend/cpu/backend.js'
import { compileKernels } from '../../src/backend/cpu/kernelModule.js'
import type { KernelModule } from '../../src/backend/cpu/kernelModule.js'
import { firstDifference, probeResults } from '../../src/backend/cpu/probes.js'
import type { ProbeResults } from '../../src/backend/cpu/probes.js'
import { Runtime } from '../../src/backend/cpu/runtime.js'
import { chooseKernels } from '../../src/backend/cpu/simd.js'
import { ConfigError } from '../../src/errors.js'

async function probe(kernels: KernelModule, threads = 1): Promise<ProbeResults> {
  const runtime = await Runtime.start({ threads, kernels })
  try {
    const before = runtime.allocator.usedBytes
    const results = probeResults(new CpuBackend(runtime))
    assert.equal(runtime.allocator.usedBytes, before + scratchOf(runtime), 'memory that was not given back')
    return results
  } finally {
    await runtime.stop()
  }
}

/** Bytes of the threads' scratch, which stays. */
function scratchOf(runtime: Runtime): number {
  return runtime.scratch(0).stride * runtime.threads
}

describe('backend/cpu: width of vectors', () => {
  const { GRPO_TS_SIMD } = process.env
  afterEach(() => {
    if (GRPO_TS_SIMD === undefined) delete process.env.GRPO_TS_SIMD
    else process.env.GRPO_TS_SIMD = GRPO_TS_SIMD
  })

  it('chooses 256 bits where V8 has them, and says why not elsewhere', async () => {
    const { kernels, width, reason } = await chooseKernels({ simd: '256' })
    assert.equal(kernels.blockRows, width === '256' ? 6 : 2)
    assert.equal(reason === null, width === '256')
    const major = Number(process.versions.node.split('.')[0])
    if (major < 24) assert.match(reason!, /^vectors of 256 bits need Node 24 or newer, this is v\d/)
  })

  it('keeps to 128 bits when told to, by option or environment', async () => {
    for (const choice of [chooseKernels({ simd: '128' }), ((process.env.GRPO_TS_SIMD = '128'), chooseKernels())]) {
      const { kernels, width, reason } = await choice
      assert.deepEqual([kernels.blockRows, width, reason], [2, '128', null])
    }
  })

  it('refuses a width that there is not', () => {
    process.env.GRPO_TS_SIMD = '512'
    assert.throws(
      () => chooseKernels(),
      (error: Error) => {
        assert.ok(error instanceof ConfigError)
        return error.message.startsWith('GRPO_TS_SIMD is "512"; expected 128, 256, native')
      },
    )
  })

  it('gives the same bits at every width and number of threads, with blocks of two and of six rows', async () => {
    const plain = await compileKernels()
    const expected = await probe(plain)
    const { kernels } = await chooseKernels()
    for (const [module, threads] of [
      [plain, 2],
      [plain, 3],
      [{ ...plain, blockRows: 6 }, 1],
      [kernels, 1],
      [kernels, 2],
    ] as const) {
      assert.equal(firstDifference(expected, await probe(module, threads)), null)
    }
  })

  it('sees a module that rounds otherwise', async () => {
    const [fused, separate] = [await compileKernels(), await compileKernels(false)]
    if (!fused.fusedMultiplyAdd) return
    const difference = firstDifference(await probe(fused), await probe(separate))
    // A processor without a fused instruction rounds twice in both.
    assert.ok(difference === null || difference.startsWith('product of 1 rows'), difference ?? '')
  })
})
