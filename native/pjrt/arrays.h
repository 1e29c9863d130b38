/** Arrays on the device: upload, read, free; and execution, which takes some and makes some. */
#ifndef GRPO_TS_PJRT_ARRAYS_H
#define GRPO_TS_PJRT_ARRAYS_H

#include "client.h"

#define MAX_RANK 16

/** Bytes of a number of a type; 0 for types that no program of ours has. */
static size_t bytes_of_type(PJRT_Buffer_Type type) {
  switch (type) {
  case PJRT_Buffer_Type_PRED:
  case PJRT_Buffer_Type_S8:
  case PJRT_Buffer_Type_U8:
    return 1;
  case PJRT_Buffer_Type_F16:
  case PJRT_Buffer_Type_BF16:
    return 2;
  case PJRT_Buffer_Type_S32:
  case PJRT_Buffer_Type_F32:
    return 4;
  default:
    return 0;
  }
}

/** upload(client, typed array, PJRT_Buffer_Type, sizes: BigInt64Array): an array. The typed array may be changed at once. */
static napi_value upload(napi_env env, napi_callback_info info) {
  napi_value values[4];
  void *data, *sizes;
  size_t size, sizes_size;
  int32_t type;
  if (!read_arguments(env, info, 4, values)) return NULL;
  client *c = read_client(env, values[0]);
  if (!c || !read_bytes(env, values[1], &data, &size) || !read_bytes(env, values[3], &sizes, &sizes_size)) return NULL;
  if (napi_get_value_int32(env, values[2], &type) != napi_ok) {
    napi_throw_type_error(env, NULL, "expected an element type");
    return NULL;
  }
  const size_t width = bytes_of_type((PJRT_Buffer_Type)type);
  const size_t rank = sizes_size / sizeof(int64_t);
  size_t expected = width;
  bool is_valid = width > 0 && rank <= MAX_RANK;
  for (size_t i = 0; is_valid && i < rank; i++) {
    const int64_t dimension = ((const int64_t *)sizes)[i];
    is_valid = dimension >= 0 && !__builtin_mul_overflow(expected, (size_t)dimension, &expected);
  }
  if (!is_valid || expected != size) {
    napi_throw_error(env, "INVALID_ARGUMENT", "the values are not those of the type and sizes");
    return NULL;
  }
  // Of an empty array there is no address.
  static const int64_t nothing;
  ARGS(PJRT_Client_BufferFromHostBuffer_Args, copy);
  copy.client = c->client;
  copy.data = size ? data : &nothing;
  copy.type = (PJRT_Buffer_Type)type;
  copy.dims = rank ? sizes : &nothing;
  copy.num_dims = rank;
  copy.host_buffer_semantics = PJRT_HostBufferSemantics_kImmutableOnlyDuringCall;
  copy.device = c->device;
  if (throw_failure(env, take_error(c->api, c->api->PJRT_Client_BufferFromHostBuffer(&copy)))) return NULL;
  napi_value handle = wrap_array(env, c, copy.buffer);
  failure what = {0};
  if (copy.done_with_host_buffer) {
    ARGS(PJRT_Event_Await_Args, await);
    await.event = copy.done_with_host_buffer;
    what = take_error(c->api, c->api->PJRT_Event_Await(&await));
    ARGS(PJRT_Event_Destroy_Args, destroy);
    destroy.event = copy.done_with_host_buffer;
    ignore_error(c->api, c->api->PJRT_Event_Destroy(&destroy));
  }
  return throw_failure(env, what) ? NULL : handle;
}

/** Lets go of arrays that a program has taken over. */
static void forget_donated(const PJRT_Api *api, array **inputs, size_t count) {
  for (size_t i = 0; i < count; i++) {
    ARGS(PJRT_Buffer_IsDeleted_Args, deleted);
    deleted.buffer = inputs[i]->buffer;
    // The same array may have been given twice.
    if (deleted.buffer && ignore_error(api, api->PJRT_Buffer_IsDeleted(&deleted)) && deleted.is_deleted) free_array(inputs[i]);
  }
}

