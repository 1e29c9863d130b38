/**
 * Weights kept as codes of 8 or 4 bits: the numbers of src/backend/cpu/assembly/codes.ts, where the layout is described. A product and
 * a sum are rounded each.
 */
#pragma once
#include <string.h>
#include "simd.h"

/** Vectors of a row of a panel. */
#define ROW_VECTORS (16 / LANES)

/** 16 bytes. */
#if defined(__aarch64__)
typedef uint8x16_t bytes;
INLINE bytes b_zero(void) { return vdupq_n_u8(0); }
INLINE bytes b_load(const void *from) { return vld1q_u8((const uint8_t *)from); }
INLINE void b_store(void *to, bytes x) { vst1q_u8((uint8_t *)to, x); }
INLINE bytes b_lower(bytes x) { return vandq_u8(x, vdupq_n_u8(15)); }
INLINE bytes b_upper(bytes x) { return vshrq_n_u8(x, 4); }
/** The lower (upper) halves of two vectors, byte by byte in turn. */
INLINE bytes b_zip_low(bytes a, bytes b) { return vzip1q_u8(a, b); }
INLINE bytes b_zip_high(bytes a, bytes b) { return vzip2q_u8(a, b); }
#else
typedef __m128i bytes;
INLINE bytes b_zero(void) { return _mm_setzero_si128(); }
INLINE bytes b_load(const void *from) { return _mm_loadu_si128((const __m128i *)from); }
INLINE void b_store(void *to, bytes x) { _mm_storeu_si128((__m128i *)to, x); }
INLINE bytes b_lower(bytes x) { return _mm_and_si128(x, _mm_set1_epi8(15)); }
INLINE bytes b_upper(bytes x) { return b_lower(_mm_srli_epi16(x, 4)); }
INLINE bytes b_zip_low(bytes a, bytes b) { return _mm_unpacklo_epi8(a, b); }
INLINE bytes b_zip_high(bytes a, bytes b) { return _mm_unpackhi_epi8(a, b); }
#endif

#if defined(__AVX512F__)
typedef vector code_book;
INLINE code_book load_book(const float *book) { return v_load(book); }
/** 16 codes of 8 bits as numbers. */
INLINE void widen_codes(const void *codes, vector out[ROW_VECTORS]) {
  out[0] = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)codes)));
}
/** What 16 pairs of codes of 4 bits stand for: those in the lower and those in the upper halves. */
INLINE void look_up_codes(const void *codes, code_book book, vector lower[ROW_VECTORS], vector upper[ROW_VECTORS]) {
  // A permutation reads the lowest four bits only.
  const __m512i pairs = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)codes));
  lower[0] = _mm512_permutexvar_ps(pairs, book);
  upper[0] = _mm512_permutexvar_ps(_mm512_srli_epi32(pairs, 4), book);
}
/** What 16 codes of 4 bits stand for, each in a byte. */
INLINE void look_up_bytes(const void *codes, code_book book, vector out[ROW_VECTORS]) {
  out[0] = _mm512_permutexvar_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)codes)), book);
}
#elif defined(__AVX2__)
typedef struct {
  vector low, high;
} code_book;
INLINE code_book load_book(const float *book) { return (code_book){v_load(book), v_load(book + 8)}; }
INLINE void widen_codes(const void *codes, vector out[ROW_VECTORS]) {
  for (int v = 0; v < 2; v++) {
    out[v] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)((const char *)codes + 8 * v))));
  }
}
/** A permutation reads the lowest three bits, a blend the highest one. */
INLINE vector look_up(__m256i code, __m256i fourth_bit, code_book book) {
  const vector low = _mm256_permutevar8x32_ps(book.low, code), high = _mm256_permutevar8x32_ps(book.high, code);
  return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(fourth_bit));
}
INLINE void look_up_codes(const void *codes, code_book book, vector lower[ROW_VECTORS], vector upper[ROW_VECTORS]) {
  for (int v = 0; v < 2; v++) {
    const __m256i pairs = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)((const char *)codes + 8 * v)));
    lower[v] = look_up(pairs, _mm256_slli_epi32(pairs, 28), book);
    upper[v] = look_up(_mm256_srli_epi32(pairs, 4), _mm256_slli_epi32(pairs, 24), book);
  }
}
INLINE void look_up_bytes(const void *codes, code_book book, vector out[ROW_VECTORS]) {
  for (int v = 0; v < 2; v++) {
    const __m256i code = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)((const char *)codes + 8 * v)));
    out[v] = look_up(code, _mm256_slli_epi32(code, 28), book);
  }
}
#else
typedef struct {
  uint8x16_t planes[4];
} code_book;
INLINE code_book load_book(const float *book) {
  code_book book_of;
  for (int i = 0; i < 4; i++) book_of.planes[i] = vld1q_u8((const uint8_t *)(book + 16) + 16 * i);
  return book_of;
}
INLINE void widen_codes(const void *codes, vector out[ROW_VECTORS]) {
  const int8x16_t bytes = vld1q_s8((const int8_t *)codes);
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
  out[0] = BOTH(vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))));
  out[1] = BOTH(vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(high))));
}
INLINE float32x4_t join_bytes(uint16x8_t first, uint16x8_t last, const int high) {
  const uint16x8_t both = high ? vzip2q_u16(first, last) : vzip1q_u16(first, last);
  return vreinterpretq_f32_u16(both);
}
INLINE void look_up(uint8x16_t codes, code_book book, vector out[ROW_VECTORS]) {
  uint8x16_t b[4];
  for (int i = 0; i < 4; i++) b[i] = vqtbl1q_u8(book.planes[i], codes);
  const uint16x8_t w0 = vreinterpretq_u16_u8(vzip1q_u8(b[0], b[1])), w1 = vreinterpretq_u16_u8(vzip2q_u8(b[0], b[1]));
  const uint16x8_t w2 = vreinterpretq_u16_u8(vzip1q_u8(b[2], b[3])), w3 = vreinterpretq_u16_u8(vzip2q_u8(b[2], b[3]));
  out[0] = BOTH(join_bytes(w0, w2, 0), join_bytes(w0, w2, 1));
  out[1] = BOTH(join_bytes(w1, w3, 0), join_bytes(w1, w3, 1));
}
INLINE void look_up_codes(const void *codes, code_book book, vector lower[ROW_VECTORS], vector upper[ROW_VECTORS]) {
  const uint8x16_t pairs = vld1q_u8((const uint8_t *)codes);
  look_up(vandq_u8(pairs, vdupq_n_u8(15)), book, lower);
  look_up(vshrq_n_u8(pairs, 4), book, upper);
}
INLINE void look_up_bytes(const void *codes, code_book book, vector out[ROW_VECTORS]) {
  look_up(vld1q_u8((const uint8_t *)codes), book, out);
}
#endif

