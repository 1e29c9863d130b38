/**
 * Blocks of a product: some rows by some panels of 16 columns, with the sums in registers. Every sum is one chain of fused
 * multiply-adds over the depth in ascending order, which starts with what `sums` holds: rows of [panels][16], at any distance.
 */
#pragma once
#include "simd.h"

#define PANEL_VECTORS (16 / LANES)
/** Rows of a block of 1, 2 and 4 panels: what the registers hold, and chains enough to hide the latency of a multiply-add. */
#if LANES == 16
enum { ROWS_1 = 12, ROWS_2 = 12, ROWS_4 = 4 };
#else
enum { ROWS_1 = 6, ROWS_2 = 2, ROWS_4 = 1 };
#endif

/** The left-hand matrix of a block: `depth` numbers of some rows, at strides in bytes. */
typedef struct {
  const char *at;
  ptrdiff_t row, depth;
} left_matrix;

/** The right-hand one: panels `panel` bytes apart, whose rows of 16 are `depth` bytes apart. */
typedef struct {
  const char *at;
  ptrdiff_t panel, depth;
} right_matrix;

/** Where sums stand, and how many numbers lie between two rows. */
typedef struct {
  float *at;
  ptrdiff_t row;
} block_sums;

/** Loads or stores the sums of a block. In pairs of panels, vectors hold 8 columns of both. */
INLINE void move_sums(const int rows, const int panels, const int paired, const int store, vector c[12][4][PANEL_VECTORS],
                      block_sums sums) {
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++) {
      float *at = sums.at + r * sums.row + p * 16;
      (void)paired;
#if LANES == 16
      if (paired) {
        // Columns 0 … 7 of panels p and p + 1, or columns 8 … 15 of p − 1 and p.
        float *low = at - (p & 1) * 8, *high = low + 16;
        if (store) {
          o_store(low, o_low(c[r][p][0]));
          o_store(high, o_high(c[r][p][0]));
        } else c[r][p][0] = v_join(o_load(low), o_load(high));
        continue;
      }
#endif
#pragma GCC unroll 2
      for (int v = 0; v < PANEL_VECTORS; v++) {
        if (store) v_store(at + v * LANES, c[r][p][v]);
        else c[r][p][v] = v_load(at + v * LANES);
      }
    }
}

INLINE void block(const int rows, const int panels, const int bfloat16, const int contiguous, left_matrix a, right_matrix b,
                  int32_t depth, block_sums sums) {
  vector c[12][4][PANEL_VECTORS];
  const int paired = LANES == 16 && bfloat16 && panels % 2 == 0;
  move_sums(rows, panels, paired, 0, c, sums);
  // One pointer for three rows: an address may have one register added, once or twice.
  const char *row[4], *panel = b.at;
#pragma GCC unroll 4
  for (int i = 0; i < (rows + 2) / 3; i++) row[i] = a.at + 3 * i * a.row;
  const ptrdiff_t left_step = contiguous ? 4 : a.depth, right_step = !contiguous ? b.depth : bfloat16 ? 32 : 64;
#pragma GCC unroll 2
  for (int32_t k = 0; k < depth; k++) {
    vector x[4][PANEL_VECTORS];
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++) {
      const char *at = panel + p * b.panel;
#if LANES == 16
      if (paired) {
        if (p % 2 == 0) widen_rows(at, at + b.panel, x[p]);
        continue;
      }
#endif
      if (bfloat16) widen_row(at, x[p]);
      else
#pragma GCC unroll 2
        for (int v = 0; v < PANEL_VECTORS; v++) x[p][v] = v_load(at + v * LANES * 4);
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) {
      const vector s = v_splat(*(const float *)(row[r / 3] + (r % 3) * a.row));
#pragma GCC unroll 4
      for (int p = 0; p < panels; p++)
#pragma GCC unroll 2
        for (int v = 0; v < PANEL_VECTORS; v++) c[r][p][v] = v_madd(s, x[p][v], c[r][p][v]);
    }
    panel += right_step;
#pragma GCC unroll 4
    for (int i = 0; i < (rows + 2) / 3; i++) row[i] += left_step;
  }
  move_sums(rows, panels, paired, 1, c, sums);
}

typedef void (*block_function)(left_matrix a, right_matrix b, int32_t depth, block_sums sums);

