/** Kernels that work on single numbers: a sum of two arrays, SwiGLU and its gradient; src/backend/cpu/assembly/add.ts and swiglu.ts. */
#pragma once
#include "exp.h"
#include "kernels.h"

/** Loads and stores `count` numbers, LANES or fewer; what lies behind them is not touched. */
INLINE vector load_part(const float *from, size_t count) {
  if (count >= LANES) return v_load(from);
  float lanes[LANES] = {0};
  for (size_t i = 0; i < count; i++) lanes[i] = from[i];
  return v_load(lanes);
}
INLINE void store_part(float *to, vector x, size_t count) {
  if (count >= LANES) {
    v_store(to, x);
    return;
  }
  float lanes[LANES];
  v_store(lanes, x);
  for (size_t i = 0; i < count; i++) to[i] = lanes[i];
}

/** Numbers first … end − 1 of an array that tiles of `tile_bytes` are cut from. */
typedef struct {
  size_t first, end;
} stretch;
INLINE stretch stretch_of(uint32_t bytes, uint32_t tile_bytes, int32_t first, int32_t end) {
  const uint64_t from = (uint64_t)first * tile_bytes, to = (uint64_t)end * tile_bytes;
  return (stretch){(size_t)(from < bytes ? from : bytes) / 4, (size_t)(to < bytes ? to : bytes) / 4};
}

enum { ADD_A, ADD_B, ADD_OUT, ADD_BYTES, ADD_TILE_BYTES };

static void add(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread) {
  (void)thread;
  const float *a = (const float *)address(memory, args, ADD_A), *b = (const float *)address(memory, args, ADD_B);
  float *out = (float *)address(memory, args, ADD_OUT);
  const stretch s = stretch_of((uint32_t)args[ADD_BYTES], (uint32_t)args[ADD_TILE_BYTES], first, end);
  size_t i = s.first;
  for (; i + LANES <= s.end; i += LANES) v_store(out + i, v_add(v_load(a + i), v_load(b + i)));
  for (; i < s.end; i++) out[i] = a[i] + b[i];
}

enum { SWIGLU_GATE, SWIGLU_UP, SWIGLU_DY, SWIGLU_OUT, SWIGLU_UP_OUT, SWIGLU_BYTES, SWIGLU_TILE_BYTES };

INLINE vector sigmoid(vector x) { return v_div(v_splat(1), v_add(v_splat(1), v_exp(v_neg(x)))); }

static void swiglu(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread) {
  (void)thread;
  const float *gate = (const float *)address(memory, args, SWIGLU_GATE), *up = (const float *)address(memory, args, SWIGLU_UP);
  const float *dy = (const float *)address(memory, args, SWIGLU_DY);
  float *out = (float *)address(memory, args, SWIGLU_OUT), *up_out = (float *)address(memory, args, SWIGLU_UP_OUT);
  const stretch s = stretch_of((uint32_t)args[SWIGLU_BYTES], (uint32_t)args[SWIGLU_TILE_BYTES], first, end);
  const vector one = v_splat(1);
  for (size_t i = s.first; i < s.end; i += LANES) {
    const size_t count = s.end - i;
    const vector g = load_part(gate + i, count), u = load_part(up + i, count), sigma = sigmoid(g);
    if (!args[SWIGLU_DY]) {
      store_part(out + i, v_mul(v_mul(g, sigma), u), count);
      continue;
    }
    // d gate = dy · up · σ · (1 + gate · (1 − σ)), d up = dy · gate · σ
    const vector d = load_part(dy + i, count), slope = v_mul(sigma, v_add(one, v_mul(g, v_sub(one, sigma))));
    store_part(out + i, v_mul(v_mul(d, u), slope), count);
    store_part(up_out + i, v_mul(d, v_mul(g, sigma)), count);
  }
}
