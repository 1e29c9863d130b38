import { measurePeak } from '../src/backend/cpu/peak.js'
import { formatTable, threeDigits } from '../src/cli/terminal/table.js'
import type { Backends } from './backends.js'
import { rounded } from './report.js'
import type { Report } from './report.js'

const MILLISECONDS = 300

/** GFLOP/s of multiply-adds on 128-bit vectors, by number of threads. It grows when a later measurement finds more. */
export type Peaks = Map<number, number>

/** Measures the machine's peak on each number of threads: a loop of multiply-adds that touches no memory. */
export async function measurePeaks(backends: Backends): Promise<Peaks> {
  const peaks: Peaks = new Map()
  for (const threads of backends.threads) peaks.set(threads, measurePeak(await backends.use(threads), MILLISECONDS))
  return peaks
}

/** Writes the peaks as they are known at the end of the kernels' measurements. */
export function reportPeaks(peaks: Peaks, report: Report): void {
  for (const [threads, gflops] of peaks) report.record({ benchmark: 'peak', threads, gflops: rounded(gflops) })
  const table = formatTable(
    [
      { heading: 'threads', text: ([threads]) => String(threads) },
      { heading: 'GFLOP/s', text: ([, gflops]) => threeDigits(gflops) },
    ],
    [...peaks],
  )
  report.table('Peak: multiply-adds on 128-bit vectors in registers', table)
}
