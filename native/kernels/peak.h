/** The most multiply-adds that the processor does on vectors; src/backend/cpu/assembly/peak.ts. */
#pragma once
#include "kernels.h"
#include "simd.h"

enum { PEAK_ROUNDS, PEAK_CHAINS };
/** What a tile has at PEAK_CHAINS: the chains, and in the last word how many multiply-adds a round has. */
enum { PEAK_TILE_BYTES = 1088, CHAINS = 12 };

static void peak(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread) {
  (void)thread;
  const vector x = v_splat(0.5f), y = v_splat(1);
  for (int32_t tile = first; tile < end; tile++) {
    char *chains = address(memory, args, PEAK_CHAINS) + (ptrdiff_t)tile * PEAK_TILE_BYTES;
    vector c[CHAINS];
    for (int i = 0; i < CHAINS; i++) c[i] = v_load(chains + i * LANES * 4);
    for (int32_t rounds = args[PEAK_ROUNDS]; rounds > 0; rounds--)
#pragma GCC unroll 12
      for (int i = 0; i < CHAINS; i++) c[i] = v_madd(c[i], x, y);
    for (int i = 0; i < CHAINS; i++) v_store(chains + i * LANES * 4, c[i]);
    *(int32_t *)(chains + PEAK_TILE_BYTES - 4) = CHAINS * LANES;
  }
}
