import { measurePeak } from '../src/backend/cpu/peak.js'
import { formatTable } from '../src/cli/terminal/table.js'
import { runKernel } from '../src/ops/kernel.js'
import { linear } from '../src/ops/linear.js'
import { formatBytes } from '../src/quantization/weightFormat.js'
import type { Backends } from './backends.js'
import type { Peaks } from './peak.js'
import { simdColumns } from './simd.js'
import { formatOf, randomMatrix, randomWeight } from './randomValues.js'
import type { WeightKind } from './randomValues.js'
import { numberOf, percentOf, rounded } from './report.js'
import type { BenchRecord } from './report.js'
import { bestMilliseconds } from './timing.js'
import type { LinearShape, TorchMatmul } from './torch.js'

/** What is measured of `linear`. */
export interface LinearSizes {
  /** Weights as [in, out]. */
  readonly weights: readonly (readonly [width: number, out: number])[]
  readonly rows: readonly number[]
  readonly dtypes: readonly WeightKind[]
  /** How long to measure each, in milliseconds. */
  readonly milliseconds: number
}

/** The layers of SmolLM2-135M: q and o, k and v, gate and up, down, and the lm_head. */
export const smolLM2Sizes: LinearSizes = {
  weights: [
    [576, 576],
    [576, 192],
    [576, 1536],
    [1536, 576],
    [576, 49152],
  ],
  rows: [1, 8, 16, 64, 512],
  dtypes: ['bfloat16', 'float32', 'int8', 'int4'],
  milliseconds: 150,
}

const PEAK_MILLISECONDS = 10

interface LinearResult extends LinearShape {
  readonly dtype: WeightKind
  readonly threads: number
  readonly milliseconds: number
  readonly gflops: number
  readonly torchGflops: number | null
}

/**
 * Measures `linear` forward and backward. The numbers of threads, the dtypes and torch take turns on each shape, and the peak is
 * measured again each time, so that a change of the machine's speed meets all of them.
 * @returns a record of each measurement
 */
export async function measureLinear(
  backends: Backends,
  torch: TorchMatmul | null,
  peaks: Peaks,
  sizes: LinearSizes,
  progress: (what: string) => void,
): Promise<BenchRecord[]> {
  const results: LinearResult[] = []
  for (const [width, out] of sizes.weights) {
    for (const rows of sizes.rows) {
      for (const direction of ['forward', 'backward'] as const) {
        const shape = { rows, width, out, direction }
        progress(`linear ${direction}, ${rows} × ${width}→${out}`)
        for (const threads of backends.threads) {
          const runtime = await backends.use(threads)
          peaks.set(threads, Math.max(peaks.get(threads) ?? 0, measurePeak(runtime, PEAK_MILLISECONDS)))
          const torchGflops = torch && (await torch.measure(shape, threads, sizes.milliseconds))
          for (const dtype of sizes.dtypes) {
            const milliseconds = measureProduct(shape, dtype, sizes.milliseconds)
            const gflops = (2 * rows * width * out) / milliseconds / 1e6
            results.push({ ...shape, dtype, threads, milliseconds, gflops, torchGflops })
          }
        }
      }
    }
  }
  return results.map((result) => linearRecord(result, results, peaks))
}

function measureProduct({ rows, width, out, direction }: LinearShape, dtype: WeightKind, budget: number): number {
  const weight = randomWeight(out, width, dtype)
  const x = randomMatrix(rows, direction === 'forward' ? width : out)
  try {
    return bestMilliseconds(() => {
      const product =
        direction === 'forward'
          ? linear(x, weight, null, null)
          : runKernel('LinearInputGradient', { dy: x }, {}, { weight })
      product.dispose()
    }, budget)
  } finally {
    x.dispose()
    weight.dispose()
  }
}

function linearRecord(result: LinearResult, results: readonly LinearResult[], peaks: Peaks): BenchRecord {
  const { rows, width, out, direction, dtype, threads, milliseconds, gflops, torchGflops } = result
  const single = results.find((other) => {
    const sameShape = other.rows === rows && other.width === width && other.out === out
    return sameShape && other.direction === direction && other.dtype === dtype && other.threads === 1
  })
  return {
    benchmark: 'linear',
    direction,
    rows,
    in: width,
    out,
    dtype,
    threads,
    ms: rounded(milliseconds),
    gflops: rounded(gflops),
    weight_gb_per_s: rounded(formatBytes([out, width], formatOf(dtype)) / milliseconds / 1e6),
    share_of_peak: rounded(gflops / peaks.get(threads)!),
    torch_gflops: torchGflops && rounded(torchGflops),
    ratio_vs_torch: torchGflops && rounded(gflops / torchGflops),
    speedup_vs_1_thread: single && threads > 1 ? rounded(gflops / single.gflops) : null,
  }
}

/** The table of the records of {@link measureLinear}. */
export function linearTable(records: readonly BenchRecord[]): string {
  return formatTable<BenchRecord>(
    [
      { heading: 'direction', text: ({ direction }) => String(direction), left: true },
      { heading: 'rows', text: ({ rows }) => String(rows) },
      { heading: 'in→out', text: (record) => `${String(record.in)}→${String(record.out)}`, left: true },
      { heading: 'dtype', text: ({ dtype }) => String(dtype), left: true },
      { heading: 'threads', text: ({ threads }) => String(threads) },
      ...simdColumns(records),
      { heading: 'ms', text: numberOf('ms') },
      { heading: 'GFLOP/s', text: numberOf('gflops') },
      { heading: 'of peak', text: percentOf('share_of_peak') },
      // For few rows the speed is that of reading the weight.
      {
        heading: 'weight GB/s',
        text: (record) => ((record.rows as number) <= 16 ? numberOf('weight_gb_per_s')(record) : null),
      },
      { heading: 'torch f32', text: numberOf('torch_gflops') },
      { heading: '× torch', text: numberOf('ratio_vs_torch') },
      { heading: '× 1 thread', text: numberOf('speedup_vs_1_thread') },
    ],
    records,
  )
}
