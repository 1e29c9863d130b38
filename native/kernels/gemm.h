/**
 * C = alpha * (A·B + A'·B') (+ C) (+ bias): the sums of src/backend/cpu/assembly/gemm.ts in the same order, so the same bits. Columns
 * of C are lanes, and each element is one chain of fused multiply-adds over the depth in ascending order, that of A'·B' after that of
 * A·B. The forms of B (`MODE`) are described there.
 */
#pragma once
#include "blocks.h"
#include "codeBlocks.h"
#include "codes.h"
#include "kernels.h"
#include "panels.h"

enum {
  GEMM_A, GEMM_A_ROW, GEMM_A_DEPTH, GEMM_B, GEMM_MODE, GEMM_B_DEPTH, GEMM_B_COLUMN, GEMM_C, GEMM_C_ROW, GEMM_C_COLUMN, GEMM_ROWS,
  GEMM_COLUMNS, GEMM_DEPTH, GEMM_BIAS, GEMM_ALPHA, GEMM_ACCUMULATE, GEMM_TILE_ROWS, GEMM_SCRATCH, GEMM_SCRATCH_BYTES, GEMM_LOW_A,
  GEMM_LOW_A_ROW, GEMM_LOW_B, GEMM_LOW_B_DEPTH, GEMM_LOW_DEPTH, GEMM_TILE_PANELS, GEMM_SCALES, GEMM_OFFSETS,
  GEMM_CODEBOOK, GEMM_GROUP_SIZE, GEMM_B_HIGH
};

/** Numbers of the depth that are written out at a time, of all panels of a block together: 32 KiB, about a first-level cache. */
enum { STRETCH = 512 };
/** Rows that are worked on at a time; their sums stand on the stack, 32 KiB of two panels. */
enum { SUM_ROWS = 256 };

/** Panels p … p + panels − 1 of B, and what is needed to write out a stretch of their depth. */
typedef struct {
  char *memory;
  const int32_t *args;
  int32_t panel;
  int panels;
} right_panels;

static int width_of(const right_panels *b, int i) {
  const int32_t left = b->args[GEMM_COLUMNS] - (b->panel + i) * 16;
  return left < 16 ? left : 16;
}

/** B where it is stored as codes, and how many inputs a panel of it has. */
static code_panels codes_of(const right_panels *b) {
  const int32_t *args = b->args;
  const int mode = args[GEMM_MODE], transposed = mode >= TRANSPOSED_INT8_PANELS;
  return (code_panels){
    .codes = wide_address(b->memory, args, GEMM_B, GEMM_B_HIGH),
    .scales = (const float *)address(b->memory, args, GEMM_SCALES),
    .offsets = args[GEMM_OFFSETS] ? (const float *)address(b->memory, args, GEMM_OFFSETS) : NULL,
    .book = (const float *)address(b->memory, args, GEMM_CODEBOOK),
    .int4 = mode == INT4_PANELS || mode == TRANSPOSED_INT4_PANELS,
    .width = transposed ? args[GEMM_COLUMNS] : args[GEMM_DEPTH],
    .group_size = args[GEMM_GROUP_SIZE],
  };
}

/** Writes numbers first … first + depth − 1 of the panels out, each panel [depth, a multiple of 16][16]. */
static void write_panels(const right_panels *b, int32_t first, int32_t depth, float *to) {
  const int32_t *args = b->args;
  const int mode = args[GEMM_MODE];
  const char *from = wide_address(b->memory, args, GEMM_B, GEMM_B_HIGH);
  const ptrdiff_t distance = ((depth + 15) & ~15) * 16;
  if (mode == TRANSPOSED_FLOAT32_PANELS || mode == TRANSPOSED_BFLOAT16_PANELS) {
    const int bfloat16 = mode == TRANSPOSED_BFLOAT16_PANELS;
    transpose_panels(from, bfloat16, args[GEMM_COLUMNS], b->panel * 16, b->panels, first, depth, to, distance);
    return;
  }
  if (mode >= INT8_PANELS) {
    const code_panels codes = codes_of(b);
    if (mode >= TRANSPOSED_INT8_PANELS) transpose_codes(&codes, b->panel * 16, b->panels, first, depth, to, distance);
    else
      for (int i = 0; i < b->panels; i++) scale_panel(&codes, b->panel + i, first, depth, to + i * distance);
    return;
  }
  const ptrdiff_t depth_stride = args[GEMM_B_DEPTH], column_stride = args[GEMM_B_COLUMN];
  for (int i = 0; i < b->panels; i++, to += distance) {
    const ptrdiff_t panel = b->panel + i, number = panel * args[GEMM_DEPTH] + first;
    if (mode == BFLOAT16_PANELS) widen_panel(from + number * 32, depth, to);
    else {
      const char *at = from + first * depth_stride + panel * 16 * column_stride;
      copy_panel(at, depth_stride, column_stride, depth, width_of(b, i), to);
    }
  }
}

