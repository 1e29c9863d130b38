/**
 * SwiGLU and its gradient, elementwise; the formulas are in src/ops/swiglu.ts. A tile is a stretch of TILE_BYTES bytes.
 *
 * Loops take two vectors at a time, computed first and stored side by side: what V8 can join to 256 bits. The other kernels do the same.
 */
import { exp4 } from './exp'

// Arguments, 32-bit words. DY is 0 in the forward pass; OUT then is y, else d gate. TILE_BYTES is a multiple of 16.
const GATE = 0, UP = 4, DY = 8, OUT = 12, UP_OUT = 16, BYTES = 20, TILE_BYTES = 24

// @ts-ignore: decorator
@inline
function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1)
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))))
}

// @ts-ignore: decorator
@inline
function forward(gate: v128, up: v128): v128 {
  return f32x4.mul(f32x4.mul(gate, sigmoid(gate)), up)
}

/** d gate = dy · up · s · (1 + gate · (1 − s)). */
// @ts-ignore: decorator
@inline
function gateGradient(gate: v128, up: v128, dy: v128, s: v128): v128 {
  const one = f32x4.splat(1)
  const slope = f32x4.mul(s, f32x4.add(one, f32x4.mul(gate, f32x4.sub(one, s))))
  return f32x4.mul(f32x4.mul(dy, up), slope)
}

export function swigluTile(args: usize, tile: i32): void {
  const gate = <usize>load<i32>(args, GATE), up = <usize>load<i32>(args, UP), dy = <usize>load<i32>(args, DY)
  const out = <usize>load<i32>(args, OUT), upOut = <usize>load<i32>(args, UP_OUT)
  const tileBytes = <usize>load<i32>(args, TILE_BYTES)
  let at = <usize>tile * tileBytes
  const end = min(<usize>load<i32>(args, BYTES), at + tileBytes)
  // The last elements go through the same instructions as the others, one lane at a time: their bits are the same wherever
  // in a batch they lie.
  if (dy == 0) {
    for (; at + 32 <= end; at += 32) {
      const y0 = forward(v128.load(gate + at), v128.load(up + at))
      const y1 = forward(v128.load(gate + at, 16), v128.load(up + at, 16))
      v128.store(out + at, y0)
      v128.store(out + at, y1, 16)
    }
    for (; at < end; at += 4) {
      v128.store_lane<f32>(out + at, forward(v128.load_splat<f32>(gate + at), v128.load_splat<f32>(up + at)), 0)
    }
    return
  }
  for (; at + 32 <= end; at += 32) {
    const g0 = v128.load(gate + at), d0 = v128.load(dy + at), s0 = sigmoid(g0)
    const g1 = v128.load(gate + at, 16), d1 = v128.load(dy + at, 16), s1 = sigmoid(g1)
    const dg0 = gateGradient(g0, v128.load(up + at), d0, s0), dg1 = gateGradient(g1, v128.load(up + at, 16), d1, s1)
    const du0 = f32x4.mul(d0, f32x4.mul(g0, s0)), du1 = f32x4.mul(d1, f32x4.mul(g1, s1))
    v128.store(out + at, dg0)
    v128.store(out + at, dg1, 16)
    v128.store(upOut + at, du0)
    v128.store(upOut + at, du1, 16)
  }
  for (; at < end; at += 4) {
    const g = v128.load_splat<f32>(gate + at), d = v128.load_splat<f32>(dy + at), s = sigmoid(g)
    v128.store_lane<f32>(out + at, gateGradient(g, v128.load_splat<f32>(up + at), d, s), 0)
    v128.store_lane<f32>(upOut + at, f32x4.mul(d, f32x4.mul(g, s)), 0)
  }
}
