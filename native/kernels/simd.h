/**
 * Vectors of float32. The kernels are compiled once for each instruction set, with its name in SET: AVX-512, AVX2 or NEON. A `vector`
 * has LANES numbers, 16 or 8 (with NEON in two registers). An `octet` has 8 whatever the set: the partial sums of a row are 8, as in
 * the WebAssembly kernels, so that the order of a sum does not depend on the width.
 *
 * Products and sums are fused where `v_madd` says so and nowhere else; the compiler must not join them (-ffp-contract=off).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#define NAME_OF(name, set) name##_##set
#define NAME_IN(name, set) NAME_OF(name, set)
/** The name that a function has for other files. */
#define NAMED(name) NAME_IN(name, SET)

/** The second of two numbers where it is larger, else the first: WebAssembly's f32x4.pmax, on one lane. */
INLINE float pmax(float a, float b) { return a < b ? b : a; }

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>

typedef __m256 octet;
INLINE octet o_zero(void) { return _mm256_setzero_ps(); }
INLINE octet o_splat(float x) { return _mm256_set1_ps(x); }
INLINE octet o_load(const void *from) { return _mm256_loadu_ps((const float *)from); }
INLINE void o_store(void *to, octet x) { _mm256_storeu_ps((float *)to, x); }
INLINE octet o_add(octet a, octet b) { return _mm256_add_ps(a, b); }
INLINE octet o_mul(octet a, octet b) { return _mm256_mul_ps(a, b); }
// MAXPS takes its second operand unless the first is larger.
INLINE octet o_pmax(octet a, octet b) { return _mm256_max_ps(b, a); }
/** The lower and the upper bfloat16 of each word, widened. */
INLINE octet o_widen_low(octet words) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(words), 16)); }
INLINE octet o_widen_high(octet words) {
  return _mm256_castsi256_ps(_mm256_and_si256(_mm256_castps_si256(words), _mm256_set1_epi32((int)0xffff0000)));
}

