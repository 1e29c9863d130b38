/**
 * The addon: TensorFlow's library as src/xla/runtime/tensorflow.ts calls it. A library is opened with a context of its own; arrays are
 * handles of its tensors. Running a function and reading an array are done in threads of Node's pool, and are promises; everything
 * else is done at once. What TensorFlow says of an error is thrown, with the name of its TF_Code as `code`.
 */
#include <dlfcn.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "tensorflow.h"

/** What src/xla/runtime/tensorflowAddon.ts expects. */
#define ADDON_VERSION 1

/** Dimensions of an array at most. */
#define MAXIMUM_RANK 8

/** An opened library and its context. */
typedef struct {
  void *file;
  TFE_Context *context;
#define MEMBER(type, name, arguments) type(*name) arguments;
  TENSORFLOW_FUNCTIONS(MEMBER)
#undef MEMBER
} library;

/** What a thread of the pool does: runs a function, or reads an array. */
typedef struct {
  napi_async_work work;
  napi_deferred promise;
  const library *of;
  char *name, *device;
  TFE_TensorHandle **inputs, **results;
  uint32_t input_count;
  int result_count;
  TFE_TensorHandle *array;
  /** Where its values go, and what keeps that memory. */
  void *data;
  size_t bytes;
  napi_ref kept;
  int code;
  char *problem;
} job;

/** Takes arguments of a call; false, with an exception, when there are fewer. */
static bool arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *values) {
  size_t count = wanted;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) == napi_ok && count >= wanted) return true;
  napi_throw_type_error(env, NULL, "too few arguments");
  return false;
}

/** A library that is open; NULL, with an exception, for anything else. */
static library *opened(napi_env env, napi_value value) {
  void *of = NULL;
  if (napi_get_value_external(env, value, &of) == napi_ok && ((library *)of)->context) return of;
  napi_throw_type_error(env, NULL, "expected a library that is open");
  return NULL;
}

static TFE_TensorHandle *array_of(napi_env env, napi_value value) {
  void *array = NULL;
  if (napi_get_value_external(env, value, &array) != napi_ok) napi_throw_type_error(env, NULL, "expected an array");
  return array;
}

static napi_value external(napi_env env, void *value) {
  napi_value result = NULL;
  napi_create_external(env, value, NULL, NULL, &result);
  return result;
}

/** A copy of a string, to be freed. */
static char *copy_text(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) napi_throw_type_error(env, NULL, "expected a string");
  char *text = calloc(length + 1, 1);
  napi_get_value_string_utf8(env, value, text, length + 1, &length);
  return text;
}

static napi_value text(napi_env env, const char *value) {
  napi_value result = NULL;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
  return result;
}

enum { INVALID_ARGUMENT = 3, RESOURCE_EXHAUSTED = 8 };

static napi_value make_error(napi_env env, int code, const char *message) {
  static const char *const names[] = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
                                      "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
                                      "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};
  const bool known = code >= 0 && (size_t)code < sizeof names / sizeof *names;
  napi_value error = NULL;
  napi_create_error(env, text(env, known ? names[code] : "UNKNOWN"), text(env, message), &error);
  return error;
}

/** Frees a status; true, with an exception, when it is one of an error. */
static bool failed(napi_env env, const library *of, TF_Status *status) {
  const int code = of->TF_GetCode(status);
  if (code != 0) napi_throw(env, make_error(env, code, of->TF_Message(status)));
  of->TF_DeleteStatus(status);
  return code != 0;
}

/** Memory of a typed array and its bytes. */
static void *typed_array(napi_env env, napi_value value, size_t *bytes) {
  static const size_t width[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  napi_typedarray_type type;
  size_t length = 0;
  void *data = NULL;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL) != napi_ok) {
    napi_throw_type_error(env, NULL, "expected a typed array");
    *bytes = 0;
    return NULL;
  }
  *bytes = length * width[type];
  return data;
}

