/** The gradient of attention; src/backend/cpu/assembly/attentionGradient.ts, which gives the order of every sum and describes the lists. */
#pragma once
#include "attention.h"

/** Σ a·b over a head's numbers, in 16 lanes. */
static float dot(const float *a, const float *b, int32_t count) {
  vector sums[PANEL_VECTORS];
  for (int v = 0; v < PANEL_VECTORS; v++) sums[v] = v_zero();
  for (; count > 0; count -= 16, a += 16, b += 16) {
    float x[16] = {0}, y[16] = {0};
    if (count < 16) {
      memcpy(x, a, (size_t)count * 4);
      memcpy(y, b, (size_t)count * 4);
    }
    const float *from = count < 16 ? x : a, *other = count < 16 ? y : b;
    for (int v = 0; v < PANEL_VECTORS; v++) sums[v] = v_madd(v_load(from + v * LANES), v_load(other + v * LANES), sums[v]);
  }
  return sum_of_16(sums);
}

/** Turns scores into probabilities, and dy·vᵀ into ds, 0 for keys that a row does not see. */
static void probabilities(const attention_job *job, int32_t rows, visibility v, float *p, float *ds, const float *log_sum_exp, const float *delta) {
  const int32_t width = whole_panels(visible(v, rows - 1));
  for (int32_t row = 0; row < rows; row++, p += SCORE_ROW, ds += SCORE_ROW) {
    const int32_t seen = visible(v, row), end = whole_panels(seen);
    const ptrdiff_t offset = (ptrdiff_t)(row / v.rows_per_query) * job->heads + row % v.rows_per_query;
    const vector shift = v_splat(log_sum_exp[offset]), mean = v_splat(delta[offset]);
    for (int32_t key = 0; key < end; key += LANES) {
      const vector probability = v_exp_below(v_sub(v_load(p + key), shift));
      v_store(p + key, probability);
      v_store(ds + key, v_mul(v_sub(v_load(ds + key), mean), probability));
    }
    memset(p + seen, 0, (size_t)(width - seen) * 4);
    memset(ds + seen, 0, (size_t)(width - seen) * 4);
  }
}

/** What the steps of a tile of dq share: its rows of q, dy and dq, both kinds of scores, and row 0 of logSumExp and delta. */
typedef struct {
  float *q, *dy, *sums, *p, *ds, *copies, *log_sum_exp, *delta;
} query_gradient;

/** Works through `length` keys with some of the tile's rows, of which those of the first query see `seen`. */
static void add_keys(const attention_job *job, const query_gradient *at, int32_t query, int32_t queries, int32_t panel, int32_t key_value_head,
                     const float *keys, int32_t seen, int32_t length) {
  const int32_t row = query * job->group, rows = queries * job->group;
  const ptrdiff_t padded = (ptrdiff_t)row * job->padded, first_number = (ptrdiff_t)query * job->heads;
  float *p = at->p + (ptrdiff_t)row * SCORE_ROW, *ds = at->ds + (ptrdiff_t)row * SCORE_ROW;
  for (int32_t first = 0; first < length; first += KEY_BLOCK) {
    const int32_t count = length - first < KEY_BLOCK ? length - first : KEY_BLOCK;
    const visibility v = {count, seen - first, job->group};
    scores(job, rows, at->q + padded, job->padded, panel_of(job, ATTENTION_KEY_PANELS, panel + first / 16, key_value_head), v, p);
    scores(job, rows, at->dy + padded, job->padded, panel_of(job, ATTENTION_VALUE_PANELS, panel + first / 16, key_value_head), v, ds);
    probabilities(job, rows, v, p, ds, at->log_sum_exp + first_number, at->delta + first_number);
    ptrdiff_t stride = job->key_stride;
    const float *from = whole_rows(job, keys + first * stride, &stride, count, at->copies);
    mix(job, rows, ds, from, stride, v, at->sums + padded);
  }
}