/** How a block reads: float32 panels, bfloat16 panels, and float32 panels with any strides of depth on both sides. */
enum { BLOCK_FLOAT32, BLOCK_BFLOAT16, BLOCK_STRIDED, BLOCK_KINDS };

#define BLOCK(rows, panels, kind, bfloat16, contiguous) \
  static void block_##rows##_##panels##_##kind(left_matrix a, right_matrix b, int32_t depth, block_sums sums) { \
    block(rows, panels, bfloat16, contiguous, a, b, depth, sums); \
  }
#define BLOCKS(rows, panels) \
  BLOCK(rows, panels, float32, 0, 1) BLOCK(rows, panels, bfloat16, 1, 1) BLOCK(rows, panels, strided, 0, 0)
#define ENTRY(rows, panels) \
  { block_##rows##_##panels##_float32, block_##rows##_##panels##_bfloat16, block_##rows##_##panels##_strided }

BLOCKS(1, 1) BLOCKS(2, 1) BLOCKS(3, 1) BLOCKS(4, 1) BLOCKS(5, 1) BLOCKS(6, 1) BLOCKS(1, 2) BLOCKS(2, 2) BLOCKS(1, 4)
#if LANES == 16
BLOCKS(7, 1) BLOCKS(8, 1) BLOCKS(9, 1) BLOCKS(10, 1) BLOCKS(11, 1) BLOCKS(12, 1)
BLOCKS(3, 2) BLOCKS(4, 2) BLOCKS(5, 2) BLOCKS(6, 2) BLOCKS(7, 2) BLOCKS(8, 2) BLOCKS(9, 2) BLOCKS(10, 2) BLOCKS(11, 2) BLOCKS(12, 2)
BLOCKS(2, 4) BLOCKS(3, 4) BLOCKS(4, 4)
#endif

static const block_function blocks_1[ROWS_1][BLOCK_KINDS] = {
  ENTRY(1, 1), ENTRY(2, 1), ENTRY(3, 1), ENTRY(4, 1), ENTRY(5, 1), ENTRY(6, 1),
#if LANES == 16
  ENTRY(7, 1), ENTRY(8, 1), ENTRY(9, 1), ENTRY(10, 1), ENTRY(11, 1), ENTRY(12, 1),
#endif
};
static const block_function blocks_2[ROWS_2][BLOCK_KINDS] = {
  ENTRY(1, 2), ENTRY(2, 2),
#if LANES == 16
  ENTRY(3, 2), ENTRY(4, 2), ENTRY(5, 2), ENTRY(6, 2), ENTRY(7, 2), ENTRY(8, 2), ENTRY(9, 2), ENTRY(10, 2), ENTRY(11, 2), ENTRY(12, 2),
#endif
};
static const block_function blocks_4[ROWS_4][BLOCK_KINDS] = {
  ENTRY(1, 4),
#if LANES == 16
  ENTRY(2, 4), ENTRY(3, 4), ENTRY(4, 4),
#endif
};

/** Panels of a block with so many rows, at most `left`. */
static int block_panels(int rows, int left) {
  if (left >= 4 && rows <= ROWS_4) return 4;
  // More rows than one block holds are shared out among blocks; with 16 lanes two panels share what is loaded of them.
  return left >= 2 && (LANES == 16 || rows <= ROWS_2) ? 2 : 1;
}

/** Most rows of a block. */
static int block_rows(int panels) { return panels == 4 ? ROWS_4 : panels == 2 ? ROWS_2 : ROWS_1; }

/** sums += a · b for any number of rows, cut into blocks of about equal size. */
static void multiply(int rows, int panels, int kind, left_matrix a, right_matrix b, int32_t depth, block_sums sums) {
  const int most = block_rows(panels), count = (rows + most - 1) / most;
  int first = 0;
  for (int i = 1; i <= count; i++) {
    const int end = rows * i / count, height = end - first;
    const block_function *functions = panels == 4 ? blocks_4[height - 1] : panels == 2 ? blocks_2[height - 1] : blocks_1[height - 1];
    const left_matrix part = {a.at + first * a.row, a.row, a.depth};
    const block_sums to = {sums.at + first * sums.row, sums.row};
    functions[kind](part, b, depth, to);
    first = end;
  }
}
