import { measurePeak } from '../src/backend/cpu/peak.js'
import { formatTable } from '../src/cli/terminal/table.js'
import type { Backends } from './backends.js'
import { simdColumns } from './simd.js'
import { numberOf, rounded } from './report.js'
import type { BenchRecord } from './report.js'

const MILLISECONDS = 300

/** GFLOP/s of multiply-adds on vectors as wide as the kernels', by number of threads. It grows when a later measurement finds more. */
export type Peaks = Map<number, number>

/** Measures the machine's peak on each number of threads: a loop of multiply-adds that touches no memory. */
export async function measurePeaks(backends: Backends): Promise<Peaks> {
  const peaks: Peaks = new Map()
  for (const threads of backends.threads) peaks.set(threads, measurePeak(await backends.use(threads), MILLISECONDS))
  return peaks
}

/** Records of the peaks as they are known at the end of the kernels' measurements. */
export function peakRecords(peaks: Peaks): BenchRecord[] {
  return [...peaks].map(([threads, gflops]) => ({ benchmark: 'peak', threads, gflops: rounded(gflops) }))
}

/** The table of {@link peakRecords}. */
export function peakTable(records: readonly BenchRecord[]): string {
  return formatTable<BenchRecord>(
    [
      { heading: 'threads', text: ({ threads }) => String(threads) },
      ...simdColumns(records),
      { heading: 'GFLOP/s', text: numberOf('gflops') },
    ],
    records,
  )
}