static void query_gradient_tile(const attention_job *job, int32_t tile) {
  const int32_t entries = job->args[ATTENTION_ENTRIES], key_value_head = tile / entries, group = job->group;
  const attention_entry *entry = (const attention_entry *)list_of(job) + tile % entries;
  const int32_t rows = entry->queries * group;
  const ptrdiff_t padded = (ptrdiff_t)rows * job->padded, rows_of_scores = (ptrdiff_t)rows * SCORE_ROW;
  query_gradient at = {.q = job->scratch};
  at.dy = at.q + padded;
  at.sums = at.dy + padded;
  at.p = at.sums + padded;
  at.ds = at.p + rows_of_scores;
  at.copies = at.ds + rows_of_scores;
  const ptrdiff_t offset = entry->first_query * job->query_stride + (ptrdiff_t)key_value_head * group * job->head_dim;
  const ptrdiff_t first_number = (ptrdiff_t)entry->first_query * job->heads + key_value_head * group;
  at.log_sum_exp = matrix_of(job, ATTENTION_LOG_SUM_EXP) + first_number;
  at.delta = matrix_of(job, ATTENTION_DELTA) + first_number;
  copy_queries(job, matrix_of(job, ATTENTION_Q) + offset, entry->queries, at.q);
  copy_queries(job, matrix_of(job, ATTENTION_DY) + offset, entry->queries, at.dy);
  memset(at.sums, 0, (size_t)padded * 4);
  const float *y = matrix_of(job, ATTENTION_Y) + offset;
  for (int32_t row = 0; row < rows; row++) {
    const int32_t query = row / group, head = row % group;
    const float *of_row = y + query * job->query_stride + (ptrdiff_t)head * job->head_dim;
    at.delta[(ptrdiff_t)query * job->heads + head] = dot(at.dy + (ptrdiff_t)row * job->padded, of_row, job->head_dim);
  }

  const float *k = matrix_of(job, ATTENTION_K) + (ptrdiff_t)key_value_head * job->head_dim;
  const float *prefix = k + entry->prefix_row * job->key_stride;
  add_keys(job, &at, 0, entry->queries, entry->prefix_panel, key_value_head, prefix, entry->prefix_length, entry->prefix_length);
  const attention_piece *pieces = (const attention_piece *)((const char *)list_of(job) + entry->place);
  for (int32_t i = 0; i < entry->pieces; i++) {
    const attention_piece *piece = pieces + i;
    const float *own = k + piece->row * job->key_stride;
    const int32_t length = piece->seen + piece->queries - 1;
    add_keys(job, &at, piece->query, piece->queries, piece->panel, key_value_head, own, piece->seen, length);
  }
  float *dq = matrix_of(job, ATTENTION_DQ) + offset;
  for (int32_t row = 0; row < rows; row++) {
    float *to = dq + (row / group) * job->query_stride + (ptrdiff_t)(row % group) * job->head_dim;
    write_row(job, at.sums + (ptrdiff_t)row * job->padded, number(job->args, ATTENTION_SCALE), to);
  }
}

static void attention_query_gradient(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread) {
  const attention_job job = attention_start(memory, args, thread);
  for (int32_t tile = first; tile < end; tile++) {
    if (is_query_tile_inside(&job, tile, 1)) query_gradient_tile(&job, tile);
    else report_fault(memory);
  }
}

/** sums[key] += Σ weights[query][key] · matrix[query]; a block of keys begins with the first query that sees one of them. */
static void mix_queries(const attention_job *job, int32_t rows, int32_t keys, int32_t seen, const float *weights, const float *matrix,
                        ptrdiff_t stride, float *sums) {
  const int32_t count = (keys + ROWS_1 - 1) / ROWS_1, across = job->padded / 16;
  for (int32_t i = 0, key = 0; i < count; i++) {
    const int32_t end = keys * (i + 1) / count, height = end - key;
    int32_t row = key + 1 - seen;
    row = row < 0 ? 0 : row < rows ? row : rows;
    const left_matrix a = {(const char *)(weights + row * SCORE_ROW + key), 4, SCORE_ROW * 4};
    for (int32_t panel = 0; panel < across;) {
      const int together = panels_for(height, across - panel);
      const right_matrix b = {(const char *)(matrix + row * stride + panel * 16), 64, stride * 4};
      const block_sums to = {sums + (ptrdiff_t)key * job->padded + panel * 16, job->padded};
      multiply(height, together, BLOCK_STRIDED, a, b, rows - row, to);
      panel += together;
    }
    key = end;
  }
}