/** execute(executable, arrays): arrays, as soon as the device has taken the work. */
static napi_value execute(napi_env env, napi_callback_info info) {
  napi_value values[2], result = NULL;
  uint32_t count = 0;
  if (!read_arguments(env, info, 2, values)) return NULL;
  const executable *e = read_handle(env, values[0], &EXECUTABLE, "expected an executable");
  if (!e) return NULL;
  if (!e->loaded || e->client->is_closed) {
    napi_throw_error(env, "FAILED_PRECONDITION", "the client is closed");
    return NULL;
  }
  if (napi_get_array_length(env, values[1], &count) != napi_ok) {
    napi_throw_type_error(env, NULL, "expected a list of arrays");
    return NULL;
  }
  client *c = e->client;
  array **inputs = calloc(count + 1, sizeof *inputs);
  PJRT_Buffer **arguments = calloc(count + 1, sizeof *arguments);
  PJRT_Buffer **outputs = calloc(e->outputs + 1, sizeof *outputs);
  bool is_ready = inputs && arguments && outputs;
  if (!is_ready) napi_throw_error(env, NULL, "the host is out of memory");
  for (uint32_t i = 0; is_ready && i < count; i++) {
    napi_value value;
    is_ready = napi_get_element(env, values[1], i, &value) == napi_ok && (inputs[i] = read_array(env, value));
    if (!is_ready) break;
    if (inputs[i]->client == c) {
      arguments[i] = inputs[i]->buffer;
      continue;
    }
    napi_throw_error(env, "INVALID_ARGUMENT", "an array lies on another client's device");
    is_ready = false;
  }
  if (is_ready) {
    ARGS(PJRT_ExecuteOptions, options);
    ARGS(PJRT_LoadedExecutable_Execute_Args, run);
    PJRT_Buffer *const *argument_list = arguments;
    PJRT_Buffer **output_list = outputs;
    run.executable = e->loaded;
    run.options = &options;
    run.argument_lists = &argument_list;
    run.num_devices = 1;
    run.num_args = count;
    run.output_lists = &output_list;
    const failure what = take_error(c->api, c->api->PJRT_LoadedExecutable_Execute(&run));
    forget_donated(c->api, inputs, count);
    if (!throw_failure(env, what) && napi_create_array_with_length(env, e->outputs, &result) == napi_ok) {
      for (size_t i = 0; i < e->outputs; i++) {
        napi_value handle = wrap_array(env, c, outputs[i]);
        if (handle) napi_set_element(env, result, (uint32_t)i, handle);
      }
    }
  }
  free(inputs);
  free(arguments);
  free(outputs);
  return result;
}

/** Values on their way to the host. */
typedef struct {
  client *client;
  PJRT_Event *event;
  napi_deferred deferred;
  /** Holds the ArrayBuffer that is written to. */
  napi_ref target;
  failure failure;
} transfer;

/** In a thread of the plugin's: the values are there, or will not come. */
static void on_transferred(PJRT_Error *error, void *data) {
  transfer *t = data;
  instance *of = t->client->instance;
  const napi_threadsafe_function done = of->reads_done;
  t->failure = take_error(t->client->api, error);
  // Each read has a share of the function. When the thread of JavaScript is ending the call has given it back already.
  if (napi_call_threadsafe_function(done, t, napi_tsfn_nonblocking) != napi_closing) {
    napi_release_threadsafe_function(done, napi_tsfn_release);
  }
  pthread_mutex_lock(&reads_lock);
  of->reads--;
  pthread_cond_broadcast(&reads_changed);
  pthread_mutex_unlock(&reads_lock);
}

/** In the thread of JavaScript, or with no `env` when that is ending. */
static void finish_read(napi_env env, napi_value callback, void *context, void *data) {
  (void)callback;
  instance *of = context;
  transfer *t = data;
  const PJRT_Api *api = t->client->api;
  ARGS(PJRT_Event_Destroy_Args, destroy);
  destroy.event = t->event;
  ignore_error(api, api->PJRT_Event_Destroy(&destroy));
  if (env) {
    if (--of->waiting == 0) napi_unref_threadsafe_function(env, of->reads_done);
    napi_value target;
    napi_get_reference_value(env, t->target, &target);
    napi_delete_reference(env, t->target);
    if (t->failure.message) napi_reject_deferred(env, t->deferred, make_error(env, &t->failure));
    else napi_resolve_deferred(env, t->deferred, target);
  }
  free(t->failure.message);
  end_work(t->client);
  free(t);
}

