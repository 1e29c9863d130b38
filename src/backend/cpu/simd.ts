import v8 from 'node:v8'
import { ConfigError } from '../../errors.js'
import { CpuBackend } from './backend.js'
import { gemm, PanelMode } from './gemm.js'
import { compileKernels, kernelBytes } from './kernelModule.js'
import type { KernelModule } from './kernelModule.js'
import { findNativeKernels } from './native.js'
import { firstDifference, probeResults } from './probes.js'
import type { ProbeResults } from './probes.js'
import { Runtime } from './runtime.js'

/**
 * What the cpu backend can compute with: WebAssembly's vectors, those of V8's revectorizer, and native code with the vectors that the
 * processor has.
 */
export const simdWidths = ['128', '256', 'native'] as const
export type SimdWidth = (typeof simdWidths)[number]

/** Kernels and why it is these. */
export interface ChosenKernels {
  readonly kernels: KernelModule
  readonly width: SimdWidth
  /** Why it is nothing faster; null where nothing faster was asked for. */
  readonly reason: string | null
}

const chosen = new Map<string, Promise<ChosenKernels>>()

/**
 * The fastest kernels that compute the same bits as those for 128 bits on this machine. All of them give the same results, so that it
 * does not matter for a run which ones computed it.
 * @throws EngineError when no kernels run here, ConfigError for a width that there is not
 */
export function chooseKernels(
  options: {
    /** Fuse products and sums. Defaults to true where the engine can. */
    fusedMultiplyAdd?: boolean
    /** Use nothing faster than this. Defaults to the environment variable GRPO_TS_SIMD, and to the fastest. */
    simd?: SimdWidth | undefined
  } = {},
): Promise<ChosenKernels> {
  const { fusedMultiplyAdd = true, simd = widthOf(process.env.GRPO_TS_SIMD) } = options
  const key = `${fusedMultiplyAdd} ${simd}`
  const known = chosen.get(key)
  if (known) return known
  const choice = choose(fusedMultiplyAdd, simd)
  chosen.set(key, choice)
  return choice
}

function widthOf(value: string | undefined): SimdWidth | undefined {
  if (value === undefined || value === '') return undefined
  const width = simdWidths.find((name) => name === value)
  if (width) return width
  throw new ConfigError(`GRPO_TS_SIMD is ${JSON.stringify(value)}; expected ${simdWidths.join(', ')}`)
}

async function choose(fusedMultiplyAdd: boolean, simd: SimdWidth | undefined): Promise<ChosenKernels> {
  const kernels = await compileKernels(fusedMultiplyAdd)
  if (simd === '128') return { kernels, width: '128', reason: null }
  if (!kernels.fusedMultiplyAdd) return { kernels, width: '128', reason: 'anything faster needs fused multiply-add' }
  const reasons: string[] = []
  let known: Promise<ProbeResults> | null = null
  const reference = (): Promise<ProbeResults> =>
    (known ??= withProbe(kernels, (runtime) => probeResults(new CpuBackend(runtime))))
  if (simd !== '256') {
    const native = await tryNative(kernels, reference)
    if (typeof native !== 'string') return { kernels: native, width: 'native', reason: null }
    reasons.push(native)
  }
  const joined = obstacleOf256() ?? (await compileJoined(kernels, reference))
  if (typeof joined !== 'string') return { kernels: joined, width: '256', reason: reasons[0] ?? null }
  return { kernels, width: '128', reason: [...reasons, joined].join('; ') }
}

/** The module with the fastest native kernels that give the bits of the module, or what speaks against all of them. */
async function tryNative(plain: KernelModule, reference: () => Promise<ProbeResults>): Promise<KernelModule | string> {
  const found = findNativeKernels()
  if (typeof found === 'string') return found
  const expected = await reference()
  const problems: string[] = []
  for (const native of found) {
    const kernels = { ...plain, native }
    const difference = await withProbe(kernels, (runtime) =>
      firstDifference(expected, probeResults(new CpuBackend(runtime))),
    )
    if (difference === null) return kernels
    problems.push(`native kernels for ${native.set} give other results (${difference})`)
  }
  return problems.join('; ')
}