/** A weight in panels of codes. */
typedef struct {
  const char *codes;
  /** [panels][groups][16]; there may be no offsets. */
  const float *scales, *offsets;
  /** Of codes of 4 bits. */
  const float *book;
  int int4;
  /** Inputs of a panel, and of a group. */
  int32_t width, group_size;
} code_panels;

static ptrdiff_t groups_of(const code_panels *b) { return ((int64_t)b->width + b->group_size - 1) / b->group_size; }
static ptrdiff_t panel_bytes_of(const code_panels *b) { return (b->int4 ? ((ptrdiff_t)b->width + 1) / 2 : b->width) * 16; }

/** Codes times scales (plus offsets) to a row of 16. */
INLINE void store_scaled(const vector x[ROW_VECTORS], const vector scales[ROW_VECTORS], const int has_offsets,
                         const vector offsets[ROW_VECTORS], float *to) {
#pragma GCC unroll 2
  for (int v = 0; v < ROW_VECTORS; v++) {
    const vector scaled = v_mul(x[v], scales[v]);
    v_store(to + v * LANES, has_offsets ? v_add(scaled, offsets[v]) : scaled);
  }
}

/** Some inputs that have their scales in common. */
INLINE void scale_group(const char *codes, const int int4, code_book book, int32_t count, const float *scale, const int has_offsets,
                        const float *offset, float *to) {
  vector scales[ROW_VECTORS], offsets[ROW_VECTORS], x[ROW_VECTORS], y[ROW_VECTORS];
#pragma GCC unroll 2
  for (int v = 0; v < ROW_VECTORS; v++) {
    scales[v] = v_load(scale + v * LANES);
    offsets[v] = has_offsets ? v_load(offset + v * LANES) : v_zero();
  }
  if (!int4) {
    for (int32_t k = 0; k < count; k++, codes += 16, to += 16) {
      widen_codes(codes, x);
      store_scaled(x, scales, has_offsets, offsets, to);
    }
    return;
  }
  int32_t k = 0;
  for (; k + 2 <= count; k += 2, codes += 16, to += 32) {
    look_up_codes(codes, book, x, y);
    store_scaled(x, scales, has_offsets, offsets, to);
    store_scaled(y, scales, has_offsets, offsets, to + 16);
  }
  if (k == count) return;
  look_up_codes(codes, book, x, y);
  store_scaled(x, scales, has_offsets, offsets, to);
}

/** Inputs first … first + count − 1 of a panel as float32 [count][16]; `first` is even. */
static void scale_panel(const code_panels *b, ptrdiff_t panel, int32_t first, int32_t count, float *to) {
  const ptrdiff_t groups = groups_of(b);
  const char *codes = b->codes + panel * panel_bytes_of(b);
  const code_book book = load_book(b->book);
  while (count > 0) {
    const int32_t group = first / b->group_size, left = b->group_size - first % b->group_size, step = count < left ? count : left;
    const char *at = codes + (ptrdiff_t)(b->int4 ? first / 2 : first) * 16;
    const ptrdiff_t number = (panel * groups + group) * 16;
    const float *scales = b->scales + number;
    if (b->int4 && b->offsets) scale_group(at, 1, book, step, scales, 1, b->offsets + number, to);
    else if (b->int4) scale_group(at, 1, book, step, scales, 0, NULL, to);
    else if (b->offsets) scale_group(at, 0, book, step, scales, 1, b->offsets + number, to);
    else scale_group(at, 0, book, step, scales, 0, NULL, to);
    first += step;
    count -= step;
    to += (ptrdiff_t)step * 16;
  }
}

