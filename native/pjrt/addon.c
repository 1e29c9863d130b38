/**
 * Runs programs with XLA: plugins that speak the PJRT C interface, for Node. The interface is pjrt_c_api.h of the wheel xla-cpu-pjrt
 * 0.0.1, unchanged, under the Apache License 2.0; it has grown since only at its ends. See src/xla/runtime/addon.ts for the functions.
 */
#include "arrays.h"
#include "open.h"

#define PJRT_ADDON_VERSION 1

/** The thread of JavaScript is ending: what is written to its memory must have been written, and the device is given back. */
static void end_instance(void *data) {
  instance *of = data;
  pthread_mutex_lock(&reads_lock);
  while (of->reads > 0) pthread_cond_wait(&reads_changed, &reads_lock);
  pthread_mutex_unlock(&reads_lock);
  while (of->clients) close_client(of->clients);
}

static void free_instance(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

/** Exports version and functions. */
NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback function;
  } functions[] = {{"open", open_plugin}, {"close", close_handle}, {"compile", compile}, {"load", load}, {"compileFor", compile_for},
    {"upload", upload}, {"execute", execute}, {"read", read_values}, {"free", free_values}, {"isAlive", is_alive}, {"memory", memory}};
  napi_value value, name;
  instance *of = calloc(1, sizeof *of);
  napi_create_string_utf8(env, "grpo-ts pjrt", NAPI_AUTO_LENGTH, &name);
  if (!of || napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL, of, finish_read, &of->reads_done) != napi_ok) {
    napi_throw_error(env, NULL, "the host is out of memory");
    return NULL;
  }
  napi_unref_threadsafe_function(env, of->reads_done);
  napi_set_instance_data(env, of, free_instance, NULL);
  napi_add_env_cleanup_hook(env, end_instance, of);
  napi_create_int32(env, PJRT_ADDON_VERSION, &value);
  napi_set_named_property(env, exports, "version", value);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &value);
    napi_set_named_property(env, exports, functions[i].name, value);
  }
  return exports;
}