/** The first V8 whose revectorizer knows fused multiply-adds: that of Node 24. */
const FIRST_V8 = [13, 6]

/** Why V8 does not join vectors here; null where it can. */
function obstacleOf256(): string | null {
  const [major = 0, minor = 0] = process.versions.v8.split('.').map(Number)
  if (major < FIRST_V8[0]! || (major === FIRST_V8[0] && minor < FIRST_V8[1]!)) {
    return `vectors of 256 bits need Node 24 or newer, this is ${process.version}`
  }
  if (process.arch !== 'x64') return `V8 has vectors of 256 bits on x64 only, this is ${process.arch}`
  if (process.platform === 'darwin') return 'Node is built without vectors of 256 bits on macOS'
  return null
}

/** Bytes of code that a function runs before V8 optimises it; the default of Node 24 and 26, and one that is used up at once. */
const TIERING_BUDGET = { default: 13_000_000, immediate: 1000 }

/**
 * Compiles the kernels with V8's revectorizer, an experimental part of its optimising compiler. What that made is compared, bit by bit,
 * with what the module for 128 bits gives.
 * @returns what speaks against it, when its results differ or it is not faster
 */
async function compileJoined(
  plain: KernelModule,
  reference: () => Promise<ProbeResults>,
): Promise<KernelModule | string> {
  const expected = await reference()
  v8.setFlagsFromString('--experimental-wasm-revectorize')
  // While the kernels are tried, V8 optimises what was called once, and waits for it: what is compared is what will run.
  v8.setFlagsFromString('--wasm-sync-tier-up')
  v8.setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET.immediate}`)
  try {
    const module = await WebAssembly.compile(marked(kernelBytes(true).bytes))
    const joined: KernelModule = { ...plain, module, blockRows: 6 }
    const problem = await withProbe(joined, (runtime) => {
      const backend = new CpuBackend(runtime)
      for (let round = 0; round < OPTIMISING_ROUNDS; round++) probeResults(backend)
      const difference = firstDifference(expected, probeResults(backend))
      if (difference !== null) return `V8's vectors of 256 bits give other results (${difference})`
      return isFaster(runtime) ? null : 'this processor has no vectors of 256 bits (AVX2), or V8 does not use them'
    })
    if (problem === null) return joined
    v8.setFlagsFromString('--no-experimental-wasm-revectorize')
    return problem
  } finally {
    v8.setFlagsFromString('--no-wasm-sync-tier-up')
    v8.setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET.default}`)
  }
}

/** Rounds after which everything that a probe calls is optimised. */
const OPTIMISING_ROUNDS = 2

/** The module with a custom section of no meaning: V8 would take the code of equal bytes from its cache, which is not joined. */
function marked(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode('joined')
  return Uint8Array.from([...bytes, 0, name.length + 1, name.length, ...name])
}

/** Pages of 64 KiB of the memory on which kernels are tried. */
const PROBE_PAGES = 256

async function withProbe<T>(kernels: KernelModule, body: (runtime: Runtime) => T): Promise<T> {
  const runtime = await Runtime.start({ threads: 1, kernels, memoryPages: PROBE_PAGES })
  try {
    return body(runtime)
  } finally {
    await runtime.stop()
  }
}

/**
 * Whether blocks of six rows are faster than those of two: about twice as fast on vectors of 256 bits, half as fast on 128 bits, for
 * which they are too large.
 */
function isFaster(runtime: Runtime): boolean {
  const [rows, columns, depth] = [48, 32, 256]
  const a = runtime.allocator.allocate(rows * depth * 4)
  const b = runtime.allocator.allocate(columns * depth * 4)
  const c = runtime.allocator.allocate(rows * columns * 4)
  const product = { a, aRowStride: depth * 4, aDepthStride: 4, b, mode: PanelMode.float32Panels, c }
  const milliseconds = (blockRows: number): number => {
    runtime.setBlockRows(blockRows)
    let best = Infinity
    for (let i = 0; i < 20; i++) {
      const started = performance.now()
      gemm(runtime, { ...product, cRowStride: columns * 4, rows, columns, depth })
      best = Math.min(best, performance.now() - started)
    }
    return best
  }
  return milliseconds(6) < milliseconds(2)
}