/** A square of 16 inputs by 16 outputs as [outputs][inputs] bytes, codes of 4 bits each in a byte of its own; `count` inputs are there. */
INLINE void transpose_bytes(const char *codes, const int int4, int count, uint8_t to[16][16]) {
  bytes x[16], y[16];
  for (int k = 0; k < 16; k += int4 ? 2 : 1) {
    const bytes row = k < count ? b_load(codes + (int4 ? k / 2 : k) * 16) : b_zero();
    x[k] = int4 ? b_lower(row) : row;
    if (int4) x[k + 1] = b_upper(row);
  }
  // Four riffles of two halves are a transposition.
  for (int stage = 0; stage < 4; stage++) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
      y[2 * i] = b_zip_low(x[i], x[i + 8]);
      y[2 * i + 1] = b_zip_high(x[i], x[i + 8]);
    }
    memcpy(x, y, sizeof x);
  }
  for (int i = 0; i < 16; i++) b_store(to[i], x[i]);
}

/** Writes a square of 16 columns by 16 numbers that are outputs of the panel, whose scales and offsets these are. */
INLINE void scale_square(const char *codes, const int int4, code_book book, int count, const float *scales, const int has_offsets,
                         const float *offsets, float *to) {
  uint8_t transposed[16][16];
  transpose_bytes(codes, int4, count, transposed);
#pragma GCC unroll 16
  for (int o = 0; o < 16; o++) {
    vector x[ROW_VECTORS];
    if (int4) look_up_bytes(transposed[o], book, x);
    else widen_codes(transposed[o], x);
#pragma GCC unroll 2
    for (int v = 0; v < ROW_VECTORS; v++) {
      const vector scaled = v_mul(x[v], v_splat(scales[o]));
      v_store(to + o * 16 + v * LANES, has_offsets ? v_add(scaled, v_splat(offsets[o])) : scaled);
    }
  }
}

/** Squares between the one that is read and the one that is asked for. */
enum { AHEAD = 2 };

/** As transpose_panels for codes. */
static void transpose_codes(const code_panels *b, int32_t column, int panels, int32_t first, int32_t depth, float *to,
                            ptrdiff_t distance) {
  const ptrdiff_t groups = groups_of(b), panel_bytes = panel_bytes_of(b);
  const code_book book = load_book(b->book);
  for (int32_t k = 0; k < depth; k += 16, to += 256) {
    const ptrdiff_t panel = (first + k) >> 4;
    for (int i = 0; i < panels; i++) {
      const int32_t at = column + i * 16, left = b->width - at, count = left < 16 ? left : 16;
      const char *codes = b->codes + panel * panel_bytes + (ptrdiff_t)(b->int4 ? at / 2 : at) * 16;
      const ptrdiff_t number = (panel * groups + at / b->group_size) * 16;
      const float *scales = b->scales + number, *offsets = b->offsets ? b->offsets + number : NULL;
      float *square = to + i * distance;
      // What is read next lies too far ahead for the processor to guess, and is needed sooner than memory gives it.
      if (k + 16 * AHEAD < depth) {
        for (int line = 0; line < (b->int4 ? 128 : 256); line += 64) __builtin_prefetch(codes + AHEAD * panel_bytes + line);
        __builtin_prefetch(scales + AHEAD * groups * 16);
        if (offsets) __builtin_prefetch(offsets + AHEAD * groups * 16);
      }
      if (b->int4 && offsets) scale_square(codes, 1, book, count, scales, 1, offsets, square);
      else if (b->int4) scale_square(codes, 1, book, count, scales, 0, NULL, square);
      else if (offsets) scale_square(codes, 0, book, count, scales, 1, offsets, square);
      else scale_square(codes, 0, book, count, scales, 0, NULL, square);
    }
  }
}

/** Numbers of one output. */
static void scale_row(const code_panels *b, uint32_t output, float *to) {
  const ptrdiff_t panel = output >> 4, column = output & 15, groups = groups_of(b);
  const char *codes = b->codes + panel * panel_bytes_of(b) + column;
  for (int32_t k = 0; k < b->width; k++) {
    const ptrdiff_t number = (panel * groups + k / b->group_size) * 16 + column;
    const uint8_t pair = (uint8_t)codes[(ptrdiff_t)(b->int4 ? k / 2 : k) * 16];
    const float code = b->int4 ? b->book[k % 2 ? pair >> 4 : pair & 15] : (float)(int8_t)pair, scaled = code * b->scales[number];
    to[k] = b->offsets ? scaled + b->offsets[number] : scaled;
  }
}
