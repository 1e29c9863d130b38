/**
 * Whether what a tile of attention reads and writes lies within the memory. What that is stands in lists in memory, which change from
 * token to token while the arguments stay, so that it cannot be known before the kernel runs.
 */
#pragma once
#include "attentionTile.h"

/** Whether `count` numbers from number `first` of what an argument names lie within the memory. In float64, which does not overflow. */
static int is_inside(const attention_job *job, int word, double first, double count) {
  const double start = (uint32_t)job->args[word];
  return first >= 0 && count >= 0 && start >= FIRST_ADDRESS && start + (first + count) * 4 <= memory_bytes(job->memory);
}

/** Rows of a matrix. */
static int are_rows_inside(const attention_job *job, int word, int32_t first, int32_t count, ptrdiff_t stride) {
  return first >= 0 && count >= 0 && is_inside(job, word, (double)first * stride, (double)count * stride);
}

/** Panels of `keys` keys. */
static int are_panels_inside(const attention_job *job, int word, int32_t first, int32_t keys) {
  return are_rows_inside(job, word, first, keys / 16 + (keys % 16 != 0), job->panel);
}

static int is_scratch_inside(const attention_job *job, double numbers) {
  const double start = (char *)job->scratch - job->memory, bytes = (uint32_t)job->args[ATTENTION_SCRATCH_BYTES];
  return start >= FIRST_ADDRESS && numbers * 4 <= bytes && start + bytes <= memory_bytes(job->memory);
}

/** Items of the list that begin `place` bytes from its start. */
static int are_items_inside(const attention_job *job, int32_t place, int32_t count, int words) {
  return place >= 0 && place % 4 == 0 && count >= 0 && is_inside(job, ATTENTION_LIST, place / 4, (double)count * words);
}

/** A tile of queries: for y, or for dq. */
static int is_query_tile_inside(const attention_job *job, int32_t tile, int is_gradient) {
  const int32_t number = tile % job->args[ATTENTION_ENTRIES];
  if (!is_inside(job, ATTENTION_LIST, (double)number * ENTRY_WORDS, ENTRY_WORDS)) return 0;
  const attention_entry entry = ((const attention_entry *)list_of(job))[number];
  const int32_t first = entry.first_query, queries = entry.queries;
  const int values = is_gradient ? ATTENTION_K : ATTENTION_V;
  if (queries < 1 || !are_rows_inside(job, ATTENTION_Q, first, queries, job->query_stride)) return 0;
  if (!are_rows_inside(job, ATTENTION_Y, first, queries, job->query_stride)) return 0;
  if (!are_rows_inside(job, ATTENTION_LOG_SUM_EXP, first, queries, job->heads)) return 0;
  if (is_gradient) {
    if (!are_rows_inside(job, ATTENTION_DY, first, queries, job->query_stride)) return 0;
    if (!are_rows_inside(job, ATTENTION_DQ, first, queries, job->query_stride)) return 0;
    if (!are_rows_inside(job, ATTENTION_DELTA, first, queries, job->heads)) return 0;
  }
  const double rows = (double)queries * job->group, copies = (double)KEY_BLOCK * job->padded;
  const double of_row = is_gradient ? 3 * job->padded + 2 * SCORE_ROW : 2 * job->padded + SCORE_ROW + 3;
  // Three numbers for each row are filled up to 16 rows, and 32 numbers lie between the parts.
  const double between = is_gradient ? 0 : 32 + 3 * (whole_panels(queries * job->group) - rows);
  if (!is_scratch_inside(job, rows * of_row + between + (job->head_dim == job->padded ? 0 : copies))) return 0;
  if (!are_items_inside(job, entry.place, entry.pieces, PIECE_WORDS)) return 0;
  const attention_piece *pieces = (const attention_piece *)((const char *)list_of(job) + entry.place);
  for (int32_t i = -1; i < entry.pieces; i++) {
    // The prefix, then the pieces.
    const attention_piece none = {0, 0, entry.prefix_row, entry.prefix_panel, 0}, piece = i < 0 ? none : pieces[i];
    if (piece.query < 0 || piece.queries < 0 || piece.query > queries - piece.queries) return 0;
    if (i >= 0 && (piece.queries < 1 || piece.seen < 1 || piece.seen > INT32_MAX - piece.queries)) return 0;
    const int32_t keys = i < 0 ? entry.prefix_length : piece.seen + piece.queries - 1;
    if (keys < 0) return 0;
    if (keys == 0) continue;
    if (!are_rows_inside(job, values, piece.row, keys, job->key_stride)) return 0;
    if (!are_panels_inside(job, ATTENTION_KEY_PANELS, piece.panel, keys)) return 0;
    if (is_gradient && !are_panels_inside(job, ATTENTION_VALUE_PANELS, piece.panel, keys)) return 0;
  }
  return 1;
}

/** A tile of keys, for dk and dv. */
static int is_key_tile_inside(const attention_job *job, int32_t tile) {
  const int32_t number = tile % job->args[ATTENTION_ENTRIES];
  if (!is_inside(job, ATTENTION_LIST, (double)number * KEY_ENTRY_WORDS, KEY_ENTRY_WORDS)) return 0;
  const key_entry entry = ((const key_entry *)list_of(job))[number];
  const int32_t keys = entry.keys;
  if (keys < 0 || keys > GRADIENT_BLOCK) return 0;
  if (!are_rows_inside(job, ATTENTION_DK, entry.first_key, keys, job->key_stride)) return 0;
  if (!are_rows_inside(job, ATTENTION_DV, entry.first_key, keys, job->key_stride)) return 0;
  const double of_block = 2.0 * (QUERY_BLOCK * SCORE_ROW + GRADIENT_BLOCK * (double)job->padded);
  const double copies = job->head_dim == job->padded ? 0 : (double)QUERY_BLOCK * job->padded;
  if (!is_scratch_inside(job, of_block + copies)) return 0;
  if (!are_items_inside(job, entry.place, entry.visitors, VISITOR_WORDS)) return 0;
  const key_visitor *visitors = (const key_visitor *)((const char *)list_of(job) + entry.place);
  for (int32_t i = 0; i < entry.visitors; i++) {
    const key_visitor v = visitors[i];
    if (v.keys < 0 || v.keys > keys || v.seen > keys || v.seen < -(1 << 30)) return 0;
    if (!are_rows_inside(job, ATTENTION_Q, v.first_query, v.queries, job->query_stride)) return 0;
    if (!are_rows_inside(job, ATTENTION_DY, v.first_query, v.queries, job->query_stride)) return 0;
    if (!are_rows_inside(job, ATTENTION_LOG_SUM_EXP, v.first_query, v.queries, job->heads)) return 0;
    if (!are_rows_inside(job, ATTENTION_DELTA, v.first_query, v.queries, job->heads)) return 0;
    if (!are_panels_inside(job, ATTENTION_KEY_PANELS, entry.panel, v.keys)) return 0;
    if (!are_panels_inside(job, ATTENTION_VALUE_PANELS, entry.panel, v.keys)) return 0;
  }
  return 1;
}