/** open(file, serialised ConfigProto): loads a library and makes a context. */
static napi_value open_library(napi_env env, napi_callback_info info) {
  napi_value values[2];
  if (!arguments(env, info, 2, values)) return NULL;
  size_t bytes;
  const void *config = typed_array(env, values[1], &bytes);
  if (!config && bytes > 0) return NULL;
  char *file = copy_text(env, values[0]);
  library *of = calloc(1, sizeof *of);
  const char *problem = NULL;
  of->file = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  free(file);
  if (!of->file) problem = dlerror();
#define FIND(type, name, arguments) \
  if (!problem && !(*(void **)&of->name = dlsym(of->file, #name))) problem = #name " is not in the library";
  TENSORFLOW_FUNCTIONS(FIND)
#undef FIND
  if (problem) {
    napi_throw_error(env, NULL, problem);
    free(of);
    return NULL;
  }
  TF_Status *status = of->TF_NewStatus();
  TFE_ContextOptions *options = of->TFE_NewContextOptions();
  of->TFE_ContextOptionsSetConfig(options, config, bytes, status);
  if (of->TF_GetCode(status) == 0) of->context = of->TFE_NewContext(options, status);
  of->TFE_DeleteContextOptions(options);
  if (!failed(env, of, status)) return external(env, of);
  free(of);
  return NULL;
}

/** tensorflowVersion(library) */
static napi_value tensorflow_version(napi_env env, napi_callback_info info) {
  napi_value values[1];
  if (!arguments(env, info, 1, values)) return NULL;
  const library *of = opened(env, values[0]);
  return of ? text(env, of->TF_Version()) : NULL;
}

/** devices(library): [{ name, type, memory }] of all devices; memory is what TensorFlow takes of it at most, in bytes. */
static napi_value devices(napi_env env, napi_callback_info info) {
  napi_value values[1], result = NULL;
  if (!arguments(env, info, 1, values)) return NULL;
  const library *of = opened(env, values[0]);
  if (!of) return NULL;
  TF_Status *status = of->TF_NewStatus();
  TF_DeviceList *list = of->TFE_ContextListDevices(of->context, status);
  if (failed(env, of, status)) return NULL;
  status = of->TF_NewStatus();
  napi_create_array(env, &result);
  for (int i = 0; i < of->TF_DeviceListCount(list); i++) {
    napi_value device, memory;
    napi_create_object(env, &device);
    napi_set_named_property(env, device, "name", text(env, of->TF_DeviceListName(list, i, status)));
    napi_set_named_property(env, device, "type", text(env, of->TF_DeviceListType(list, i, status)));
    napi_create_int64(env, of->TF_DeviceListMemoryBytes(list, i, status), &memory);
    napi_set_named_property(env, device, "memory", memory);
    napi_set_element(env, result, (uint32_t)i, device);
  }
  of->TF_DeleteDeviceList(list);
  of->TF_DeleteStatus(status);
  return result;
}

/** hasOperation(library, name): whether there is such an operation or function. */
static napi_value has_operation(napi_env env, napi_callback_info info) {
  napi_value values[2], result = NULL;
  if (!arguments(env, info, 2, values)) return NULL;
  const library *of = opened(env, values[0]);
  if (!of) return NULL;
  char *name = copy_text(env, values[1]);
  TF_Status *status = of->TF_NewStatus();
  TFE_Op *op = of->TFE_NewOp(of->context, name, status);
  napi_get_boolean(env, of->TF_GetCode(status) == 0, &result);
  if (op) of->TFE_DeleteOp(op);
  of->TF_DeleteStatus(status);
  free(name);
  return result;
}

/** addFunction(library, serialised FunctionDef) */
static napi_value add_function(napi_env env, napi_callback_info info) {
  napi_value values[2];
  if (!arguments(env, info, 2, values)) return NULL;
  const library *of = opened(env, values[0]);
  size_t bytes;
  const char *definition = typed_array(env, values[1], &bytes);
  if (!of || !definition) return NULL;
  TF_Status *status = of->TF_NewStatus();
  of->TFE_ContextAddFunctionDef(of->context, definition, bytes, status);
  failed(env, of, status);
  return NULL;
}

/** upload(library, typed array, TF_DataType, shape, device): an array on the device. */
static napi_value upload(napi_env env, napi_callback_info info) {
  napi_value values[5];
  if (!arguments(env, info, 5, values)) return NULL;
  const library *of = opened(env, values[0]);
  size_t bytes;
  const void *data = typed_array(env, values[1], &bytes);
  int32_t type = 0;
  uint32_t rank = 0;
  int64_t shape[MAXIMUM_RANK];
  napi_get_value_int32(env, values[2], &type);
  napi_get_array_length(env, values[3], &rank);
  if (!of || (!data && bytes > 0)) return NULL;
  if (rank > MAXIMUM_RANK) {
    napi_throw_range_error(env, NULL, "an array has too many dimensions");
    return NULL;
  }
  for (uint32_t i = 0; i < rank; i++) {
    napi_value size;
    napi_get_element(env, values[3], i, &size);
    napi_get_value_int64(env, size, shape + i);
  }
  TF_Tensor *tensor = of->TF_AllocateTensor(type, shape, (int)rank, bytes);
  if (!tensor) {
    napi_throw(env, make_error(env, RESOURCE_EXHAUSTED, "no memory for an array on the host"));
    return NULL;
  }
  if (bytes > 0) memcpy(of->TF_TensorData(tensor), data, bytes);
  TF_Status *status = of->TF_NewStatus();
  TFE_TensorHandle *array = NULL, *host = of->TFE_NewTensorHandle(tensor, status);
  of->TF_DeleteTensor(tensor);
  char *device = copy_text(env, values[4]);
  if (host) array = of->TFE_TensorHandleCopyToDevice(host, of->context, device, status);
  if (host) of->TFE_DeleteTensorHandle(host);
  free(device);
  return failed(env, of, status) ? NULL : external(env, array);
}

/** free(library, array): also when the library was closed. */
static napi_value free_array(napi_env env, napi_callback_info info) {
  napi_value values[2];
  void *of = NULL;
  if (!arguments(env, info, 2, values)) return NULL;
  napi_get_value_external(env, values[0], &of);
  TFE_TensorHandle *array = of ? array_of(env, values[1]) : NULL;
  if (array) ((library *)of)->TFE_DeleteTensorHandle(array);
  return NULL;
}

/** close(library): deletes the context. The library stays loaded, for it has threads that nothing ends and arrays may be left to free. */
static napi_value close_library(napi_env env, napi_callback_info info) {
  napi_value values[1];
  if (!arguments(env, info, 1, values)) return NULL;
  library *of = opened(env, values[0]);
  if (!of) return NULL;
  of->TFE_DeleteContext(of->context);
  of->context = NULL;
  return NULL;
}

/** Takes over what a status says. */
static void conclude(job *j, TF_Status *status) {
  j->code = j->of->TF_GetCode(status);
  if (j->code != 0) j->problem = strdup(j->of->TF_Message(status));
  j->of->TF_DeleteStatus(status);
}

static void run(napi_env env, void *data) {
  (void)env;
  job *j = data;
  const library *of = j->of;
  TF_Status *status = of->TF_NewStatus();
  TFE_Op *op = of->TFE_NewOp(of->context, j->name, status);
  if (of->TF_GetCode(status) == 0) of->TFE_OpSetDevice(op, j->device, status);
  for (uint32_t i = 0; i < j->input_count && of->TF_GetCode(status) == 0; i++) of->TFE_OpAddInput(op, j->inputs[i], status);
  if (of->TF_GetCode(status) == 0) of->TFE_Execute(op, j->results, &j->result_count, status);
  if (op) of->TFE_DeleteOp(op);
  conclude(j, status);
}

static void read_values(napi_env env, void *data) {
  (void)env;
  job *j = data;
  const library *of = j->of;
  TF_Status *status = of->TF_NewStatus();
  TF_Tensor *tensor = of->TFE_TensorHandleResolve(j->array, status);
  conclude(j, status);
  if (!tensor) return;
  const size_t bytes = of->TF_TensorByteSize(tensor);
  if (bytes == j->bytes) {
    if (bytes > 0) memcpy(j->data, of->TF_TensorData(tensor), bytes);
  } else if (j->code == 0) {
    j->code = INVALID_ARGUMENT;
    j->problem = strdup("an array has another number of bytes than was expected");
  }
  of->TF_DeleteTensor(tensor);
}

static void discard(napi_env env, job *j) {
  if (j->kept) napi_delete_reference(env, j->kept);
  if (j->work) napi_delete_async_work(env, j->work);
  free(j->name);
  free(j->device);
  free(j->inputs);
  free(j->results);
  free(j->problem);
  free(j);
}

/** Settles the promise of a job, and frees it. */
static void settle(napi_env env, napi_status state, void *data) {
  job *j = data;
  napi_value result = NULL;
  if (state != napi_ok || j->code != 0) {
    napi_reject_deferred(env, j->promise, make_error(env, j->code, j->problem ? j->problem : "it was not run"));
  } else {
    if (j->kept) napi_get_reference_value(env, j->kept, &result);
    else napi_create_array(env, &result);
    for (int i = 0; i < j->result_count; i++) napi_set_element(env, result, (uint32_t)i, external(env, j->results[i]));
    napi_resolve_deferred(env, j->promise, result);
  }
  discard(env, j);
}

/** Has a thread of the pool do a job; none when taking its arguments threw. */
static napi_value start(napi_env env, job *j, napi_async_execute_callback what) {
  napi_value promise = NULL;
  bool threw = false;
  if (napi_is_exception_pending(env, &threw) != napi_ok || threw) {
    discard(env, j);
    return NULL;
  }
  napi_create_promise(env, &j->promise, &promise);
  napi_create_async_work(env, NULL, text(env, "TensorFlow"), what, settle, j, &j->work);
  napi_queue_async_work(env, j->work);
  return promise;
}

/** execute(library, function, device, arrays, number of results): a promise of the resulting arrays. */
static napi_value execute(napi_env env, napi_callback_info info) {
  napi_value values[5];
  if (!arguments(env, info, 5, values)) return NULL;
  job *j = calloc(1, sizeof *j);
  j->of = opened(env, values[0]);
  j->name = copy_text(env, values[1]);
  j->device = copy_text(env, values[2]);
  napi_get_array_length(env, values[3], &j->input_count);
  napi_get_value_int32(env, values[4], &j->result_count);
  j->inputs = calloc(j->input_count + 1, sizeof *j->inputs);
  j->results = calloc((size_t)j->result_count + 1, sizeof *j->results);
  for (uint32_t i = 0; i < j->input_count; i++) {
    napi_value array;
    napi_get_element(env, values[3], i, &array);
    j->inputs[i] = array_of(env, array);
  }
  return start(env, j, run);
}

/** read(library, array, typed array): a promise of the typed array with the array's values. */
static napi_value read_array(napi_env env, napi_callback_info info) {
  napi_value values[3];
  if (!arguments(env, info, 3, values)) return NULL;
  job *j = calloc(1, sizeof *j);
  j->of = opened(env, values[0]);
  j->array = array_of(env, values[1]);
  j->data = typed_array(env, values[2], &j->bytes);
  napi_create_reference(env, values[2], 1, &j->kept);
  return start(env, j, read_values);
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {{"open", open_library},     {"tensorflowVersion", tensorflow_version}, {"devices", devices}, {"hasOperation", has_operation},
                   {"addFunction", add_function}, {"upload", upload},   {"execute", execute}, {"read", read_array},
                   {"free", free_array},       {"close", close_library}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value value;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &value);
    napi_set_named_property(env, exports, functions[i].name, value);
  }
  napi_value version;
  napi_create_int32(env, ADDON_VERSION, &version);
  napi_set_named_property(env, exports, "version", version);
  return exports;
}
