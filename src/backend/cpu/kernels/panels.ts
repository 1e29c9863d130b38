import type * as tf from '../../../bundled/tfjs.js'
import type { CpuBackend } from '../backend.js'

/*
 * A frozen weight W [out, in] is stored in panels of 16 outputs: [ceil(out / 16)][in][16], the last panel filled up with zeros.
 * So the kernels read it in the order in which they need it, in both directions, and without a second copy.
 * In bfloat16, two values share a 32-bit word; which ones is said in assembly/gemm.ts (mode 1). Codes: see ./codePanels.ts.
 */

/** Numbers of a packed weight [out, in], those that fill up the last panel included. */
export function packedSize(out: number, width: number): number {
  return Math.ceil(out / 16) * width * 16
}

/** Writes a matrix [out, in] in panels; `position` says where in a row of 16 an output stands. */
export function fillPanels<Values extends Float32Array | Uint16Array | Uint8Array>(
  packed: Values, // [packedSize]
  values: Values, // [out · in]
  [out, width]: readonly [out: number, width: number],
  position: (output: number) => number,
): void {
  const panels = Math.ceil(out / 16)
  packed.fill(0, (panels - 1) * width * 16)
  for (let panel = 0; panel < panels; panel++) {
    const outputs = Math.min(16, out - panel * 16)
    for (let j = 0; j < outputs; j++) {
      const row = (panel * 16 + j) * width
      let at = panel * width * 16 + position(j)
      for (let k = 0; k < width; k++, at += 16) packed[at] = values[row + k]!
    }
  }
}

/** Panels of a matrix that is trained, in the layout of a frozen weight. */
export function matrixPanels(backend: CpuBackend, matrix: tf.TensorInfo): number {
  const shape = matrix.shape as [number, number]
  return backend.derived(matrix, packedSize(...shape), (packed, values) => {
    fillPanels(packed, values, shape, (j) => j)
  })
}

/**
 * Panels of the rows of several matrices below each other, in a block of memory that the caller releases: products with all of them
 * become one. A column of its result does not depend on those beside it.
 */
export function jointPanels(
  backend: CpuBackend,
  matrices: readonly tf.TensorInfo[], // [·, in] each
): number {
  const { allocator } = backend.runtime
  const width = matrices[0]!.shape[1]!
  const rows = matrices.reduce((sum, { shape }) => sum + shape[0]!, 0)
  const values = new Float32Array(rows * width)
  let at = 0
  for (const matrix of matrices) {
    const own = backend.floats(matrix)
    values.set(own, at)
    at += own.length
  }
  const size = packedSize(rows, width)
  const address = allocator.allocate(size * 4)
  fillPanels(new Float32Array(allocator.memory.buffer, address, size), values, [rows, width], (j) => j)
  return address
}

/** Whether matrices of so many rows fill fewer panels together than each alone. */
export function sharePanels(rows: readonly number[]): boolean {
  const panels = (count: number): number => Math.ceil(count / 16)
  return panels(rows.reduce((a, b) => a + b, 0)) < rows.reduce((sum, count) => sum + panels(count), 0)
}
