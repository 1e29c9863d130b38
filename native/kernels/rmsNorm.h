/** Root-mean-square normalisation of rows and its gradient; src/backend/cpu/assembly/rmsNorm.ts. */
#pragma once
#include <math.h>
#include "elementwise.h"

enum { NORM_X, NORM_WEIGHT, NORM_DY, NORM_OUT, NORM_ROWS, NORM_WIDTH, NORM_EPSILON, NORM_TILE_ROWS, NORM_D_WEIGHT };

/** Σ x² of one row: eight partial sums in float32, the numbers that are left in double precision. */
static double sum_of_squares(const float *x, int32_t width) {
  octet sums = o_zero();
  int32_t i = 0;
  for (; i + 8 <= width; i += 8) sums = o_add(sums, o_mul(o_load(x + i), o_load(x + i)));
  double sum = o_sum(sums);
  for (; i < width; i++) sum += (double)x[i] * (double)x[i];
  return sum;
}

/** Σ w · dy · x of one row. */
static double sum_of_products(const float *w, const float *dy, const float *x, int32_t width) {
  octet sums = o_zero();
  int32_t i = 0;
  for (; i + 8 <= width; i += 8) sums = o_add(sums, o_mul(o_mul(o_load(w + i), o_load(dy + i)), o_load(x + i)));
  double sum = o_sum(sums);
  for (; i < width; i++) sum += (double)w[i] * (double)dy[i] * (double)x[i];
  return sum;
}

static void norm_forward(const float *x, const float *w, float *out, int32_t width, float inverse) {
  int32_t i = 0;
  for (; i + LANES <= width; i += LANES) v_store(out + i, v_mul(v_mul(v_load(x + i), v_splat(inverse)), v_load(w + i)));
  for (; i < width; i++) out[i] = x[i] * inverse * w[i];
}

/** dx = w · dy · inverse − x · projection. */
static void norm_backward(const float *x, const float *w, const float *dy, float *out, int32_t width, float inverse, float projection) {
  int32_t i = 0;
  for (; i + LANES <= width; i += LANES) {
    const vector direct = v_mul(v_mul(v_load(w + i), v_load(dy + i)), v_splat(inverse));
    v_store(out + i, v_sub(direct, v_mul(v_load(x + i), v_splat(projection))));
  }
  for (; i < width; i++) out[i] = w[i] * dy[i] * inverse - x[i] * projection;
}

/** sum += dy · x · inverse. */
static void add_weight_gradient(const float *x, const float *dy, float *sum, int32_t width, float inverse) {
  int32_t i = 0;
  for (; i + LANES <= width; i += LANES) {
    v_store(sum + i, v_add(v_load(sum + i), v_mul(v_mul(v_load(x + i), v_splat(inverse)), v_load(dy + i))));
  }
  for (; i < width; i++) sum[i] = sum[i] + x[i] * inverse * dy[i];
}

static void rms_norm(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread) {
  (void)thread;
  const int32_t width = args[NORM_WIDTH], rows = args[NORM_ROWS], tile_rows = args[NORM_TILE_ROWS];
  const float *w = (const float *)address(memory, args, NORM_WEIGHT);
  for (int32_t tile = first; tile < end; tile++) {
    const int64_t from = (int64_t)tile * tile_rows, to = from + tile_rows < rows ? from + tile_rows : rows;
    float *sum = args[NORM_D_WEIGHT] ? (float *)address(memory, args, NORM_D_WEIGHT) + (size_t)tile * width : NULL;
    if (sum) memset(sum, 0, (size_t)width * 4);
    for (int64_t row = from; row < to; row++) {
      const size_t at = (size_t)row * width;
      const float *x = (const float *)address(memory, args, NORM_X) + at, *dy = (const float *)address(memory, args, NORM_DY) + at;
      float *out = (float *)address(memory, args, NORM_OUT) + at;
      const double inverse = 1 / sqrt(sum_of_squares(x, width) / (double)width + (double)number(args, NORM_EPSILON));
      if (!args[NORM_DY]) {
        norm_forward(x, w, out, width, (float)inverse);
        continue;
      }
      if (sum) add_weight_gradient(x, dy, sum, width, (float)inverse);
      const double mean = sum_of_products(w, dy, x, width) / (double)width;
      norm_backward(x, w, dy, out, width, (float)inverse, (float)(mean * inverse * inverse * inverse));
    }
  }
}
