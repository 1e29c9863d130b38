/** What takes long and runs beside JavaScript: opening a plugin, compiling programs and loading them. */
#ifndef GRPO_TS_PJRT_JOBS_H
#define GRPO_TS_PJRT_JOBS_H

#include "client.h"

#define MAX_OPTIONS 32

typedef struct {
  char *data;
  size_t size;
} text;

typedef struct job {
  /** In another thread: fills the results, or `failure`. */
  void (*run)(struct job *);
  /** In the thread of JavaScript: the value of the promise. */
  napi_value (*finish)(napi_env, struct job *);
  napi_async_work work;
  napi_deferred deferred;
  failure failure;
  instance *instance;
  /** The client it works for; NULL where there is none yet. */
  client *client;
  /** What was given: file, libraries (each ended by a NUL), options of a client; text or serialized program, compile options, target. */
  text file, libraries, program, options, target;
  PJRT_NamedValue named[MAX_OPTIONS];
  size_t named_count;
  bool serialize;
  /** What came out. */
  PJRT_LoadedExecutable *loaded;
  size_t outputs;
  bool has_memory, has_outputs;
  PJRT_Executable_GetCompiledMemoryStats_Args memory;
  PJRT_Buffer_Type *output_types;
  size_t *output_ranks;
  int64_t *output_sizes;
  text serialized, optimized, format;
} job;

static void free_job(job *j) {
  text *const texts[] = {&j->file, &j->libraries, &j->program, &j->options, &j->target, &j->serialized, &j->optimized,
    &j->format};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]->data);
  for (size_t i = 0; i < j->named_count; i++) {
    free((void *)j->named[i].name);
    if (j->named[i].type == PJRT_NamedValue_kString) free((void *)j->named[i].string_value);
    if (j->named[i].type == PJRT_NamedValue_kInt64List) free((void *)j->named[i].int64_array_value);
  }
  free(j->output_types);
  free(j->output_ranks);
  free(j->output_sizes);
  free(j->failure.message);
  free(j);
}

static text copy_bytes(const void *data, size_t size) {
  return (text){copy_text(size ? data : "", size), size};
}

static bool failed(job *j, failure what) {
  if (what.message) j->failure = what;
  return what.message != NULL;
}

static bool failed_call(job *j, const PJRT_Api *api, PJRT_Error *error) {
  return error && failed(j, take_error(api, error));
}

static void run_job(napi_env env, void *data) {
  (void)env;
  job *j = data;
  j->run(j);
}

static void end_job(napi_env env, napi_status status, void *data) {
  job *j = data;
  if (status != napi_ok && !j->failure.message) j->failure = fail("CANCELLED", "the process is ending");
  napi_value result = j->failure.message ? NULL : j->finish(env, j);
  if (result) {
    napi_resolve_deferred(env, j->deferred, result);
  } else {
    if (!j->failure.message) j->failure = fail("RESOURCE_EXHAUSTED", "the host is out of memory");
    napi_reject_deferred(env, j->deferred, make_error(env, &j->failure));
  }
  if (j->loaded) destroy_loaded(j->client->api, j->loaded);
  if (j->work) napi_delete_async_work(env, j->work);
  if (j->client) end_work(j->client);
  free_job(j);
}

/** Starts a job; returns the promise. */
static napi_value start_job(napi_env env, job *j) {
  napi_value promise, name;
  napi_create_promise(env, &j->deferred, &promise);
  napi_create_string_utf8(env, "grpo-ts pjrt", NAPI_AUTO_LENGTH, &name);
  if (j->client) begin_work(j->client);
  if (napi_create_async_work(env, NULL, name, run_job, end_job, j, &j->work) != napi_ok ||
      napi_queue_async_work(env, j->work) != napi_ok) {
    end_job(env, napi_generic_failure, j);
  }
  return promise;
}

static job *new_job(napi_env env, client *c, void (*run)(job *), napi_value (*finish)(napi_env, job *)) {
  job *j = calloc(1, sizeof *j);
  if (!j) {
    napi_throw_error(env, NULL, "the host is out of memory");
    return NULL;
  }
  j->client = c;
  j->run = run;
  j->finish = finish;
  napi_get_instance_data(env, (void **)&j->instance);
  return j;
}