/** read(array): a promise of an ArrayBuffer with the values. */
static napi_value read_values(napi_env env, napi_callback_info info) {
  napi_value values[1], target, promise;
  if (!read_arguments(env, info, 1, values)) return NULL;
  array *a = read_array(env, values[0]);
  if (!a) return NULL;
  client *c = a->client;
  instance *of = c->instance;
  ARGS(PJRT_Buffer_ToHostBuffer_Args, copy);
  copy.src = a->buffer;
  if (throw_failure(env, take_error(c->api, c->api->PJRT_Buffer_ToHostBuffer(&copy)))) return NULL;
  if (napi_create_arraybuffer(env, copy.dst_size, &copy.dst, &target) != napi_ok) return NULL;
  static int64_t nothing;
  if (!copy.dst) copy.dst = &nothing;
  transfer *t = calloc(1, sizeof *t);
  if (!t) {
    napi_throw_error(env, NULL, "the host is out of memory");
    return NULL;
  }
  if (throw_failure(env, take_error(c->api, c->api->PJRT_Buffer_ToHostBuffer(&copy)))) {
    free(t);
    return NULL;
  }
  t->client = c;
  t->event = copy.event;
  napi_create_promise(env, &t->deferred, &promise);
  napi_create_reference(env, target, 1, &t->target);
  begin_work(c);
  pthread_mutex_lock(&reads_lock);
  of->reads++;
  pthread_mutex_unlock(&reads_lock);
  if (of->waiting++ == 0) napi_ref_threadsafe_function(env, of->reads_done);
  napi_acquire_threadsafe_function(of->reads_done);
  ARGS(PJRT_Event_OnReady_Args, ready);
  ready.event = copy.event;
  ready.callback = on_transferred;
  ready.user_arg = t;
  PJRT_Error *refused = c->api->PJRT_Event_OnReady(&ready);
  if (refused) on_transferred(refused, t);
  return promise;
}

/** free(array): frees its memory on the device, if it was not yet. */
static napi_value free_values(napi_env env, napi_callback_info info) {
  napi_value values[1];
  if (!read_arguments(env, info, 1, values)) return NULL;
  array *a = read_handle(env, values[0], &ARRAY, "expected an array on the device");
  if (a) free_array(a);
  return NULL;
}

/** isAlive(array): false once it was freed or given away. */
static napi_value is_alive(napi_env env, napi_callback_info info) {
  napi_value values[1], result;
  if (!read_arguments(env, info, 1, values)) return NULL;
  const array *a = read_handle(env, values[0], &ARRAY, "expected an array on the device");
  if (!a) return NULL;
  napi_get_boolean(env, a->buffer && !a->client->is_closed, &result);
  return result;
}

/** memory(client): { used, peak, limit } in bytes with null for what the device does not say, or null. */
static napi_value memory(napi_env env, napi_callback_info info) {
  napi_value values[1], result;
  if (!read_arguments(env, info, 1, values)) return NULL;
  client *c = read_client(env, values[0]);
  if (!c) return NULL;
  ARGS(PJRT_Device_MemoryStats_Args, stats);
  stats.device = c->device;
  if (!HAS(c->api, PJRT_Device_MemoryStats) || !ignore_error(c->api, c->api->PJRT_Device_MemoryStats(&stats))) {
    napi_get_null(env, &result);
    return result;
  }
  napi_create_object(env, &result);
  set_number(env, result, "used", (double)stats.bytes_in_use);
  if (stats.peak_bytes_in_use_is_set) set_number(env, result, "peak", (double)stats.peak_bytes_in_use);
  else set_null(env, result, "peak");
  if (stats.bytes_limit_is_set) set_number(env, result, "limit", (double)stats.bytes_limit);
  else set_null(env, result, "limit");
  return result;
}

#endif
