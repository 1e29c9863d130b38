/**
 * Memory of the process outside WebAssembly's, for large weights: its pages become real when they are touched. It is given back at once,
 * by `unmap`, and not when its ArrayBuffer is collected: for that JavaScript might wait until the machine is full.
 */
#pragma once
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#if defined(_WIN32)
#include <windows.h>
#else
#include <sys/mman.h>
#endif

typedef struct {
  /** NULL once it was given back. */
  void *at;
  size_t bytes;
} mapping;

/** Pages of the system, zeros; NULL when it refuses. */
static void *take_pages(size_t bytes) {
#if defined(_WIN32)
  return VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
#else
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return NULL;
#if defined(MADV_HUGEPAGE)
  // Large pages: weights are read from end to end. A system that has none says no.
  madvise(at, bytes, MADV_HUGEPAGE);
#endif
  return at;
#endif
}

static void give_back(void *at, size_t bytes) {
#if defined(_WIN32)
  (void)bytes;
  VirtualFree(at, 0, MEM_RELEASE);
#else
  munmap(at, bytes);
#endif
}

/** Called some time after the ArrayBuffer has lost its memory, or when nobody knows it any more. */
static void forget(napi_env env, void *data, void *hint) {
  (void)env;
  (void)data;
  mapping *m = hint;
  if (m->at) give_back(m->at, m->bytes);
  free(m);
}

/** map(bytes): { buffer, address } of new memory, or undefined when the system refuses. */
static napi_value map(napi_env env, napi_callback_info info) {
  napi_value argument, buffer, address, result;
  size_t count = 1;
  double bytes = 0;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  if (count < 1 || napi_get_value_double(env, argument, &bytes) != napi_ok || !(bytes >= 1 && bytes < 281474976710656.0)) return NULL;
  mapping *m = malloc(sizeof *m);
  if (!m) return NULL;
  m->bytes = (size_t)bytes;
  m->at = take_pages(m->bytes);
  if (!m->at || napi_create_external_arraybuffer(env, m->at, m->bytes, forget, m, &buffer) != napi_ok) {
    if (m->at) give_back(m->at, m->bytes);
    free(m);
    return NULL;
  }
  napi_wrap(env, buffer, m, NULL, NULL, NULL);
  napi_create_double(env, (double)(uintptr_t)m->at, &address);
  napi_create_object(env, &result);
  napi_set_named_property(env, result, "buffer", buffer);
  napi_set_named_property(env, result, "address", address);
  return result;
}

/** unmap(buffer): gives memory back that `map` gave; the ArrayBuffer is detached. */
static napi_value unmap(napi_env env, napi_callback_info info) {
  napi_value buffer;
  size_t count = 1;
  void *wrapped;
  napi_get_cb_info(env, info, &count, &buffer, NULL, NULL);
  if (count < 1 || napi_remove_wrap(env, buffer, &wrapped) != napi_ok) return NULL;
  mapping *m = wrapped;
  const mapping taken = *m;
  // From here on the memory is not `forget`'s any more, which may be called at once.
  m->at = NULL;
  if (napi_detach_arraybuffer(env, buffer) == napi_ok) give_back(taken.at, taken.bytes);
  else m->at = taken.at;
  return NULL;
}
