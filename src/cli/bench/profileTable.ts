import { sharedWork } from '../../backend/cpu/groupProfile.js'
import type { GroupEntry, SharedWork } from '../../backend/cpu/groupProfile.js'
import type { ProfileEntry } from '../../backend/profile.js'
import { formatTable, percent, threeDigits } from '../terminal/table.js'

/** Time of a phase of a step in milliseconds, by its name. */
export type PhaseTimes = ReadonlyMap<string, number>

interface Row {
  readonly phase: string
  readonly op: string
  readonly calls: number | null
  readonly milliseconds: number
  readonly operations: number
}

/** Kernels that take less than this share of the step are shown as one. */
const MINIMUM_SHARE = 0.001
/** Products by shape that are listed; the others take little time. */
const MAXIMUM_SHAPES = 16

/**
 * Where the time of a step goes: a table of kernels and one of products with weights by their shape. What a phase takes
 * beside its kernels is shown as `between kernels`: tfjs's tape, the optimizer, JavaScript.
 */
export function formatProfile(
  entries: readonly ProfileEntry[],
  /** Of these, those in lists stand beside the ops. */
  groups: readonly GroupEntry[],
  phases: PhaseTimes,
  /** Steps that were measured: the tables show the mean of them. */
  steps: number,
  /** GFLOP/s that the machine can do; see backend/cpu/peak.ts. */
  peak: number,
): string {
  const listed = groups.filter(({ isListed }) => isListed).map(listedEntry)
  const scaled = [...entries, ...listed].map(
    ({ phase, kernel, shape, calls, milliseconds, operations }): Row & { shape: string } => ({
      phase,
      op: kernel,
      shape,
      calls: calls / steps,
      milliseconds: milliseconds / steps,
      operations: operations / steps,
    }),
  )
  const total = [...phases.values()].reduce((sum, milliseconds) => sum + milliseconds, 0) / steps
  const columns = (heading: string): Parameters<typeof formatTable<Row>>[0] => [
    { heading: 'phase', text: ({ phase }) => phase, left: true },
    { heading, text: ({ op }) => op, left: true },
    { heading: 'calls', text: ({ calls }) => calls?.toFixed(0) ?? null },
    { heading: 'ms', text: ({ milliseconds }) => milliseconds.toFixed(1) },
    { heading: 'of the step', text: ({ milliseconds }) => percent(milliseconds / total) },
    { heading: 'GFLOP/s', text: (row) => (row.operations > 0 ? threeDigits(speed(row)) : null) },
    { heading: 'of the peak', text: (row) => (row.operations > 0 ? percent(speed(row) / peak) : null) },
  ]
  const sections = [...phases].map(([phase, milliseconds]) => {
    const ofPhase = scaled.filter((row) => row.phase === phase)
    const between = milliseconds / steps - ofPhase.reduce((sum, row) => sum + row.milliseconds, 0)
    const kernels = sumByOp(ofPhase)
    const long = kernels.filter((row) => row.milliseconds >= MINIMUM_SHARE * total)
    const short = kernels.filter((row) => !long.includes(row)).map((row) => ({ ...row, op: 'other kernels' }))
    const rest = { phase, op: 'between kernels', calls: null, milliseconds: between, operations: 0 }
    return [...long, ...sumByOp(short), rest]
  })
  const shapes = scaled
    .filter(({ shape }) => shape !== '')
    .map((row) => ({ ...row, op: `${row.op} ${row.shape}` }))
    .slice(0, MAXIMUM_SHAPES)
  return (
    `Where the time of a step goes, ${total.toFixed(0)} ms; the peak is ${peak.toFixed(1)} GFLOP/s:\n\n` +
    `${formatTable(columns('op'), sections.flat())}\n` +
    `Products with a weight, by rows × in→out, the longest first:\n\n` +
    formatTable(columns('op'), shapes)
  )
}

/** Kernels of lists of calls, as ops. How much they do is known of those that multiply matrices. */
function listedEntry({ phase, kernel, groups, operations, milliseconds }: GroupEntry): ProfileEntry {
  const multiplies = kernel === 'gemm' || kernel.startsWith('attention')
  const name = `${kernel}, in a list`
  return { phase, kernel: name, shape: '', calls: groups, milliseconds, operations: multiplies ? 2 * operations : 0 }
}

/** How the threads share the work of a step: a row for each phase and one for the step. */
export function formatSharing(
  entries: readonly GroupEntry[],
  phases: PhaseTimes,
  /** Steps that were measured: the table shows the mean of them. */
  steps: number,
  threads: number,
): string {
  const total = [...phases.values()].reduce((sum, milliseconds) => sum + milliseconds, 0)
  const rows = [
    ...[...phases].map(([phase, milliseconds]) => {
      const ofPhase = entries.filter((entry) => entry.phase === phase)
      return { phase, ...sharedWork(ofPhase, milliseconds, threads) }
    }),
    { phase: 'step', ...sharedWork(entries, total, threads) },
  ]
  const milliseconds =
    (of: (row: SharedWork) => number) =>
    (row: SharedWork): string =>
      (of(row) / steps).toFixed(1)
  const count =
    (of: (row: SharedWork) => number) =>
    (row: SharedWork): string =>
      (of(row) / steps).toFixed(0)
  const table = formatTable<(typeof rows)[number]>(
    [
      { heading: 'phase', text: ({ phase }) => phase, left: true },
      { heading: 'outside kernels ms', text: milliseconds(({ outside }) => outside) },
      { heading: 'kernels alone', text: milliseconds(({ alone }) => alone) },
      { heading: 'together', text: milliseconds(({ together }) => together) },
      { heading: 'of it waiting', text: milliseconds(({ waiting }) => waiting) },
      { heading: 'groups', text: count(({ groups }) => groups) },
      { heading: 'together', text: count(({ sharedGroups }) => sharedGroups) },
      {
        heading: 'µs waiting each',
        text: ({ waiting, sharedGroups }) => (sharedGroups === 0 ? null : threeDigits((1000 * waiting) / sharedGroups)),
      },
      { heading: 'serial share', text: ({ serialShare }) => percent(serialShare) },
    ],
    rows,
  )
  return (
    `How ${threads} thread${threads === 1 ? '' : 's'} share it; the serial share is what one thread does alone, of the time that one ` +
    `thread would take for everything:\n\n${table}`
  )
}

/** GFLOP/s. */
function speed({ operations, milliseconds }: Row): number {
  return operations / milliseconds / 1e6
}

/** One row for each op, whatever its shapes, the longest first. */
function sumByOp(rows: readonly Row[]): Row[] {
  const sums = new Map<string, Row>()
  for (const row of rows) {
    const sum = sums.get(row.op)
    sums.set(row.op, {
      ...row,
      calls: (sum?.calls ?? 0) + (row.calls ?? 0),
      milliseconds: (sum?.milliseconds ?? 0) + row.milliseconds,
      operations: (sum?.operations ?? 0) + row.operations,
    })
  }
  return [...sums.values()].sort((a, b) => b.milliseconds - a.milliseconds)
}
