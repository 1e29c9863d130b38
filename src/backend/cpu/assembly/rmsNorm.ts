/** Root-mean-square normalisation of rows and its gradient; the formulas are in src/ops/rmsNorm.ts. A tile is some rows. */
import { sumLanes } from './simd'

// Arguments, 32-bit words. DY is 0 in the forward pass. D_WEIGHT, where it is not 0, takes for each tile its rows' share of the
// gradient of the weight, [tiles][WIDTH].
const X = 0, WEIGHT = 4, DY = 8, OUT = 12, ROWS = 16, WIDTH = 20, EPSILON = 24, TILE_ROWS = 28, D_WEIGHT = 32

/** Σ x² of one row. */
// @ts-ignore: decorator
@inline
function sumOfSquares(x: usize, bytes: usize): f64 {
  let s0 = f32x4.splat(0), s1 = s0
  let at: usize = 0
  for (; at + 32 <= bytes; at += 32) {
    const x0 = v128.load(x + at), x1 = v128.load(x + at, 16)
    s0 = f32x4.add(s0, f32x4.mul(x0, x0))
    s1 = f32x4.add(s1, f32x4.mul(x1, x1))
  }
  let sum = sumLanes(f32x4.add(s0, s1))
  for (; at < bytes; at += 4) {
    const value = <f64>load<f32>(x + at)
    sum += value * value
  }
  return sum
}

/** Σ w · dy · x of one row. */
// @ts-ignore: decorator
@inline
function sumOfProducts(w: usize, dy: usize, x: usize, bytes: usize): f64 {
  let s0 = f32x4.splat(0), s1 = s0
  let at: usize = 0
  for (; at + 32 <= bytes; at += 32) {
    const p0 = f32x4.mul(v128.load(w + at), v128.load(dy + at))
    const p1 = f32x4.mul(v128.load(w + at, 16), v128.load(dy + at, 16))
    s0 = f32x4.add(s0, f32x4.mul(p0, v128.load(x + at)))
    s1 = f32x4.add(s1, f32x4.mul(p1, v128.load(x + at, 16)))
  }
  let sum = sumLanes(f32x4.add(s0, s1))
  for (; at < bytes; at += 4) sum += <f64>load<f32>(w + at) * <f64>load<f32>(dy + at) * <f64>load<f32>(x + at)
  return sum
}

function forwardRow(x: usize, w: usize, out: usize, bytes: usize, inverse: f32): void {
  const scale = f32x4.splat(inverse)
  let at: usize = 0
  for (; at + 32 <= bytes; at += 32) {
    const y0 = f32x4.mul(f32x4.mul(v128.load(x + at), scale), v128.load(w + at))
    const y1 = f32x4.mul(f32x4.mul(v128.load(x + at, 16), scale), v128.load(w + at, 16))
    v128.store(out + at, y0)
    v128.store(out + at, y1, 16)
  }
  for (; at < bytes; at += 4) store<f32>(out + at, load<f32>(x + at) * inverse * load<f32>(w + at))
}

/** dx = w · dy · inverse − x · projection. */
function backwardRow(x: usize, w: usize, dy: usize, out: usize, bytes: usize, inverse: f32, projection: f32): void {
  const scale = f32x4.splat(inverse), project = f32x4.splat(projection)
  let at: usize = 0
  for (; at + 32 <= bytes; at += 32) {
    const direct0 = f32x4.mul(f32x4.mul(v128.load(w + at), v128.load(dy + at)), scale)
    const direct1 = f32x4.mul(f32x4.mul(v128.load(w + at, 16), v128.load(dy + at, 16)), scale)
    const dx0 = f32x4.sub(direct0, f32x4.mul(v128.load(x + at), project))
    const dx1 = f32x4.sub(direct1, f32x4.mul(v128.load(x + at, 16), project))
    v128.store(out + at, dx0)
    v128.store(out + at, dx1, 16)
  }
  for (; at < bytes; at += 4) {
    store<f32>(out + at, load<f32>(w + at) * load<f32>(dy + at) * inverse - load<f32>(x + at) * projection)
  }
}

/** sum += dy · x · inverse. */
function addWeightGradient(x: usize, dy: usize, sum: usize, bytes: usize, inverse: f32): void {
  const scale = f32x4.splat(inverse)
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) {
    const product = f32x4.mul(f32x4.mul(v128.load(x + at), scale), v128.load(dy + at))
    v128.store(sum + at, f32x4.add(v128.load(sum + at), product))
  }
  for (; at < bytes; at += 4) {
    store<f32>(sum + at, load<f32>(sum + at) + load<f32>(x + at) * inverse * load<f32>(dy + at))
  }
}

export function rmsNormTile(args: usize, tile: i32): void {
  const w = <usize>load<i32>(args, WEIGHT), dy = <usize>load<i32>(args, DY)
  const width = load<i32>(args, WIDTH), bytes = <usize>width << 2
  const first = tile * load<i32>(args, TILE_ROWS), end = min(load<i32>(args, ROWS), first + load<i32>(args, TILE_ROWS))
  const dWeight = <usize>load<i32>(args, D_WEIGHT), sum = dWeight + <usize>tile * bytes
  if (dWeight) memory.fill(sum, 0, bytes)
  for (let row = first; row < end; row++) {
    const offset = <usize>row * bytes
    const x = <usize>load<i32>(args, X) + offset, out = <usize>load<i32>(args, OUT) + offset
    const inverse = 1 / Math.sqrt(sumOfSquares(x, bytes) / <f64>width + <f64>load<f32>(args, EPSILON))
    if (dy == 0) forwardRow(x, w, out, bytes, <f32>inverse)
    else {
      if (dWeight) addWeightGradient(x, dy + offset, sum, bytes, <f32>inverse)
      const mean = sumOfProducts(w, dy + offset, x, bytes) / <f64>width
      backwardRow(x, w, dy + offset, out, bytes, <f32>inverse, <f32>(mean * inverse * inverse * inverse))
    }
  }
}
