/** Rotary position embedding and dropout of rows; src/backend/cpu/assembly/rope.ts and dropout.ts. */
#pragma once
#include "elementwise.h"

enum {
  ROPE_X, ROPE_COS, ROPE_SIN, ROPE_OUT, ROPE_ROWS, ROPE_HEADS, ROPE_HALF, ROPE_INVERSE, ROPE_TILE_ROWS, ROPE_POSITIONS,
  ROPE_TABLE_ROWS
};

static void rope(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread) {
  (void)thread;
  const int32_t heads = args[ROPE_HEADS], half = args[ROPE_HALF], rows = args[ROPE_ROWS];
  const int64_t tile_rows = args[ROPE_TILE_ROWS], end_row = end * tile_rows < rows ? end * tile_rows : rows;
  const vector sign = v_splat(args[ROPE_INVERSE] ? -1 : 1);
  const int32_t *positions = args[ROPE_POSITIONS] ? (const int32_t *)address(memory, args, ROPE_POSITIONS) : NULL;
  for (int64_t row = first * tile_rows; row < end_row; row++) {
    const size_t position = positions ? (uint32_t)positions[row] : row;
    // What the positions are is not known before.
    if (position >= (uint32_t)args[ROPE_TABLE_ROWS]) continue;
    const float *cosines = (const float *)address(memory, args, ROPE_COS) + position * half;
    const float *sines = (const float *)address(memory, args, ROPE_SIN) + position * half;
    const size_t at = (size_t)row * heads * half * 2;
    const float *x = (const float *)address(memory, args, ROPE_X) + at;
    float *out = (float *)address(memory, args, ROPE_OUT) + at;
    for (int32_t head = 0; head < heads; head++, x += 2 * half, out += 2 * half) {
      for (int32_t i = 0; i < half; i += LANES) {
        const size_t count = half - i;
        const vector a = load_part(x + i, count), b = load_part(x + half + i, count);
        const vector c = load_part(cosines + i, count), s = v_mul(load_part(sines + i, count), sign);
        store_part(out + i, v_sub(v_mul(a, c), v_mul(b, s)), count);
        store_part(out + half + i, v_add(v_mul(b, c), v_mul(a, s)), count);
      }
    }
  }
}
