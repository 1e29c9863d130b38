/**
 * Blocks of few rows by panels of codes, which are turned into numbers in registers: writing them out would cost more than the products
 * of so few rows. The sums are those of blocks.h, to the bit.
 */
#pragma once
#include "blocks.h"
#include "codes.h"

/** Multiplies with one row of each panel. */
INLINE void add_row(const int rows, const int panels, const char *const row[4], ptrdiff_t offset, vector x[4][PANEL_VECTORS],
                    vector c[4][4][PANEL_VECTORS]) {
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
    const vector s = v_splat(*(const float *)(row[r] + offset));
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++)
#pragma GCC unroll 2
      for (int v = 0; v < PANEL_VECTORS; v++) c[r][p][v] = v_madd(s, x[p][v], c[r][p][v]);
  }
}

/** Some inputs that have their scales in common; those of the panels are `next` numbers apart. */
INLINE void code_block(const int rows, const int panels, const int int4, const int has_offsets, left_matrix a, right_matrix b,
                       code_book book, const float *scales, const float *offsets, ptrdiff_t next, int32_t count, block_sums sums) {
  vector c[4][4][PANEL_VECTORS], x[4][PANEL_VECTORS], y[4][PANEL_VECTORS];
  const char *row[4], *codes = b.at;
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
    row[r] = a.at + r * a.row;
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++)
#pragma GCC unroll 2
      for (int v = 0; v < PANEL_VECTORS; v++) c[r][p][v] = v_load(sums.at + r * sums.row + p * 16 + v * LANES);
  }
  for (int32_t k = 0; k < count; k += int4 ? 2 : 1, codes += 16) {
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++) {
      if (int4) look_up_codes(codes + p * b.panel, book, x[p], y[p]);
      else widen_codes(codes + p * b.panel, x[p]);
#pragma GCC unroll 2
      for (int v = 0; v < PANEL_VECTORS; v++) {
        const vector scale = v_load(scales + p * next + v * LANES);
        const vector offset = has_offsets ? v_load(offsets + p * next + v * LANES) : v_zero();
        x[p][v] = v_mul(x[p][v], scale);
        if (has_offsets) x[p][v] = v_add(x[p][v], offset);
        if (!int4) continue;
        y[p][v] = v_mul(y[p][v], scale);
        if (has_offsets) y[p][v] = v_add(y[p][v], offset);
      }
    }
    add_row(rows, panels, row, (ptrdiff_t)k * 4, x, c);
    if (int4 && k + 1 < count) add_row(rows, panels, row, (ptrdiff_t)k * 4 + 4, y, c);
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++)
#pragma GCC unroll 2
      for (int v = 0; v < PANEL_VECTORS; v++) v_store(sums.at + r * sums.row + p * 16 + v * LANES, c[r][p][v]);
}

typedef void (*code_block_function)(left_matrix a, right_matrix b, code_book book, const float *scales, const float *offsets,
                                    ptrdiff_t next, int32_t count, block_sums sums);

#define CODE_BLOCK(rows, panels, kind, int4, has_offsets) \
  static void code_block_##rows##_##panels##_##kind(left_matrix a, right_matrix b, code_book book, const float *scales, \
                                                    const float *offsets, ptrdiff_t next, int32_t count, block_sums sums) { \
    code_block(rows, panels, int4, has_offsets, a, b, book, scales, offsets, next, count, sums); \
  }
#define CODE_BLOCKS(rows, panels) \
  CODE_BLOCK(rows, panels, int8, 0, 0) CODE_BLOCK(rows, panels, int8_offsets, 0, 1) CODE_BLOCK(rows, panels, int4, 1, 0) \
  CODE_BLOCK(rows, panels, int4_offsets, 1, 1)
#define CODE_ENTRY(rows, panels) \
  { {code_block_##rows##_##panels##_int8, code_block_##rows##_##panels##_int8_offsets}, \
    {code_block_##rows##_##panels##_int4, code_block_##rows##_##panels##_int4_offsets} }

/** Most rows of such a block: beyond them, what is written out serves several blocks. */
#if LANES == 16
enum { CODE_ROWS = 4 };
CODE_BLOCKS(1, 4) CODE_BLOCKS(2, 4) CODE_BLOCKS(3, 4) CODE_BLOCKS(4, 4)
CODE_BLOCKS(1, 1) CODE_BLOCKS(2, 1) CODE_BLOCKS(3, 1) CODE_BLOCKS(4, 1)
/** By rows, whether there are four panels or one, bits and offsets. */
static const code_block_function code_blocks[CODE_ROWS][2][2][2] = {
  {CODE_ENTRY(1, 1), CODE_ENTRY(1, 4)}, {CODE_ENTRY(2, 1), CODE_ENTRY(2, 4)}, {CODE_ENTRY(3, 1), CODE_ENTRY(3, 4)},
  {CODE_ENTRY(4, 1), CODE_ENTRY(4, 4)},
};
#else
enum { CODE_ROWS = 1 };
CODE_BLOCKS(1, 4) CODE_BLOCKS(1, 1)
static const code_block_function code_blocks[CODE_ROWS][2][2][2] = {{CODE_ENTRY(1, 1), CODE_ENTRY(1, 4)}};
#endif

/** sums += a · b for up to CODE_ROWS rows by four panels, or by fewer one after the other. */
static void multiply_codes(int rows, ptrdiff_t panel, int panels, left_matrix a, const code_panels *b, block_sums sums) {
  const ptrdiff_t groups = groups_of(b), panel_bytes = panel_bytes_of(b);
  const code_book book = load_book(b->book);
  const int together = panels == 4 ? 4 : 1;
  for (int p = 0; p < panels; p += together) {
    const code_block_function block = code_blocks[rows - 1][together == 4][b->int4][b->offsets != NULL];
    const char *codes = b->codes + (panel + p) * panel_bytes;
    for (int32_t k = 0; k < b->width;) {
      const int32_t left = b->width - k, count = left < b->group_size ? left : b->group_size;
      const ptrdiff_t number = ((panel + p) * groups + k / b->group_size) * 16;
      const left_matrix part = {a.at + (ptrdiff_t)k * 4, a.row, 4};
      const right_matrix right = {codes + (ptrdiff_t)(b->int4 ? k / 2 : k) * 16, panel_bytes, 16};
      const block_sums to = {sums.at + p * 16, sums.row};
      block(part, right, book, b->scales + number, b->offsets ? b->offsets + number : NULL, groups * 16, count, to);
      k += count;
    }
  }
}
