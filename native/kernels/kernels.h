/**
 * What the files of an instruction set give to the addon. A kernel computes tiles first … end − 1 of the job whose arguments stand at
 * `args`; the words are those that src/backend/cpu/assembly/ reads: addresses in the WebAssembly memory, which starts at `memory`.
 * `thread` is the number of the thread, for kernels that use its scratch.
 * What the arguments say is not checked here: src/backend/cpu/extents.ts has done that.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/** Changes whenever a kernel, its arguments or the addon's functions do; src/backend/cpu/constants.ts says what is expected. */
#define NATIVE_VERSION 4

/** The first address that does not belong to the scheduler and to constants. */
enum { FIRST_ADDRESS = 65536 };
/** Words at fixed addresses, of src/backend/cpu/constants.ts: pages of 64 KiB that the memory has, and whether a kernel went beyond. */
enum { NATIVE_PAGES = 1608, NATIVE_FAULT = 1612 };

static inline double memory_bytes(const char *memory) { return *(const int32_t *)(memory + NATIVE_PAGES) * 65536.0; }
/** Tells that a tile was left out, since it would have gone beyond the memory. */
static inline void report_fault(char *memory) { *(volatile int32_t *)(memory + NATIVE_FAULT) = 1; }

typedef void (*kernel_function)(char *memory, const int32_t *args, int32_t first, int32_t end, int32_t thread);

typedef struct {
  /** Number of the kernel; the numbers of src/backend/cpu/constants.ts. */
  int32_t id;
  kernel_function run;
} kernel;

typedef struct {
  const char *name;
  const kernel *kernels;
  size_t count;
} instruction_set;

/** A pointer to what an argument names; addresses are unsigned. */
static inline char *address(char *memory, const int32_t *args, int word) { return memory + (uint32_t)args[word]; }

/**
 * The same for what may lie outside the WebAssembly memory: its address has 64 bits, the upper 32 of them in the word `high`, where 0
 * means inside.
 */
static inline char *wide_address(char *memory, const int32_t *args, int word, int high) {
  if (args[high] == 0) return address(memory, args, word);
  return (char *)(uintptr_t)((uint64_t)(uint32_t)args[high] << 32 | (uint32_t)args[word]);
}

/** A float32 argument. */
static inline float number(const int32_t *args, int word) {
  union {
    int32_t bits;
    float value;
  } as = {args[word]};
  return as.value;
}

#if defined(__aarch64__)
extern const instruction_set set_neon;
#else
extern const instruction_set set_avx2, set_avx512;
#endif
