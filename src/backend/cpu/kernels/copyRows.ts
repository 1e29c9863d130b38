import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
import type { KernelCalls } from '../kernelCalls.js'
import { rowsOfTile } from './tile.js'

/** Copies rows of one matrix of 32-bit numbers to rows of another, by their addresses; null stands for the rows from 0 on. */
export function copyRows(
  { runtime }: CpuBackend,
  from: { address: number; rows: Int32Array | null }, // [N]
  to: { address: number; rows: Int32Array | null }, // [N]
  width: number,
): void {
  const { allocator } = runtime
  const count = (from.rows ?? to.rows)?.length ?? 0
  if (count === 0 || width === 0) return
  const [fromRows, toRows] = [from.rows, to.rows].map((rows) => (rows ? allocator.place(rows) : 0)) as [number, number]
  callCopyRows(runtime, { from: from.address, fromRows, to: to.address, toRows, count, width })
  for (const address of [fromRows, toRows]) if (address) allocator.release(address)
}

/** Calls the kernel, with the addresses of the matrices and of the numbers of `count` rows; 0 stands for the rows from 0 on. */
export function callCopyRows(
  calls: KernelCalls,
  copy: { from: number; fromRows: number; to: number; toRows: number; count: number; width: number },
): void {
  const { args } = calls
  const tileRows = rowsOfTile(copy.width)
  args[0] = copy.from
  args[1] = copy.fromRows
  args[2] = copy.to
  args[3] = copy.toRows
  args[4] = copy.count
  args[5] = copy.width * 4
  args[6] = tileRows
  calls.run(KernelId.copyRows, Math.ceil(copy.count / tileRows), copy.count * copy.width)
}