// Programs

/** A copy of a list, which may be NULL when it is empty. */
static void *copy_list(const void *list, size_t count, size_t width) {
  void *copy = calloc(count + 1, width);
  if (copy && count) memcpy(copy, list, count * width);
  return copy;
}

/** Asks for all that is known about an executable. */
static void describe(job *j, const PJRT_Api *api, PJRT_Executable *of) {
  ARGS(PJRT_Executable_NumOutputs_Args, outputs);
  outputs.executable = of;
  if (failed_call(j, api, api->PJRT_Executable_NumOutputs(&outputs))) return;
  j->outputs = outputs.num_outputs;
  j->memory.struct_size = PJRT_Executable_GetCompiledMemoryStats_Args_STRUCT_SIZE;
  j->memory.executable = of;
  j->has_memory = HAS(api, PJRT_Executable_GetCompiledMemoryStats) &&
                  ignore_error(api, api->PJRT_Executable_GetCompiledMemoryStats(&j->memory));
  if (HAS(api, PJRT_Executable_OutputElementTypes) && HAS(api, PJRT_Executable_OutputDimensions)) {
    ARGS(PJRT_Executable_OutputElementTypes_Args, types);
    ARGS(PJRT_Executable_OutputDimensions_Args, sizes);
    types.executable = sizes.executable = of;
    if (ignore_error(api, api->PJRT_Executable_OutputElementTypes(&types)) && types.num_output_types == j->outputs &&
        ignore_error(api, api->PJRT_Executable_OutputDimensions(&sizes)) && sizes.num_outputs == j->outputs) {
      size_t total = 0;
      for (size_t i = 0; i < j->outputs; i++) total += sizes.dim_sizes[i];
      j->output_types = copy_list(types.output_types, j->outputs, sizeof *j->output_types);
      j->output_ranks = copy_list(sizes.dim_sizes, j->outputs, sizeof *j->output_ranks);
      j->output_sizes = copy_list(sizes.dims, total, sizeof *j->output_sizes);
      j->has_outputs = j->output_types && j->output_ranks && j->output_sizes;
    }
  }
  if (!j->serialize) return;
  ARGS(PJRT_Executable_Serialize_Args, serialized);
  serialized.executable = of;
  if (!ignore_error(api, api->PJRT_Executable_Serialize(&serialized))) return;
  j->serialized = copy_bytes(serialized.serialized_bytes, serialized.serialized_bytes_size);
  serialized.serialized_executable_deleter(serialized.serialized_executable);
}

static void destroy_executable(const PJRT_Api *api, PJRT_Executable *of) {
  ARGS(PJRT_Executable_Destroy_Args, destroy);
  destroy.executable = of;
  ignore_error(api, api->PJRT_Executable_Destroy(&destroy));
}

static void describe_loaded(job *j) {
  const PJRT_Api *api = j->client->api;
  ARGS(PJRT_LoadedExecutable_GetExecutable_Args, get);
  get.loaded_executable = j->loaded;
  if (failed_call(j, api, api->PJRT_LoadedExecutable_GetExecutable(&get))) return;
  describe(j, api, get.executable);
  destroy_executable(api, get.executable);
}

static PJRT_Program program_of(job *j) {
  return (PJRT_Program){.struct_size = PJRT_Program_STRUCT_SIZE,
    .code = j->program.data,
    .code_size = j->program.size,
    .format = "mlir",
    .format_size = 4};
}

static void run_compile(job *j) {
  const PJRT_Program program = program_of(j);
  ARGS(PJRT_Client_Compile_Args, compile);
  compile.client = j->client->client;
  compile.program = &program;
  compile.compile_options = j->options.data;
  compile.compile_options_size = j->options.size;
  if (failed_call(j, j->client->api, j->client->api->PJRT_Client_Compile(&compile))) return;
  j->loaded = compile.executable;
  describe_loaded(j);
}

static void run_load(job *j) {
  ARGS(PJRT_Executable_DeserializeAndLoad_Args, load);
  load.client = j->client->client;
  load.serialized_executable = j->program.data;
  load.serialized_executable_size = j->program.size;
  if (failed_call(j, j->client->api, j->client->api->PJRT_Executable_DeserializeAndLoad(&load))) return;
  j->loaded = load.loaded_executable;
  describe_loaded(j);
}