/** Four words of each of eight rows: out[i] is word i of all rows. */
INLINE void o_transpose(const char *const rows[8], ptrdiff_t offset, octet out[4]) {
  octet x[4];
  for (int i = 0; i < 4; i++) {
    const __m128 low = _mm_loadu_ps((const float *)(rows[i] + offset)), high = _mm_loadu_ps((const float *)(rows[i + 4] + offset));
    x[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
  }
  const octet a = _mm256_unpacklo_ps(x[0], x[1]), b = _mm256_unpackhi_ps(x[0], x[1]);
  const octet c = _mm256_unpacklo_ps(x[2], x[3]), d = _mm256_unpackhi_ps(x[2], x[3]);
  out[0] = _mm256_shuffle_ps(a, c, 0x44);
  out[1] = _mm256_shuffle_ps(a, c, 0xee);
  out[2] = _mm256_shuffle_ps(b, d, 0x44);
  out[3] = _mm256_shuffle_ps(b, d, 0xee);
}

#if defined(__AVX512F__)
#define LANES 16
typedef __m512 vector;
INLINE vector v_zero(void) { return _mm512_setzero_ps(); }
INLINE vector v_splat(float x) { return _mm512_set1_ps(x); }
INLINE vector v_load(const void *from) { return _mm512_loadu_ps(from); }
INLINE void v_store(void *to, vector x) { _mm512_storeu_ps(to, x); }
INLINE vector v_madd(vector a, vector b, vector c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vector v_add(vector a, vector b) { return _mm512_add_ps(a, b); }
INLINE vector v_sub(vector a, vector b) { return _mm512_sub_ps(a, b); }
INLINE vector v_mul(vector a, vector b) { return _mm512_mul_ps(a, b); }
INLINE vector v_div(vector a, vector b) { return _mm512_div_ps(a, b); }
INLINE vector v_neg(vector a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.f)); }
/** yes where a < b (a <= b), else no. */
INLINE vector v_less(vector a, vector b, vector yes, vector no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
INLINE vector v_less_equal(vector a, vector b, vector yes, vector no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LE_OQ), no, yes);
}
INLINE vector v_pmax(vector a, vector b) { return _mm512_max_ps(b, a); }
/** Adds the lowest bits of `n` to the exponents of x. */
INLINE vector v_scale(vector x, vector n) {
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), _mm512_slli_epi32(_mm512_castps_si512(n), 23)));
}
/** A row of a bfloat16 panel, 8 words of columns j and j + 8, widened. */
INLINE void widen_row(const void *words, vector out[1]) {
  const __m512i both = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)words));
  const __m512i shifts = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 16, 16, 16, 16, 16, 16, 16, 16);
  out[0] = _mm512_castsi512_ps(_mm512_and_si512(_mm512_sllv_epi32(both, shifts), _mm512_set1_epi32((int)0xffff0000)));
}
/** As widen_row for two panels at once, which costs less: columns 0 … 7 of both, then columns 8 … 15 of both. */
INLINE void widen_rows(const void *words, const void *next, vector out[2]) {
  const __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)words));
  const __m512i both = _mm512_inserti64x4(low, _mm256_loadu_si256((const __m256i *)next), 1);
  out[0] = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
  out[1] = _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32((int)0xffff0000)));
}
INLINE vector v_join(octet low, octet high) { return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1); }
INLINE octet o_low(vector x) { return _mm512_castps512_ps256(x); }
INLINE octet o_high(vector x) { return _mm512_extractf32x8_ps(x, 1); }
/** Adds 16 numbers to 8 sums, the first 8 first. */
INLINE octet o_add_vector(octet sums, vector x) { return o_add(o_add(sums, o_low(x)), o_high(x)); }
#else
#define LANES 8
typedef __m256 vector;
INLINE vector v_zero(void) { return o_zero(); }
INLINE vector v_splat(float x) { return o_splat(x); }
INLINE vector v_load(const void *from) { return o_load(from); }
INLINE void v_store(void *to, vector x) { o_store(to, x); }
INLINE vector v_madd(vector a, vector b, vector c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vector v_add(vector a, vector b) { return o_add(a, b); }
INLINE vector v_sub(vector a, vector b) { return _mm256_sub_ps(a, b); }
INLINE vector v_mul(vector a, vector b) { return o_mul(a, b); }
INLINE vector v_div(vector a, vector b) { return _mm256_div_ps(a, b); }
INLINE vector v_neg(vector a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.f)); }
INLINE vector v_less(vector a, vector b, vector yes, vector no) {
  return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
INLINE vector v_less_equal(vector a, vector b, vector yes, vector no) {
  return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LE_OQ));
}
INLINE vector v_pmax(vector a, vector b) { return o_pmax(a, b); }
INLINE vector v_scale(vector x, vector n) {
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(_mm256_castps_si256(n), 23)));
}
INLINE void widen_row(const void *words, vector out[2]) {
  const octet both = o_load(words);
  out[0] = o_widen_low(both);
  out[1] = o_widen_high(both);
}
INLINE octet o_add_vector(octet sums, vector x) { return o_add(sums, x); }
#endif

#elif defined(__aarch64__)
#include <arm_neon.h>
#define LANES 8