static void key_gradient_tile(const attention_job *job, int32_t tile) {
  const int32_t entries = job->args[ATTENTION_ENTRIES], key_value_head = tile / entries;
  const int32_t *args = job->args;
  const key_entry *entry = (const key_entry *)list_of(job) + tile % entries;
  float *p = job->scratch, *ds = p + QUERY_BLOCK * SCORE_ROW, *dk_sums = ds + QUERY_BLOCK * SCORE_ROW;
  float *dv_sums = dk_sums + GRADIENT_BLOCK * job->padded, *copies = dv_sums + GRADIENT_BLOCK * job->padded;
  memset(dk_sums, 0, (size_t)(2 * GRADIENT_BLOCK) * job->padded * 4);
  const float *key_panels = panel_of(job, ATTENTION_KEY_PANELS, entry->panel, key_value_head);
  const float *value_panels = panel_of(job, ATTENTION_VALUE_PANELS, entry->panel, key_value_head);
  const key_visitor *visitors = (const key_visitor *)((const char *)list_of(job) + entry->place);
  for (int32_t i = 0; i < entry->visitors; i++)
    for (int32_t head = key_value_head * job->group; head < (key_value_head + 1) * job->group; head++)
      for (int32_t query = 0; query < visitors[i].queries; query += QUERY_BLOCK) {
        const int32_t left = visitors[i].queries - query, rows = left < QUERY_BLOCK ? left : QUERY_BLOCK;
        const int32_t keys = visitors[i].keys, seen = visitors[i].seen + query;
        const ptrdiff_t row = visitors[i].first_query + query, offset = row * job->query_stride + (ptrdiff_t)head * job->head_dim;
        const ptrdiff_t first_number = row * job->heads + head;
        const float *q = matrix_of(job, ATTENTION_Q) + offset, *dy = matrix_of(job, ATTENTION_DY) + offset;
        const visibility v = {keys, seen, 1};
        scores(job, rows, q, job->query_stride, key_panels, v, p);
        scores(job, rows, dy, job->query_stride, value_panels, v, ds);
        const float *log_sum_exp = matrix_of(job, ATTENTION_LOG_SUM_EXP), *delta = matrix_of(job, ATTENTION_DELTA);
        probabilities(job, rows, v, p, ds, log_sum_exp + first_number, delta + first_number);
        ptrdiff_t stride = job->query_stride;
        const float *from = whole_rows(job, dy, &stride, rows, copies);
        mix_queries(job, rows, keys, seen, p, from, stride, dv_sums);
        stride = job->query_stride;
        from = whole_rows(job, q, &stride, rows, copies);
        mix_queries(job, rows, keys, seen, ds, from, stride, dk_sums);
      }
  const ptrdiff_t to = entry->first_key * job->key_stride + (ptrdiff_t)key_value_head * job->head_dim;
  for (int32_t key = 0; key < entry->keys; key++) {
    const ptrdiff_t from = (ptrdiff_t)key * job->padded, at = to + key * job->key_stride;
    write_row(job, dk_sums + from, number(args, ATTENTION_SCALE), matrix_of(job, ATTENTION_DK) + at);
    write_row(job, dv_sums + from, 1, matrix_of(job, ATTENTION_DV) + at);
  }
}

static void attention_key_gradient(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread) {
  const attention_job job = attention_start(memory, args, thread);
  for (int32_t tile = first; tile < end; tile++) {
    if (is_key_tile_inside(&job, tile)) key_gradient_tile(&job, tile);
    else report_fault(memory);
  }
}
