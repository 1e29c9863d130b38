/**
 * A block of a product: up to six rows by 16 columns, whose accumulators stay in registers. Every element is one chain of fused
 * multiply-adds over the depth in ascending order, which goes on with the number that stands in memory.
 *
 * How many rows pay depends on how the module was compiled. V8 keeps vectors of 128 bits: two rows are eight chains, and more of
 * them do not fit into the registers. Its revectorizer joins neighbouring operations to 256 bits, if the accumulators are loaded
 * from memory and whatever belongs together is written next to each other; then six rows are twelve chains, as many as two units
 * with a latency of four to five cycles need. Both kinds are in the module, and a word in memory says which are used.
 */
import { madd, UPPER_HALF } from './simd'

/** Address of the word that says how many rows a block has at most. */
export const BLOCK_ROWS: usize = 1536

/** Most rows that a block should have. */
// @ts-ignore: decorator
@inline
export function blockRows(): i32 {
  return load<i32>(BLOCK_ROWS)
}

/** Numbers of rows as types: the compiler makes a function for each of them and leaves out what it does not need. */
@unmanaged class Rows1 { a: u8 }
@unmanaged class Rows2 extends Rows1 { b: u8 }
@unmanaged class Rows3 extends Rows2 { c: u8 }
@unmanaged class Rows4 extends Rows3 { d: u8 }
@unmanaged class Rows5 extends Rows4 { e: u8 }
@unmanaged class Rows6 extends Rows5 { f: u8 }

/** Sums of one number of rows with a panel of float32 (f32) or bfloat16 numbers (u16), whose rows are `bDepth` bytes apart. */
function sums<Rows, Panel>(
  a: usize, aRow: usize, aDepth: usize, b: usize, bDepth: usize, depth: i32, out: usize, outRow: usize,
): void {
  const rows = <i32>offsetof<Rows>()
  const a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow, a4 = a3 + aRow, a5 = a4 + aRow
  const out1 = out + outRow, out2 = out1 + outRow, out3 = out2 + outRow, out4 = out3 + outRow, out5 = out4 + outRow
  const zero = f32x4.splat(0)
  let c00 = v128.load(out), c01 = v128.load(out, 16), c02 = v128.load(out, 32), c03 = v128.load(out, 48)
  let c10 = zero, c11 = zero, c12 = zero, c13 = zero
  let c20 = zero, c21 = zero, c22 = zero, c23 = zero
  let c30 = zero, c31 = zero, c32 = zero, c33 = zero
  let c40 = zero, c41 = zero, c42 = zero, c43 = zero
  let c50 = zero, c51 = zero, c52 = zero, c53 = zero
  if (rows > 1) {
    c10 = v128.load(out1)
    c11 = v128.load(out1, 16)
    c12 = v128.load(out1, 32)
    c13 = v128.load(out1, 48)
  }
  if (rows > 2) {
    c20 = v128.load(out2)
    c21 = v128.load(out2, 16)
    c22 = v128.load(out2, 32)
    c23 = v128.load(out2, 48)
  }
  if (rows > 3) {
    c30 = v128.load(out3)
    c31 = v128.load(out3, 16)
    c32 = v128.load(out3, 32)
    c33 = v128.load(out3, 48)
  }
  if (rows > 4) {
    c40 = v128.load(out4)
    c41 = v128.load(out4, 16)
    c42 = v128.load(out4, 32)
    c43 = v128.load(out4, 48)
  }
  if (rows > 5) {
    c50 = v128.load(out5)
    c51 = v128.load(out5, 16)
    c52 = v128.load(out5, 32)
    c53 = v128.load(out5, 48)
  }
  const upperHalf = v128.load_splat<u32>(UPPER_HALF)
  for (let k: usize = 0, end = <usize>depth * aDepth; k < end; k += aDepth) {
    let b0 = v128.load(b), b1 = v128.load(b, 16), b2 = zero, b3 = zero
    if (sizeof<Panel>() == 2) {
      b2 = v128.and(b0, upperHalf)
      b3 = v128.and(b1, upperHalf)
      b0 = i32x4.shl(b0, 16)
      b1 = i32x4.shl(b1, 16)
    } else {
      b2 = v128.load(b, 32)
      b3 = v128.load(b, 48)
    }
    const s0 = v128.load_splat<f32>(a + k)
    c00 = madd(s0, b0, c00)
    c01 = madd(s0, b1, c01)
    c02 = madd(s0, b2, c02)
    c03 = madd(s0, b3, c03)
    if (rows > 1) {
      const s1 = v128.load_splat<f32>(a1 + k)
      c10 = madd(s1, b0, c10)
      c11 = madd(s1, b1, c11)
      c12 = madd(s1, b2, c12)
      c13 = madd(s1, b3, c13)
    }
    if (rows > 2) {
      const s2 = v128.load_splat<f32>(a2 + k)
      c20 = madd(s2, b0, c20)
      c21 = madd(s2, b1, c21)
      c22 = madd(s2, b2, c22)
      c23 = madd(s2, b3, c23)
    }
    if (rows > 3) {
      const s3 = v128.load_splat<f32>(a3 + k)
      c30 = madd(s3, b0, c30)
      c31 = madd(s3, b1, c31)
      c32 = madd(s3, b2, c32)
      c33 = madd(s3, b3, c33)
    }
    if (rows > 4) {
      const s4 = v128.load_splat<f32>(a4 + k)
      c40 = madd(s4, b0, c40)
      c41 = madd(s4, b1, c41)
      c42 = madd(s4, b2, c42)
      c43 = madd(s4, b3, c43)
    }
    if (rows > 5) {
      const s5 = v128.load_splat<f32>(a5 + k)
      c50 = madd(s5, b0, c50)
      c51 = madd(s5, b1, c51)
      c52 = madd(s5, b2, c52)
      c53 = madd(s5, b3, c53)
    }
    b += bDepth
  }
  v128.store(out, c00)
  v128.store(out, c01, 16)
  v128.store(out, c02, 32)
  v128.store(out, c03, 48)
  if (rows > 1) {
    v128.store(out1, c10)
    v128.store(out1, c11, 16)
    v128.store(out1, c12, 32)
    v128.store(out1, c13, 48)
  }
  if (rows > 2) {
    v128.store(out2, c20)
    v128.store(out2, c21, 16)
    v128.store(out2, c22, 32)
    v128.store(out2, c23, 48)
  }
  if (rows > 3) {
    v128.store(out3, c30)
    v128.store(out3, c31, 16)
    v128.store(out3, c32, 32)
    v128.store(out3, c33, 48)
  }
  if (rows > 4) {
    v128.store(out4, c40)
    v128.store(out4, c41, 16)
    v128.store(out4, c42, 32)
    v128.store(out4, c43, 48)
  }
  if (rows > 5) {
    v128.store(out5, c50)
    v128.store(out5, c51, 16)
    v128.store(out5, c52, 32)
    v128.store(out5, c53, 48)
  }
}

