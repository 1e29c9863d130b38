/**
 * A stretch of the depth of a panel, written out as float32 [depth][16]: from bfloat16, from a matrix with any strides, and from
 * panels of the transposed matrix. Columns beyond the width hold any numbers: what comes of them is not stored.
 */
#pragma once
#include <string.h>
#include "simd.h"

/** How the right-hand matrix of a product lies in memory. */
enum {
  FLOAT32_PANELS, BFLOAT16_PANELS, STRIDED, TRANSPOSED_FLOAT32_PANELS, TRANSPOSED_BFLOAT16_PANELS, INT8_PANELS, INT4_PANELS,
  TRANSPOSED_INT8_PANELS, TRANSPOSED_INT4_PANELS
};

/** A bfloat16 panel. */
static void widen_panel(const char *panel, int32_t depth, float *to) {
  for (int32_t k = 0; k < depth; k++, panel += 32, to += 16) {
    vector x[16 / LANES];
    widen_row(panel, x);
    for (int v = 0; v < 16 / LANES; v++) v_store(to + v * LANES, x[v]);
  }
}

/** 16 columns of a matrix whose strides are in bytes. */
static void copy_panel(const char *b, ptrdiff_t depth_stride, ptrdiff_t column_stride, int32_t depth, int width, float *to) {
  if (column_stride == 4) {
    for (int32_t k = 0; k < depth; k++, b += depth_stride, to += 16) {
      if (width == 16) memcpy(to, b, 64);
      else {
        memset(to, 0, 64);
        for (int j = 0; j < width; j++) memcpy(to + j, b + 4 * j, 4);
      }
    }
    return;
  }
  int32_t k = 0;
  if (depth_stride == 4)
    for (int half = 0; half < 16; half += 8) {
      const char *rows[8];
      // Columns that are not there are read from one that is.
      for (int j = 0; j < 8; j++) rows[j] = b + (half + j < width ? half + j : 0) * column_stride;
      for (k = 0; k + 4 <= depth; k += 4) {
        octet x[4];
        o_transpose(rows, (ptrdiff_t)k * 4, x);
        for (int i = 0; i < 4; i++) o_store(to + (k + i) * 16 + half, x[i]);
      }
    }
  for (; k < depth; k++)
    for (int j = 0; j < 16; j++) to[k * 16 + j] = j < width ? *(const float *)(b + k * depth_stride + j * column_stride) : 0;
}

/** 16 columns by 16 numbers of a panel of the transposed matrix, [16][16] or, in bfloat16, [16][8] words. */
INLINE void transpose_square(const char *from, const int bfloat16, float *to) {
  const ptrdiff_t row_bytes = bfloat16 ? 32 : 64;
  for (int half = 0; half < 16; half += 8) {
    const char *rows[8];
    for (int j = 0; j < 8; j++) rows[j] = from + (half + j) * row_bytes;
#pragma GCC unroll 4
    for (int part = 0; part < row_bytes; part += 16) {
      octet x[4];
      o_transpose(rows, part, x);
      float *at = to + (part >> 2) * 16 + half;
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        if (!bfloat16) o_store(at + i * 16, x[i]);
        else {
          o_store(at + i * 16, o_widen_low(x[i]));
          o_store(at + (i + 8) * 16, o_widen_high(x[i]));
        }
      }
    }
  }
}

/**
 * Panels of 16 columns, beginning with `column`, of a weight that is stored in panels of its transposed form,
 * [ceil(K / 16)][columns][16]; `first` is the first number of the stretch, a multiple of 16. Stored panels are full. The panels that
 * are written are `distance` numbers apart and have room for a multiple of 16 rows.
 */
static void transpose_panels(const char *weight, int bfloat16, int32_t columns, int32_t column, int panels, int32_t first,
                             int32_t depth, float *to, ptrdiff_t distance) {
  const ptrdiff_t row_bytes = bfloat16 ? 32 : 64, next = columns * row_bytes;
  const char *from = weight + ((ptrdiff_t)(first >> 4) * columns + column) * row_bytes;
  char square[16 * 64] = {0};
  for (int32_t k = 0; k < depth; k += 16, from += next, to += 256) {
    for (int i = 0; i < panels; i++) {
      const int32_t left = columns - column - i * 16;
      const char *rows = from + i * 16 * row_bytes;
      // What is read next lies too far ahead for the processor to guess.
      if (k + 16 < depth) {
        for (int line = 0; line < 16 * row_bytes; line += 64) __builtin_prefetch(rows + next + line);
      }
      // Columns that are not there would be read beyond the end.
      if (left < 16) rows = memcpy(square, rows, left * row_bytes);
      if (bfloat16) transpose_square(rows, 1, to + i * distance);
      else transpose_square(rows, 0, to + i * distance);
    }
  }
}