/**
 * sums += A·B for some rows of A. Panels in float32 are used in place; widening those in bfloat16 costs AVX-512 more than writing them
 * out when several blocks follow.
 */
static void add_product(const right_panels *b, left_matrix a, int rows, float *written, block_sums sums) {
  const int32_t *args = b->args, depth = args[GEMM_DEPTH];
  const int mode = args[GEMM_MODE], contiguous = a.depth == 4;
  const char *from = wide_address(b->memory, args, GEMM_B, GEMM_B_HIGH);
  const ptrdiff_t number = (ptrdiff_t)b->panel * depth;
  if (mode == FLOAT32_PANELS) {
    const right_matrix panels = {from + number * 64, (ptrdiff_t)depth * 64, 64};
    multiply(rows, b->panels, contiguous ? BLOCK_FLOAT32 : BLOCK_STRIDED, a, panels, depth, sums);
  } else if (mode == BFLOAT16_PANELS && contiguous && (LANES != 16 || rows <= ROWS_2)) {
    const right_matrix panels = {from + number * 32, (ptrdiff_t)depth * 32, 32};
    multiply(rows, b->panels, BLOCK_BFLOAT16, a, panels, depth, sums);
  } else if ((mode == INT8_PANELS || mode == INT4_PANELS) && contiguous && rows <= CODE_ROWS) {
    const code_panels codes = codes_of(b);
    multiply_codes(rows, b->panel, b->panels, a, &codes, sums);
  } else {
    const int32_t stretch = STRETCH / b->panels;
    for (int32_t first = 0; first < depth; first += stretch) {
      const int32_t count = depth - first < stretch ? depth - first : stretch;
      write_panels(b, first, count, written);
      const right_matrix panels = {(const char *)written, (ptrdiff_t)((count + 15) & ~15) * 64, 64};
      const left_matrix part = {a.at + first * a.depth, a.row, a.depth};
      multiply(rows, b->panels, contiguous ? BLOCK_FLOAT32 : BLOCK_STRIDED, part, panels, count, sums);
    }
  }
}

/** sums += A'·B', the product of small depth. */
static void add_low_product(const right_panels *b, int32_t row, int rows, float *written, block_sums sums) {
  const int32_t *args = b->args, depth = args[GEMM_LOW_DEPTH];
  const ptrdiff_t row_stride = args[GEMM_LOW_A_ROW], depth_stride = args[GEMM_LOW_B_DEPTH];
  const char *a = address(b->memory, args, GEMM_LOW_A) + row * row_stride, *from = address(b->memory, args, GEMM_LOW_B);
  if (depth_stride == 0) {
    const left_matrix left = {a, row_stride, 4};
    const right_matrix panels = {from + (ptrdiff_t)b->panel * depth * 64, (ptrdiff_t)depth * 64, 64};
    multiply(rows, b->panels, BLOCK_FLOAT32, left, panels, depth, sums);
    return;
  }
  const int32_t stretch = STRETCH / b->panels;
  for (int32_t first = 0; first < depth; first += stretch) {
    const int32_t count = depth - first < stretch ? depth - first : stretch;
    for (int i = 0; i < b->panels; i++) {
      const char *at = from + first * depth_stride + (ptrdiff_t)(b->panel + i) * 64;
      copy_panel(at, depth_stride, 4, count, width_of(b, i), written + (ptrdiff_t)i * count * 16);
    }
    const left_matrix left = {a + (ptrdiff_t)first * 4, row_stride, 4};
    const right_matrix panels = {(const char *)written, (ptrdiff_t)count * 64, 64};
    multiply(rows, b->panels, BLOCK_FLOAT32, left, panels, count, sums);
  }
}

