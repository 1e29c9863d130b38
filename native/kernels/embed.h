/** Rows of a weight in panels as float32; src/backend/cpu/assembly/embed.ts. Here the weight may lie outside the WebAssembly memory. */
#pragma once
#include "codes.h"
#include "kernels.h"
#include "panels.h"

enum {
  EMBED_WEIGHT, EMBED_IDS, EMBED_OUT, EMBED_ROWS, EMBED_WIDTH, EMBED_MODE, EMBED_TILE_ROWS,
  EMBED_SCALES, EMBED_OFFSETS, EMBED_CODEBOOK, EMBED_GROUP_SIZE, EMBED_WEIGHT_HIGH = 29,
  EMBED_WEIGHT_ROWS
};

static void embed(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread) {
  (void)thread;
  const char *weight = wide_address(memory, args, EMBED_WEIGHT, EMBED_WEIGHT_HIGH);
  const int32_t *ids = (const int32_t *)address(memory, args, EMBED_IDS), width = args[EMBED_WIDTH], rows = args[EMBED_ROWS];
  const int mode = args[EMBED_MODE];
  const code_panels codes = {
    .codes = weight,
    .scales = (const float *)address(memory, args, EMBED_SCALES),
    .offsets = args[EMBED_OFFSETS] ? (const float *)address(memory, args, EMBED_OFFSETS) : NULL,
    .book = (const float *)address(memory, args, EMBED_CODEBOOK),
    .int4 = mode == INT4_PANELS,
    .width = width,
    .group_size = args[EMBED_GROUP_SIZE],
  };
  const int64_t tile_rows = args[EMBED_TILE_ROWS], end_row = end * tile_rows < rows ? end * tile_rows : rows;
  for (int64_t row = first * tile_rows; row < end_row; row++) {
    const uint32_t id = (uint32_t)ids[row], column = id & 15;
    // What the ids are is not known before.
    if (id >= (uint32_t)args[EMBED_WEIGHT_ROWS]) {
      report_fault(memory);
      return;
    }
    const size_t number = (size_t)(id >> 4) * width;
    uint32_t *out = (uint32_t *)address(memory, args, EMBED_OUT) + row * width;
    if (mode >= INT8_PANELS) scale_row(&codes, id, (float *)out);
    else if (mode == BFLOAT16_PANELS) {
      const uint16_t *at = (const uint16_t *)(weight + number * 32) + (column & 7) * 2 + (column >> 3);
      for (int32_t k = 0; k < width; k++) out[k] = (uint32_t)at[k * 16] << 16;
    } else {
      const uint32_t *at = (const uint32_t *)(weight + number * 64) + column;
      for (int32_t k = 0; k < width; k++) out[k] = at[k * 16];
    }
  }
}
