/** What the kernels of attention share; src/backend/cpu/assembly/attentionTile.ts, which describes panels, rows of scores and padding. */
#pragma once
#include "blocks.h"
#include "exp.h"
#include "kernels.h"

enum {
  ATTENTION_Q, ATTENTION_K, ATTENTION_V, ATTENTION_Y, ATTENTION_LOG_SUM_EXP, ATTENTION_DY, ATTENTION_DELTA, ATTENTION_DQ, ATTENTION_DK,
  ATTENTION_DV, ATTENTION_KEY_PANELS, ATTENTION_VALUE_PANELS, ATTENTION_HEADS, ATTENTION_KEY_VALUE_HEADS, ATTENTION_HEAD_DIM,
  ATTENTION_SCALE, ATTENTION_LIST, ATTENTION_ENTRIES, ATTENTION_SCRATCH, ATTENTION_SCRATCH_BYTES
};

/** Keys of one step of the softmax, and numbers from one row of scores to the next. */
enum { KEY_BLOCK = 64, SCORE_ROW = KEY_BLOCK + 16 };

/** Keys of a tile of dk and dv, and queries of one of its steps. */
enum { GRADIENT_BLOCK = 32, QUERY_BLOCK = 64 };

// The lists of work; places are in bytes from the start of the list.
/** A tile of queries, and a piece of it: a run of queries with keys of its own. */
typedef struct {
  int32_t first_query, queries, prefix_row, prefix_panel, prefix_length, place, pieces;
} attention_entry;
typedef struct {
  int32_t query, queries, row, panel, seen;
} attention_piece;
/** A tile of keys, and a run of queries that see some of them. */
typedef struct {
  int32_t first_key, keys, panel, place, visitors;
} key_entry;
typedef struct {
  int32_t first_query, queries, keys, seen;
} key_visitor;
enum { ENTRY_WORDS = 7, PIECE_WORDS = 5, KEY_ENTRY_WORDS = 5, VISITOR_WORDS = 4 };
_Static_assert(sizeof(attention_entry) == ENTRY_WORDS * 4 && sizeof(attention_piece) == PIECE_WORDS * 4, "the layout of the list");
_Static_assert(sizeof(key_entry) == KEY_ENTRY_WORDS * 4 && sizeof(key_visitor) == VISITOR_WORDS * 4, "the layout of the list");

/** Sizes in numbers. `padded` is a head's numbers filled up to whole blocks of 16; `panel` what lies between two panels of a head. */
typedef struct {
  char *memory;
  const int32_t *args;
  int32_t head_dim, padded, heads, group;
  ptrdiff_t query_stride, key_stride, panel;
  float *scratch;
} attention_job;

static attention_job attention_start(char *memory, const int32_t *args, int32_t thread) {
  const int32_t head_dim = args[ATTENTION_HEAD_DIM], heads = args[ATTENTION_HEADS], key_value_heads = args[ATTENTION_KEY_VALUE_HEADS];
  const ptrdiff_t key_stride = (ptrdiff_t)head_dim * key_value_heads;
  float *scratch = (float *)(address(memory, args, ATTENTION_SCRATCH) + (size_t)thread * (uint32_t)args[ATTENTION_SCRATCH_BYTES]);
  return (attention_job){
    memory, args, head_dim, (head_dim + 15) & ~15, heads, heads / key_value_heads, (ptrdiff_t)head_dim * heads, key_stride,
    key_stride * 16, scratch,
  };
}

/** A matrix or list that an argument names. */
INLINE float *matrix_of(const attention_job *job, int word) { return (float *)address(job->memory, job->args, word); }
INLINE const int32_t *list_of(const attention_job *job) { return (const int32_t *)address(job->memory, job->args, ATTENTION_LIST); }

/** A head's part of a panel. */
INLINE const float *panel_of(const attention_job *job, int word, int32_t panel, int32_t key_value_head) {
  return matrix_of(job, word) + panel * job->panel + (ptrdiff_t)key_value_head * job->head_dim * 16;
}

/** Which of some keys a row sees: query 0 the first `first`, each next query one more. */
typedef struct {
  int32_t keys, first, rows_per_query;
} visibility;
INLINE int32_t visible(visibility v, int32_t row) {
  const int32_t seen = v.first + row / v.rows_per_query;
  return seen < 0 ? 0 : seen < v.keys ? seen : v.keys;
}

INLINE int32_t whole_panels(int32_t keys) { return (keys + 15) & ~15; }

