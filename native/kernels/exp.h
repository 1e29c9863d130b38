/** e^x and ln x with the bits of src/backend/cpu/assembly/exp.ts and log.ts, which say what they are made of. */
#pragma once
#include <math.h>
#include <string.h>
#include "simd.h"

static const float LOG2_E = 1.44269504f, ROUND = 12582912.f, LN2_HIGH = -0.693359375f, LN2_LOW = 2.12194440e-4f;
static const float EXP_0 = 1.9875691500e-4f, EXP_1 = 1.3981999507e-3f, EXP_2 = 8.3334519073e-3f, EXP_3 = 4.1665795894e-2f,
                   EXP_4 = 1.6666665459e-1f, EXP_5 = 5.0000001201e-1f;
static const float EXP_LOWEST = -87.33654f, EXP_HIGHEST = 88.72283f;

/** e^x without the upper end of the range. */
INLINE vector v_power(vector x) {
  const vector shifted = v_madd(x, v_splat(LOG2_E), v_splat(ROUND)), n = v_sub(shifted, v_splat(ROUND));
  const vector r = v_madd(n, v_splat(LN2_LOW), v_madd(n, v_splat(LN2_HIGH), x));
  vector p = v_madd(r, v_splat(EXP_0), v_splat(EXP_1));
  p = v_madd(p, r, v_splat(EXP_2));
  p = v_madd(p, r, v_splat(EXP_3));
  p = v_madd(p, r, v_splat(EXP_4));
  p = v_madd(p, r, v_splat(EXP_5));
  p = v_add(v_madd(p, v_mul(r, r), r), v_splat(1));
  return v_scale(p, shifted);
}

INLINE vector v_exp(vector x) {
  const vector high = v_less_equal(x, v_splat(EXP_HIGHEST), v_power(x), v_mul(x, v_splat(INFINITY)));
  return v_less(x, v_splat(EXP_LOWEST), v_zero(), high);
}

/** As v_exp, for numbers that are not above 88. */
INLINE vector v_exp_below(vector x) { return v_less(x, v_splat(EXP_LOWEST), v_zero(), v_power(x)); }

/** As v_exp, for one number. */
static float exp_1(float x) {
  float lanes[LANES];
  v_store(lanes, v_exp(v_splat(x)));
  return lanes[0];
}

/** Natural logarithm of one number, for x >= 2^−126. */
static float log_1(float x) {
  const int32_t half_root = 0x3f3504f3; // bits of √½
  int32_t bits;
  memcpy(&bits, &x, 4);
  const int32_t offset = (int32_t)((uint32_t)bits - (uint32_t)half_root);
  const float n = (float)(offset >> 23);
  const int32_t mantissa_bits = (int32_t)((uint32_t)(offset & 0x7fffff) + (uint32_t)half_root);
  float mantissa;
  memcpy(&mantissa, &mantissa_bits, 4);
  const float f = mantissa - 1, square = f * f;
  float p = fmaf(f, 7.0376836292e-2f, -1.1514610310e-1f);
  p = fmaf(p, f, 1.1676998740e-1f);
  p = fmaf(p, f, -1.2420140846e-1f);
  p = fmaf(p, f, 1.4249322787e-1f);
  p = fmaf(p, f, -1.6668057665e-1f);
  p = fmaf(p, f, 2.0000714765e-1f);
  p = fmaf(p, f, -2.4999993993e-1f);
  p = fmaf(p, f, 3.3333331174e-1f);
  p = fmaf(n, -2.12194440e-4f, p * (f * square));
  p = fmaf(square, -0.5f, p);
  p = fmaf(n, 0.693359375f, f + p);
  return x < INFINITY ? p : x;
}