/**
 * out[r][0 … 15] += Σ A(r, k) · B(k, 0 … 15), k ascending, for 1 to 6 rows. A(r, k) lies at a + r · aRow + k · aDepth, the 16
 * float32 of B(k) at b + k · bDepth, those of a row of `out` at out + r · outRow; strides in bytes.
 */
export function block(
  rows: i32, a: usize, aRow: usize, aDepth: usize, b: usize, bDepth: usize, depth: i32, out: usize, outRow: usize,
): void {
  switch (rows) {
    case 1:
      sums<Rows1, f32>(a, aRow, aDepth, b, bDepth, depth, out, outRow)
      return
    case 2:
      sums<Rows2, f32>(a, aRow, aDepth, b, bDepth, depth, out, outRow)
      return
    case 3:
      sums<Rows3, f32>(a, aRow, aDepth, b, bDepth, depth, out, outRow)
      return
    case 4:
      sums<Rows4, f32>(a, aRow, aDepth, b, bDepth, depth, out, outRow)
      return
    case 5:
      sums<Rows5, f32>(a, aRow, aDepth, b, bDepth, depth, out, outRow)
      return
    case 6:
      sums<Rows6, f32>(a, aRow, aDepth, b, bDepth, depth, out, outRow)
      return
  }
}

/** As `block`, with a bfloat16 panel [depth][16] that is widened on the way; the layout is that of ./gemm, mode 1. */
export function bfloat16Block(
  rows: i32, a: usize, aRow: usize, aDepth: usize, b: usize, depth: i32, out: usize, outRow: usize,
): void {
  switch (rows) {
    case 1:
      sums<Rows1, u16>(a, aRow, aDepth, b, 32, depth, out, outRow)
      return
    case 2:
      sums<Rows2, u16>(a, aRow, aDepth, b, 32, depth, out, outRow)
      return
    case 3:
      sums<Rows3, u16>(a, aRow, aDepth, b, 32, depth, out, outRow)
      return
    case 4:
      sums<Rows4, u16>(a, aRow, aDepth, b, 32, depth, out, outRow)
      return
    case 5:
      sums<Rows5, u16>(a, aRow, aDepth, b, 32, depth, out, outRow)
      return
    case 6:
      sums<Rows6, u16>(a, aRow, aDepth, b, 32, depth, out, outRow)
      return
  }
}
