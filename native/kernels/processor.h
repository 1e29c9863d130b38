/** Which instruction sets an x86-64 processor has and the system saves the registers of. */
#pragma once
#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>

/** 2: AVX-512 (F, DQ, BW, VL) and what 1 means: AVX2 with fused multiply-add; 0: neither. */
static inline int processor_level(void) {
  unsigned a, b, c, d, low, high;
  const unsigned fma = 1u << 12, osxsave = 1u << 27, avx2 = 1u << 5, avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & osxsave) || !(c & fma)) return 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 6) != 6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & avx2)) return 0;
  return (low & 0xe6) == 0xe6 && (b & avx512) == avx512 ? 2 : 1;
}
#endif
