/**
 * The addon: a function that computes tiles of the scheduler in src/backend/cpu/assembly/scheduler.ts, in the thread that calls it and
 * on the WebAssembly memory itself; and memory outside it for large weights (mapping.h). It has no threads, and allocates nothing else but
 * what ties a function to its memory.
 */
#include <node_api.h>
#include <stdlib.h>
#include <string.h>
#include "kernels.h"
#include "mapping.h"
#include "processor.h"

/** What the function `tiles` of one memory works with. */
typedef struct {
  char *memory;
  int32_t thread;
  const kernel *kernels[64];
} attachment;

/** tiles(kernel, args, first, end): computes tiles first … end − 1 of the kernel whose arguments stand at the address `args`. */
static napi_value run(napi_env env, napi_callback_info info) {
  napi_value values[4];
  size_t count = 4;
  void *data;
  int32_t numbers[4] = {-1, 0, 0, 0};
  napi_get_cb_info(env, info, &count, values, NULL, &data);
  for (size_t i = 0; i < 4 && i < count; i++) napi_get_value_int32(env, values[i], numbers + i);
  const attachment *to = data;
  const kernel *k = numbers[0] >= 0 && numbers[0] < 64 ? to->kernels[numbers[0]] : NULL;
  if (k) k->run(to->memory, (const int32_t *)(to->memory + (uint32_t)numbers[1]), numbers[2], numbers[3], to->thread);
  return NULL;
}

static void release(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

static napi_value text(napi_env env, const char *value) {
  napi_value result;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
  return result;
}

/** Number `index` of this processor's instruction sets, the best first; NULL beyond the last. */
static const instruction_set *supported_set(int index) {
#if defined(__aarch64__)
  return index == 0 ? &set_neon : NULL;
#else
  const int level = processor_level();
  if (level >= 2 && index-- == 0) return &set_avx512;
  return level >= 1 && index == 0 ? &set_avx2 : NULL;
#endif
}

/** attach(bytes of the memory, name of an instruction set, number of the thread): the function `tiles`, or undefined when the set is not there. */
static napi_value attach(napi_env env, napi_callback_info info) {
  napi_value values[3], result;
  size_t count = 3;
  void *memory = NULL;
  int32_t thread = 0;
  char name[16] = "";
  napi_get_cb_info(env, info, &count, values, NULL, NULL);
  if (count < 3 || napi_get_typedarray_info(env, values[0], NULL, NULL, &memory, NULL, NULL) != napi_ok || !memory) return NULL;
  napi_get_value_string_utf8(env, values[1], name, sizeof name, NULL);
  napi_get_value_int32(env, values[2], &thread);
  const instruction_set *set = NULL;
  for (int i = 0; (set = supported_set(i)) && strcmp(set->name, name) != 0;) i++;
  attachment *to = set ? calloc(1, sizeof *to) : NULL;
  if (!to) return NULL;
  to->memory = memory;
  to->thread = thread;
  for (size_t i = 0; i < set->count; i++) to->kernels[set->kernels[i].id] = set->kernels + i;
  if (napi_create_function(env, "tiles", NAPI_AUTO_LENGTH, run, to, &result) != napi_ok) {
    free(to);
    return NULL;
  }
  napi_add_finalizer(env, result, to, release, NULL, NULL);
  return result;
}

/** Exports version, sets [{ name, kernels }], attach, map, unmap. */
NAPI_MODULE_INIT() {
  napi_value value, sets;
  napi_create_int32(env, NATIVE_VERSION, &value);
  napi_set_named_property(env, exports, "version", value);
  napi_create_array(env, &sets);
  const instruction_set *set;
  for (uint32_t i = 0; (set = supported_set((int)i)); i++) {
    napi_value entry, ids;
    napi_create_object(env, &entry);
    napi_set_named_property(env, entry, "name", text(env, set->name));
    napi_create_array(env, &ids);
    for (uint32_t k = 0; k < set->count; k++) {
      napi_create_int32(env, set->kernels[k].id, &value);
      napi_set_element(env, ids, k, value);
    }
    napi_set_named_property(env, entry, "kernels", ids);
    napi_set_element(env, sets, i, entry);
  }
  napi_set_named_property(env, exports, "sets", sets);
  napi_create_function(env, "attach", NAPI_AUTO_LENGTH, attach, NULL, &value);
  napi_set_named_property(env, exports, "attach", value);
  napi_create_function(env, "map", NAPI_AUTO_LENGTH, map, NULL, &value);
  napi_set_named_property(env, exports, "map", value);
  napi_create_function(env, "unmap", NAPI_AUTO_LENGTH, unmap, NULL, &value);
  napi_set_named_property(env, exports, "unmap", value);
  return exports;
}