typedef struct {
  float32x4_t low, high;
} vector;
typedef vector octet;
#define BOTH(expression_low, expression_high) ((vector){(expression_low), (expression_high)})
INLINE uint32x4_t bits_of(float32x4_t x) { return vreinterpretq_u32_f32(x); }
INLINE float32x4_t from_bits(uint32x4_t x) { return vreinterpretq_f32_u32(x); }
INLINE vector v_splat(float x) { return BOTH(vdupq_n_f32(x), vdupq_n_f32(x)); }
INLINE vector v_zero(void) { return v_splat(0); }
INLINE vector v_load(const void *from) { return BOTH(vld1q_f32((const float *)from), vld1q_f32((const float *)from + 4)); }
INLINE void v_store(void *to, vector x) {
  vst1q_f32((float *)to, x.low);
  vst1q_f32((float *)to + 4, x.high);
}
INLINE vector v_madd(vector a, vector b, vector c) { return BOTH(vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)); }
INLINE vector v_add(vector a, vector b) { return BOTH(vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)); }
INLINE vector v_sub(vector a, vector b) { return BOTH(vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)); }
INLINE vector v_mul(vector a, vector b) { return BOTH(vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)); }
INLINE vector v_div(vector a, vector b) { return BOTH(vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)); }
INLINE vector v_neg(vector a) { return BOTH(vnegq_f32(a.low), vnegq_f32(a.high)); }
INLINE vector v_less(vector a, vector b, vector yes, vector no) {
  return BOTH(vbslq_f32(vcltq_f32(a.low, b.low), yes.low, no.low), vbslq_f32(vcltq_f32(a.high, b.high), yes.high, no.high));
}
INLINE vector v_less_equal(vector a, vector b, vector yes, vector no) {
  return BOTH(vbslq_f32(vcleq_f32(a.low, b.low), yes.low, no.low), vbslq_f32(vcleq_f32(a.high, b.high), yes.high, no.high));
}
INLINE vector v_pmax(vector a, vector b) { return v_less(a, b, b, a); }
INLINE vector v_scale(vector x, vector n) {
  return BOTH(from_bits(vaddq_u32(bits_of(x.low), vshlq_n_u32(bits_of(n.low), 23))),
              from_bits(vaddq_u32(bits_of(x.high), vshlq_n_u32(bits_of(n.high), 23))));
}
INLINE octet o_zero(void) { return v_zero(); }
INLINE octet o_splat(float x) { return v_splat(x); }
INLINE octet o_load(const void *from) { return v_load(from); }
INLINE void o_store(void *to, octet x) { v_store(to, x); }
INLINE octet o_add(octet a, octet b) { return v_add(a, b); }
INLINE octet o_mul(octet a, octet b) { return v_mul(a, b); }
INLINE octet o_pmax(octet a, octet b) { return v_pmax(a, b); }
INLINE octet o_widen_low(octet x) {
  return BOTH(from_bits(vshlq_n_u32(bits_of(x.low), 16)), from_bits(vshlq_n_u32(bits_of(x.high), 16)));
}
INLINE octet o_widen_high(octet x) {
  const uint32x4_t mask = vdupq_n_u32(0xffff0000);
  return BOTH(from_bits(vandq_u32(bits_of(x.low), mask)), from_bits(vandq_u32(bits_of(x.high), mask)));
}
INLINE void widen_row(const void *words, vector out[2]) {
  const octet both = v_load(words);
  out[0] = o_widen_low(both);
  out[1] = o_widen_high(both);
}
INLINE octet o_add_vector(octet sums, vector x) { return v_add(sums, x); }
INLINE float32x4_t pairs_low(float32x4_t a, float32x4_t b) {
  return vreinterpretq_f32_f64(vzip1q_f64(vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(b)));
}
INLINE float32x4_t pairs_high(float32x4_t a, float32x4_t b) {
  return vreinterpretq_f32_f64(vzip2q_f64(vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(b)));
}
INLINE void o_transpose(const char *const rows[8], ptrdiff_t offset, octet out[4]) {
  float32x4_t half[2][4];
  for (int h = 0; h < 2; h++) {
    float32x4_t x[4];
    for (int i = 0; i < 4; i++) x[i] = vld1q_f32((const float *)(rows[4 * h + i] + offset));
    const float32x4_t a = vzip1q_f32(x[0], x[1]), b = vzip2q_f32(x[0], x[1]), c = vzip1q_f32(x[2], x[3]), d = vzip2q_f32(x[2], x[3]);
    half[h][0] = pairs_low(a, c);
    half[h][1] = pairs_high(a, c);
    half[h][2] = pairs_low(b, d);
    half[h][3] = pairs_high(b, d);
  }
  for (int i = 0; i < 4; i++) out[i] = BOTH(half[0][i], half[1][i]);
}
#else
#error "no vectors are known for this processor"
#endif

/** Sum of the eight lanes: of both halves in float32, of the four that are left in double precision, in the order of sumLanes. */
INLINE double o_sum(octet x) {
  float lane[8];
  o_store(lane, x);
  const float s0 = lane[0] + lane[4], s1 = lane[1] + lane[5], s2 = lane[2] + lane[6], s3 = lane[3] + lane[7];
  return ((double)s0 + (double)s2) + ((double)s1 + (double)s3);
}