/** { memory, outputs, serialized }: each null where the plugin does not say. */
static napi_value make_description(napi_env env, job *j) {
  napi_value result, memory, outputs;
  napi_create_object(env, &result);
  set_null(env, result, "memory");
  set_null(env, result, "outputs");
  set_null(env, result, "serialized");
  if (j->has_memory && napi_create_object(env, &memory) == napi_ok) {
    set_number(env, memory, "arguments", (double)j->memory.argument_size_in_bytes);
    set_number(env, memory, "outputs", (double)j->memory.output_size_in_bytes);
    set_number(env, memory, "aliased", (double)j->memory.alias_size_in_bytes);
    set_number(env, memory, "temporary", (double)j->memory.temp_size_in_bytes);
    set_number(env, memory, "code", (double)j->memory.generated_code_size_in_bytes);
    napi_set_named_property(env, result, "memory", memory);
  }
  if (j->has_outputs && napi_create_array_with_length(env, j->outputs, &outputs) == napi_ok) {
    const int64_t *sizes = j->output_sizes;
    for (size_t i = 0; i < j->outputs; i++) {
      napi_value output, shape, size;
      napi_create_object(env, &output);
      set_number(env, output, "type", j->output_types[i]);
      napi_create_array_with_length(env, j->output_ranks[i], &shape);
      for (size_t k = 0; k < j->output_ranks[i]; k++) {
        napi_create_int64(env, *sizes++, &size);
        napi_set_element(env, shape, (uint32_t)k, size);
      }
      napi_set_named_property(env, output, "shape", shape);
      napi_set_element(env, outputs, (uint32_t)i, output);
    }
    napi_set_named_property(env, result, "outputs", outputs);
  }
  if (j->serialized.data) set_bytes(env, result, "serialized", j->serialized.data, j->serialized.size);
  return result;
}

/** { handle, memory, outputs, serialized } */
static napi_value finish_executable(napi_env env, job *j) {
  executable *e = calloc(1, sizeof *e);
  napi_value handle = e ? make_handle(env, e, &EXECUTABLE, finalize_executable) : NULL;
  if (!handle) {
    free(e);
    return NULL;
  }
  *e = (executable){.client = j->client, .loaded = j->loaded, .outputs = j->outputs};
  j->loaded = NULL;
  j->client->references++;
  LINK(j->client->executables, e);
  napi_value result = make_description(env, j);
  napi_set_named_property(env, result, "handle", handle);
  return result;
}

/** compile(client, text: typed array, CompileOptionsProto: typed array, whether to serialize it): an executable. */
static napi_value compile(napi_env env, napi_callback_info info) {
  napi_value values[4];
  void *data[2];
  size_t sizes[2];
  bool serialize;
  if (!read_arguments(env, info, 4, values)) return NULL;
  client *c = read_client(env, values[0]);
  if (!c || !read_bytes(env, values[1], data, sizes) || !read_bytes(env, values[2], data + 1, sizes + 1)) return NULL;
  if (napi_get_value_bool(env, values[3], &serialize) != napi_ok) {
    napi_throw_type_error(env, NULL, "expected a boolean");
    return NULL;
  }
  job *j = new_job(env, c, run_compile, finish_executable);
  if (!j) return NULL;
  j->program = copy_bytes(data[0], sizes[0]);
  j->options = copy_bytes(data[1], sizes[1]);
  j->serialize = serialize;
  return start_job(env, j);
}

/** load(client, serialized: typed array): an executable. */
static napi_value load(napi_env env, napi_callback_info info) {
  napi_value values[2];
  void *data;
  size_t size;
  if (!read_arguments(env, info, 2, values)) return NULL;
  client *c = read_client(env, values[0]);
  if (!c || !read_bytes(env, values[1], &data, &size)) return NULL;
  job *j = new_job(env, c, run_load, finish_executable);
  if (!j) return NULL;
  j->program = copy_bytes(data, size);
  return start_job(env, j);
}

#endif