/** Sum of 16 lanes, in the order of assembly/attention.ts. */
static float sum_of_16(const vector sums[PANEL_VECTORS]) {
  float x[16], four[4];
  for (int v = 0; v < PANEL_VECTORS; v++) v_store(x + v * LANES, sums[v]);
  for (int i = 0; i < 4; i++) four[i] = (x[i] + x[i + 4]) + (x[i + 8] + x[i + 12]);
  return (float)(((double)four[0] + (double)four[2]) + ((double)four[1] + (double)four[3]));
}

/** Panels that blocks of so many rows take at a time. */
INLINE int panels_for(int32_t rows, int32_t left) {
  return left >= 4 && rows <= ROWS_4 ? 4 : left >= 2 && (LANES == 16 || rows <= ROWS_2) ? 2 : 1;
}

/** out[row][key] = Σ x[row][d] · panel[d][key], for whole panels of the keys that a block of rows sees. Strides in numbers. */
static void scores(const attention_job *job, int32_t rows, const float *x, ptrdiff_t x_stride, const float *panels, visibility v, float *out) {
  const int32_t count = (rows + ROWS_1 - 1) / ROWS_1;
  for (int32_t i = 0, row = 0; i < count; i++) {
    const int32_t end = rows * (i + 1) / count, height = end - row, seen = visible(v, end - 1), across = whole_panels(seen) / 16;
    const left_matrix a = {(const char *)(x + row * x_stride), x_stride * 4, 4};
    for (int32_t panel = 0; panel < across;) {
      const int together = panels_for(height, across - panel);
      float *to = out + row * SCORE_ROW + panel * 16;
      for (int32_t r = 0; r < height; r++) memset(to + r * SCORE_ROW, 0, (size_t)together * 64);
      const right_matrix b = {(const char *)(panels + panel * job->panel), job->panel * 4, 64};
      multiply(height, together, BLOCK_FLOAT32, a, b, job->head_dim, (block_sums){to, SCORE_ROW});
      panel += together;
    }
    row = end;
  }
}

/** sums[row] += Σ weights[row][key] · values[key], keys ascending; weights of keys that a row does not see are 0. */
static void mix(const attention_job *job, int32_t rows, const float *weights, const float *values, ptrdiff_t stride, visibility v, float *sums) {
  const int32_t count = (rows + ROWS_1 - 1) / ROWS_1, across = job->padded / 16;
  for (int32_t i = 0, row = 0; i < count; i++) {
    const int32_t end = rows * (i + 1) / count, height = end - row, depth = visible(v, end - 1);
    const left_matrix a = {(const char *)(weights + row * SCORE_ROW), SCORE_ROW * 4, 4};
    for (int32_t panel = 0; panel < across;) {
      const int together = panels_for(height, across - panel);
      const right_matrix b = {(const char *)(values + panel * 16), 64, stride * 4};
      multiply(height, together, BLOCK_STRIDED, a, b, depth, (block_sums){sums + (ptrdiff_t)row * job->padded + panel * 16, job->padded});
      panel += together;
    }
    row = end;
  }
}

/** Rows of a head with zeros behind them. */
static void copy_rows(const attention_job *job, const float *from, ptrdiff_t stride, int32_t count, float *copies) {
  for (int32_t row = 0; row < count; row++, from += stride, copies += job->padded) {
    memcpy(copies, from, (size_t)job->head_dim * 4);
    memset(copies + job->head_dim, 0, (size_t)(job->padded - job->head_dim) * 4);
  }
}

/** The rows of a tile of queries, row = query · group + head. */
static void copy_queries(const attention_job *job, const float *from, int32_t queries, float *copies) {
  for (int32_t query = 0; query < queries; query++) {
    copy_rows(job, from + query * job->query_stride, job->head_dim, job->group, copies + (ptrdiff_t)query * job->group * job->padded);
  }
}

/** Rows that can be read 16 numbers at a time: as they lie, or copied for a head dimension that is no multiple of 16. */
static const float *whole_rows(const attention_job *job, const float *from, ptrdiff_t *stride, int32_t count, float *copies) {
  if (job->head_dim == job->padded) return from;
  copy_rows(job, from, *stride, count, copies);
  *stride = job->padded;
  return copies;
}

/** Writes a head's numbers times a factor; never −0. */
static void write_row(const attention_job *job, const float *from, float factor, float *to) {
  int32_t i = 0;
  for (; i + LANES <= job->head_dim; i += LANES) v_store(to + i, v_add(v_mul(v_load(from + i), v_splat(factor)), v_zero()));
  for (; i < job->head_dim; i++) to[i] = from[i] * factor + 0.f;
}
