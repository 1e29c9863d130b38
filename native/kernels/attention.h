/** Attention, forward; src/backend/cpu/assembly/attention.ts, which gives the order of every sum and describes the list of work. */
#pragma once
#include "attentionCheck.h"

/** Where a tile's rows lie in the scratch. */
typedef struct {
  float *q, *scores, *sums, *maxima, *totals, *shrinks, *copies;
} attention_scratch;

/** WebAssembly's f32.max. */
static float max_of_two(float a, float b) {
  if (a != a || b != b) return a + b;
  if (a == b) return signbit(a) ? b : a;
  return a > b ? a : b;
}

static float largest_of(const float *from, const float *end) {
  vector tops[PANEL_VECTORS];
  for (int v = 0; v < PANEL_VECTORS; v++) tops[v] = v_load(from + v * LANES);
  for (from += 16; from < end; from += 16)
    for (int v = 0; v < PANEL_VECTORS; v++) tops[v] = v_pmax(tops[v], v_load(from + v * LANES));
  float x[16], four[4];
  for (int v = 0; v < PANEL_VECTORS; v++) v_store(x + v * LANES, tops[v]);
  for (int i = 0; i < 4; i++) four[i] = pmax(pmax(x[i], x[i + 4]), pmax(x[i + 8], x[i + 12]));
  return pmax(pmax(four[0], four[2]), pmax(four[1], four[3]));
}

/** Turns scores into exp(score − maximum); their sum. */
static float exponentials(float *from, const float *end, float maximum) {
  vector sums[PANEL_VECTORS];
  for (int v = 0; v < PANEL_VECTORS; v++) sums[v] = v_zero();
  for (; from < end; from += 16)
    for (int v = 0; v < PANEL_VECTORS; v++) {
      const vector p = v_exp_below(v_sub(v_load(from + v * LANES), v_splat(maximum)));
      v_store(from + v * LANES, p);
      sums[v] = v_add(sums[v], p);
    }
  return sum_of_16(sums);
}

/** Turns scores of rows into probabilities and brings their maxima, totals and sums up to date. `shrinks` has room for whole blocks of 16. */
static void softmax(const attention_job *job, int32_t rows, visibility v, float *row, float *maxima, float *totals, float *sums, float *shrinks) {
  for (int32_t r = 0; r < rows; r++) {
    const int32_t seen = visible(v, r);
    shrinks[r] = 0;
    if (seen == 0) continue;
    float *from = row + r * SCORE_ROW, before = maxima[r];
    for (int32_t key = seen; key < whole_panels(seen); key++) from[key] = -INFINITY;
    maxima[r] = max_of_two(before, largest_of(from, from + whole_panels(seen)));
    shrinks[r] = before - maxima[r];
  }
  for (int32_t r = 0; r < rows; r += LANES) v_store(shrinks + r, v_exp_below(v_load(shrinks + r)));
  const int32_t width = whole_panels(visible(v, rows - 1));
  for (int32_t r = 0; r < rows; r++, sums += job->padded) {
    const int32_t seen = visible(v, r), end = whole_panels(seen);
    float *from = row + r * SCORE_ROW;
    if (seen > 0) {
      if (shrinks[r] != 1) {
        for (int32_t i = 0; i < job->padded; i += LANES) v_store(sums + i, v_mul(v_load(sums + i), v_splat(shrinks[r])));
      }
      totals[r] = totals[r] * shrinks[r] + exponentials(from, from + end, maxima[r]);
    }
    memset(from + end, 0, (size_t)(width - end) * 4);
  }
}

