/**
 * Weights kept as codes: panels of 16 outputs, of 8 bits [K][16] or of 4 bits [ceil(K/2)][16] with the even inputs in the lower halves.
 * An input's number is code · scale (+ offset), each product and each sum rounded, where a code of 4 bits is looked up first: at
 * `codebook` stand 16 float32, then their first bytes, their second, third and fourth ones. Scales and offsets are [groups][16].
 */

/** Writes four vectors times their scales, plus their offsets where there are some, to a row of a panel. */
// @ts-ignore: decorator
@inline
function storeScaled(x0: v128, x1: v128, x2: v128, x3: v128, scales: usize, offsets: usize, to: usize): void {
  x0 = f32x4.mul(x0, v128.load(scales))
  x1 = f32x4.mul(x1, v128.load(scales, 16))
  x2 = f32x4.mul(x2, v128.load(scales, 32))
  x3 = f32x4.mul(x3, v128.load(scales, 48))
  if (offsets) {
    x0 = f32x4.add(x0, v128.load(offsets))
    x1 = f32x4.add(x1, v128.load(offsets, 16))
    x2 = f32x4.add(x2, v128.load(offsets, 32))
    x3 = f32x4.add(x3, v128.load(offsets, 48))
  }
  v128.store(to, x0)
  v128.store(to, x1, 16)
  v128.store(to, x2, 32)
  v128.store(to, x3, 48)
}

/** Inputs that have their scales in common. */
function scaleInt8(codes: usize, count: i32, scales: usize, offsets: usize, to: usize): void {
  for (let k = 0; k < count; k++) {
    const bytes = v128.load(codes)
    const low = i16x8.extend_low_i8x16_s(bytes), high = i16x8.extend_high_i8x16_s(bytes)
    const x0 = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), x1 = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low))
    const x2 = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), x3 = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high))
    storeScaled(x0, x1, x2, x3, scales, offsets, to)
    codes += 16
    to += 64
  }
}

/** Writes what 16 codes of 4 bits stand for. */
// @ts-ignore: decorator
@inline
function storeLookedUp(codes: v128, codebook: usize, scales: usize, offsets: usize, to: usize): void {
  const b0 = i8x16.swizzle(v128.load(codebook, 64), codes), b1 = i8x16.swizzle(v128.load(codebook, 80), codes)
  const b2 = i8x16.swizzle(v128.load(codebook, 96), codes), b3 = i8x16.swizzle(v128.load(codebook, 112), codes)
  const w0 = v128.shuffle<u8>(b0, b1, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
  const w1 = v128.shuffle<u8>(b0, b1, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
  const w2 = v128.shuffle<u8>(b2, b3, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
  const w3 = v128.shuffle<u8>(b2, b3, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
  const x0 = v128.shuffle<u16>(w0, w2, 0, 8, 1, 9, 2, 10, 3, 11), x1 = v128.shuffle<u16>(w0, w2, 4, 12, 5, 13, 6, 14, 7, 15)
  const x2 = v128.shuffle<u16>(w1, w3, 0, 8, 1, 9, 2, 10, 3, 11), x3 = v128.shuffle<u16>(w1, w3, 4, 12, 5, 13, 6, 14, 7, 15)
  storeScaled(x0, x1, x2, x3, scales, offsets, to)
}

function scaleInt4(codes: usize, count: i32, codebook: usize, scales: usize, offsets: usize, to: usize): void {
  const lower = i8x16.splat(15)
  for (let k = 0; k < count; k += 2) {
    const bytes = v128.load(codes)
    storeLookedUp(v128.and(bytes, lower), codebook, scales, offsets, to)
    if (k + 1 < count) storeLookedUp(i8x16.shr_u(bytes, 4), codebook, scales, offsets, to + 64)
    codes += 16
    to += 128
  }
}

/** Inputs first … end − 1 of a panel, as float32 [end − first][16]; `first` is even. The addresses are those of the panel's first input and group. */
export function scalePanel(
  codes: usize, int4: bool, scales: usize, offsets: usize, codebook: usize, groupSize: i32, first: i32, end: i32, to: usize,
): void {
  for (let k = first; k < end;) {
    const group = k / groupSize, count = min(end - k, groupSize - k % groupSize)
    const groupScales = scales + (<usize>group << 6), groupOffsets = offsets ? offsets + (<usize>group << 6) : 0
    if (int4) scaleInt4(codes + (<usize>(k >> 1) << 4), count, codebook, groupScales, groupOffsets, to)
    else scaleInt8(codes + (<usize>k << 4), count, groupScales, groupOffsets, to)
    k += count
    to += <usize>count << 6
  }
}
