/** Elements of one tile of a kernel that works on rows or single elements: some microseconds, so that the threads end together. */
export const TILE_ELEMENTS = 8192

/** Rows of such a tile. */
export function rowsOfTile(width: number): number {
  return Math.max(1, Math.floor(TILE_ELEMENTS / Math.max(1, width)))
}