/** Works on the block of keys that begins with key `first`, of which the tile's prefix has `shared`. */
static void attention_block(const attention_job *job, const attention_entry *entry, const attention_scratch *at, int32_t key_value_head,
                            int32_t first, int32_t shared) {
  const attention_piece *pieces = (const attention_piece *)((const char *)list_of(job) + entry->place);
  const float *v = matrix_of(job, ATTENTION_V) + (ptrdiff_t)key_value_head * job->head_dim;
  const int32_t group = job->group, rows = entry->queries * group;
  const visibility of_prefix = {shared, shared, group};
  if (shared > 0) {
    const float *panels = panel_of(job, ATTENTION_KEY_PANELS, entry->prefix_panel + first / 16, key_value_head);
    scores(job, rows, at->q, job->padded, panels, of_prefix, at->scores);
  }
  // Of each piece: its first own key in the block, how many there are, and how many of them its first query sees.
  for (int32_t i = 0; i < entry->pieces; i++) {
    const attention_piece *piece = pieces + i;
    const int32_t length = piece->seen + piece->queries - 1, row = piece->query * group, piece_rows = piece->queries * group;
    if (entry->prefix_length + length <= first) continue;
    const int32_t own = first > entry->prefix_length ? first - entry->prefix_length : 0;
    const int32_t left = length - own, count = left < KEY_BLOCK - shared ? left : KEY_BLOCK - shared, seen = piece->seen - own;
    float *block = at->scores + (ptrdiff_t)row * SCORE_ROW;
    if (count > 0) {
      const int32_t before = own & 15;
      const float *panels = panel_of(job, ATTENTION_KEY_PANELS, piece->panel + own / 16, key_value_head);
      const visibility v_own = {before + count, before + seen, group};
      scores(job, piece_rows, at->q + (ptrdiff_t)row * job->padded, job->padded, panels, v_own, block + shared - before);
    }
    const visibility v_all = {shared + count, shared + seen, group};
    softmax(job, piece_rows, v_all, block, at->maxima + row, at->totals + row, at->sums + (ptrdiff_t)row * job->padded, at->shrinks);
  }
  if (shared > 0) {
    ptrdiff_t stride = job->key_stride;
    const float *values = whole_rows(job, v + (entry->prefix_row + first) * stride, &stride, shared, at->copies);
    mix(job, rows, at->scores, values, stride, of_prefix, at->sums);
  }
  for (int32_t i = 0; i < entry->pieces; i++) {
    const attention_piece *piece = pieces + i;
    const int32_t length = piece->seen + piece->queries - 1, row = piece->query * group, piece_rows = piece->queries * group;
    const int32_t own = first > entry->prefix_length ? first - entry->prefix_length : 0;
    const int32_t left = length - own, count = left < KEY_BLOCK - shared ? left : KEY_BLOCK - shared;
    if (entry->prefix_length + length <= first || count <= 0) continue;
    ptrdiff_t stride = job->key_stride;
    const float *values = whole_rows(job, v + (piece->row + own) * stride, &stride, count, at->copies);
    const visibility v_own = {count, piece->seen - own, group};
    mix(job, piece_rows, at->scores + (ptrdiff_t)row * SCORE_ROW + shared, values, stride, v_own, at->sums + (ptrdiff_t)row * job->padded);
  }
}

static void attention_tile(const attention_job *job, int32_t tile) {
  const int32_t entries = job->args[ATTENTION_ENTRIES], key_value_head = tile / entries;
  const attention_entry *entry = (const attention_entry *)list_of(job) + tile % entries;
  const int32_t rows = entry->queries * job->group, row_numbers = whole_panels(rows);
  attention_scratch at = {.q = job->scratch};
  at.scores = at.q + (ptrdiff_t)rows * job->padded + 16;
  at.sums = at.scores + (ptrdiff_t)rows * SCORE_ROW;
  at.maxima = at.sums + (ptrdiff_t)rows * job->padded + 16;
  at.totals = at.maxima + row_numbers;
  at.shrinks = at.totals + row_numbers;
  at.copies = at.shrinks + row_numbers;

  const ptrdiff_t offset = entry->first_query * job->query_stride + (ptrdiff_t)key_value_head * job->group * job->head_dim;
  copy_queries(job, matrix_of(job, ATTENTION_Q) + offset, entry->queries, at.q);
  memset(at.sums, 0, (size_t)rows * job->padded * 4);
  for (int32_t row = 0; row < rows; row++) {
    at.maxima[row] = -INFINITY;
    at.totals[row] = 0;
  }
  const attention_piece *pieces = (const attention_piece *)((const char *)list_of(job) + entry->place);
  int32_t length = 0;
  for (int32_t i = 0; i < entry->pieces; i++) {
    const int32_t last = entry->prefix_length + pieces[i].queries + pieces[i].seen - 1;
    if (last > length) length = last;
  }
  for (int32_t first = 0; first < length; first += KEY_BLOCK) {
    const int32_t left = entry->prefix_length - first, shared = left < 0 ? 0 : left < KEY_BLOCK ? left : KEY_BLOCK;
    attention_block(job, entry, &at, key_value_head, first, shared);
  }
  float *y = matrix_of(job, ATTENTION_Y) + offset;
  float *log_sum_exp = matrix_of(job, ATTENTION_LOG_SUM_EXP) + (ptrdiff_t)entry->first_query * job->heads + key_value_head * job->group;
  for (int32_t query = 0, row = 0; query < entry->queries; query++)
    for (int32_t head = 0; head < job->group; head++, row++) {
      float *to = y + query * job->query_stride + (ptrdiff_t)head * job->head_dim;
      write_row(job, at.sums + (ptrdiff_t)row * job->padded, 1 / at.totals[row], to);
      log_sum_exp[(ptrdiff_t)query * job->heads + head] = at.maxima[row] + log_1(at.totals[row]);
    }
}

static void attention(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread) {
  const attention_job job = attention_start(memory, args, thread);
  for (int32_t tile = first; tile < end; tile++) {
    if (is_query_tile_inside(&job, tile, 0)) attention_tile(&job, tile);
    else report_fault(memory);
  }
}
