import { startBackends } from './backends.js'
import { linearTable, measureLinear, smolLM2Sizes } from './linear.js'
import { fixedWorkloadSizes, measureOps, opsTable } from './ops.js'
import { measurePeaks, peakRecords, peakTable } from './peak.js'
import type { BenchRecord, Report } from './report.js'
import { besideEachOther, kernelsOf } from './simd.js'
import { startTorch } from './torch.js'

/** What is measured of kernels, whatever the workload. */
export interface KernelsJob {
  readonly part: 'peak' | 'kernels'
  /** To compare. */
  readonly threads: readonly number[]
  /** A Python, perhaps with torch. */
  readonly python: string
  /** A few small sizes only. */
  readonly quick: boolean
}

const quickLinear = { ...smolLM2Sizes, weights: smolLM2Sizes.weights.slice(2, 4), rows: [16, 512], milliseconds: 30 }
const quickOps = { ...fixedWorkloadSizes, groups: 1, vocabularySize: 4096, milliseconds: 30 }

/** Measures the peak, and the kernels beside torch's products where the Python has it, with the kernels that this process uses. */
export async function measureKernels(
  { part, threads, python, quick }: KernelsJob,
  progress: (what: string) => void,
): Promise<BenchRecord[]> {
  const backends = await startBackends(threads)
  const peaks = await measurePeaks(backends)
  const records: BenchRecord[] = []
  if (part === 'kernels') {
    const torch = await startTorch(python)
    progress(torch ? `comparing with torch ${torch.version}` : `${python} has no torch to compare with`)
    records.push(...(await measureLinear(backends, torch, peaks, quick ? quickLinear : smolLM2Sizes, progress)))
    torch?.stop()
    records.push(...(await measureOps(backends, peaks, quick ? quickOps : fixedWorkloadSizes, progress)))
  }
  const kernels = kernelsOf(backends.backend)
  return [...records, ...peakRecords(peaks)].map((record) => ({ ...record, kernels }))
}

/** Writes what was measured with each set of kernels, one beside the other. */
export function reportKernels(sets: readonly (readonly BenchRecord[])[], report: Report): void {
  const records = besideEachOther(sets)
  for (const record of records) report.record(record)
  const of = (name: string): BenchRecord[] => records.filter(({ benchmark }) => benchmark === name)
  report.table('linear: y = x·Wᵀ and dx = dy·W (GFLOP/s of the fastest run)', linearTable(of('linear')))
  report.table('Other ops (the fastest run)', opsTable(of('op')))
  report.table('Peak: multiply-adds in registers, on vectors as wide as the kernels use', peakTable(of('peak')))
}
