import type { CpuBackend } from '../src/backend/cpu/backend.js'
import type { Column } from '../src/cli/terminal/table.js'
import { rounded } from './report.js'
import type { BenchRecord } from './report.js'

/** What computes, in a word or two, as tables and JSON lines name it. */
export function kernelsOf({ simd, runtime }: Pick<CpuBackend, 'simd' | 'runtime'>): string {
  if (runtime.native) return `native ${runtime.native.set}`
  return simd === null ? 'unknown' : `wasm ${simd.width}`
}

/**
 * The records of the same measurements with several sets of kernels as one list, those of one measurement next to each other, each
 * with its speed relative to the first set.
 */
export function besideEachOther(sets: readonly (readonly BenchRecord[])[]): BenchRecord[] {
  const [first = [], ...others] = sets
  return first.flatMap((record, i) => [
    record,
    ...others.map((set): BenchRecord => {
      const other = set[i]!
      const time = typeof record.ms === 'number' ? record.ms / (other.ms as number) : null
      const rate = (other.gflops as number) / (record.gflops as number)
      return { ...other, speedup_vs_first_kernels: rounded(time ?? rate) }
    }),
  ])
}

/** Columns that say which kernels ran and how much faster than the first ones they are. */
export function simdColumns(records: readonly BenchRecord[]): Column<BenchRecord>[] {
  return [
    { heading: 'kernels', text: ({ kernels }) => String(kernels ?? ''), left: true },
    {
      heading: `× ${String(records[0]?.kernels)}`,
      text: ({ speedup_vs_first_kernels: speedup }) => (speedup as number | undefined)?.toFixed(2) ?? null,
    },
  ]
}
