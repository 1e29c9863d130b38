import type { CpuBackend } from '../backend.js'
import { KernelId } from '../constants.js'
import { rowsOfTile } from './tile.js'

/** Copies rows of one matrix of 32-bit numbers to rows of another, by their addresses; null stands for the rows from 0 on. */
export function copyRows(
  { runtime }: CpuBackend,
  from: { address: number; rows: Int32Array | null }, // [N]
  to: { address: number; rows: Int32Array | null }, // [N]
  width: number,
): void {
  const { allocator, args } = runtime
  const count = (from.rows ?? to.rows)?.length ?? 0
  if (count === 0 || width === 0) return
  const place = (rows: Int32Array | null): number => {
    if (!rows) return 0
    const address = allocator.allocate(rows.byteLength)
    new Int32Array(allocator.memory.buffer, address, count).set(rows)
    return address
  }
  const [fromRows, toRows] = [place(from.rows), place(to.rows)]
  const tileRows = rowsOfTile(width)
  args[0] = from.address
  args[1] = fromRows
  args[2] = to.address
  args[3] = toRows
  args[4] = count
  args[5] = width * 4
  args[6] = tileRows
  runtime.run(KernelId.copyRows, Math.ceil(count / tileRows), count * width)
  for (const address of [fromRows, toRows]) if (address) allocator.release(address)
}