/** Writes 16 sums to one row of C. */
INLINE void store_row(char *memory, const int32_t *args, const float *from, char *c, int32_t column, int width) {
  const float alpha = number(args, GEMM_ALPHA), *bias = (const float *)address(memory, args, GEMM_BIAS) + column;
  const int has_bias = args[GEMM_BIAS] != 0, accumulate = args[GEMM_ACCUMULATE];
  const ptrdiff_t column_stride = args[GEMM_C_COLUMN];
  if (width == 16 && column_stride == 4) {
    for (int v = 0; v < 16; v += LANES) {
      vector x = v_load(from + v);
      if (alpha != 1) x = v_mul(x, v_splat(alpha));
      if (has_bias) x = v_add(x, v_load(bias + v));
      if (accumulate) x = v_add(x, v_load(c + v * 4));
      v_store(c + v * 4, x);
    }
    return;
  }
  for (int j = 0; j < width; j++) {
    float x = from[j], *at = (float *)(c + j * column_stride);
    if (alpha != 1) x *= alpha;
    if (has_bias) x += bias[j];
    *at = accumulate ? x + *at : x;
  }
}

/** Rows first … first + rows − 1 of C by some panels that lie beside each other. */
static void multiply_rows(char *memory, const int32_t *args, int32_t first, int rows, int32_t panel, int32_t end_panel) {
  // Beyond what the products themselves need: a stretch is filled up to a multiple of 16.
  __attribute__((aligned(64))) float written[(STRETCH + 64) * 16], sums[SUM_ROWS * 2 * 16];
  const ptrdiff_t a_row = args[GEMM_A_ROW], c_row = args[GEMM_C_ROW], c_column = args[GEMM_C_COLUMN];
  const left_matrix a = {address(memory, args, GEMM_A) + first * a_row, a_row, args[GEMM_A_DEPTH]};
  while (panel < end_panel) {
    const right_panels b = {memory, args, panel, block_panels(rows, end_panel - panel)};
    memset(sums, 0, sizeof(float) * 16 * rows * b.panels);
    const block_sums to = {sums, b.panels * 16};
    add_product(&b, a, rows, written, to);
    if (args[GEMM_LOW_DEPTH] > 0) add_low_product(&b, first, rows, written, to);
    for (int i = 0; i < b.panels; i++) {
      const int32_t column = (panel + i) * 16;
      char *c = address(memory, args, GEMM_C) + first * c_row + column * c_column;
      for (int r = 0; r < rows; r++) {
        store_row(memory, args, sums + (r * b.panels + i) * 16, c + r * c_row, column, width_of(&b, i));
      }
    }
    panel += b.panels;
  }
}

static void gemm(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread) {
  (void)thread;
  const int32_t panels = (int32_t)(((int64_t)args[GEMM_COLUMNS] + 15) >> 4), tile_panels = args[GEMM_TILE_PANELS];
  const int32_t tile_rows = args[GEMM_TILE_ROWS], rows = args[GEMM_ROWS], across = (panels + tile_panels - 1) / tile_panels;
  while (first < end) {
    // Tiles beside each other are worked on together: the same rows, panel after panel.
    const int32_t tile = first % across, count = end - first < across - tile ? end - first : across - tile;
    const int32_t panel = tile * tile_panels, end_panel = count < across - tile ? panel + count * tile_panels : panels;
    const int64_t first_row = (int64_t)(first / across) * tile_rows, end_row = first_row + tile_rows < rows ? first_row + tile_rows : rows;
    for (int64_t row = first_row; row < end_row; row += SUM_ROWS) {
      const int height = end_row - row < SUM_ROWS ? (int)(end_row - row) : SUM_ROWS;
      multiply_rows(memory, args, (int32_t)row, height, panel, end_panel);
    }
    first += count;
  }
}
