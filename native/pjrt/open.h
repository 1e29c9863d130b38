/** Opening a plugin's device, and compiling for one that is not there. */
#ifndef GRPO_TS_PJRT_OPEN_H
#define GRPO_TS_PJRT_OPEN_H

#include "jobs.h"

/** A named value from [name, value]: a string, boolean, bigint (an integer), number (a fraction) or BigInt64Array. */
static bool read_option(napi_env env, napi_value pair, PJRT_NamedValue *to) {
  napi_value name, value;
  napi_valuetype type;
  void *data;
  bool is_exact;
  if (napi_get_element(env, pair, 0, &name) != napi_ok || napi_get_element(env, pair, 1, &value) != napi_ok ||
      napi_typeof(env, value, &type) != napi_ok) {
    napi_throw_type_error(env, NULL, "expected pairs of a name and a value");
    return false;
  }
  *to = (PJRT_NamedValue){.struct_size = PJRT_NamedValue_STRUCT_SIZE, .type = PJRT_NamedValue_kBool, .value_size = 1};
  to->name = read_text(env, name, &to->name_size);
  if (!to->name) return false;
  if (type == napi_boolean) return napi_get_value_bool(env, value, &to->bool_value) == napi_ok;
  if (type == napi_bigint) {
    to->type = PJRT_NamedValue_kInt64;
    return napi_get_value_bigint_int64(env, value, &to->int64_value, &is_exact) == napi_ok;
  }
  if (type == napi_number) {
    double number = 0;
    napi_get_value_double(env, value, &number);
    to->type = PJRT_NamedValue_kFloat;
    to->float_value = (float)number;
    return true;
  }
  if (type == napi_string) {
    to->string_value = read_text(env, value, &to->value_size);
    if (to->string_value) to->type = PJRT_NamedValue_kString;
    return to->string_value;
  }
  if (!read_bytes(env, value, &data, &to->value_size)) return false;
  to->int64_array_value = (const int64_t *)copy_text(data ? data : "", to->value_size);
  to->value_size /= sizeof(int64_t);
  to->type = PJRT_NamedValue_kInt64List;
  return to->int64_array_value;
}

static bool read_options(napi_env env, napi_value list, job *j) {
  uint32_t count;
  if (napi_get_array_length(env, list, &count) != napi_ok || count > MAX_OPTIONS) {
    napi_throw_type_error(env, NULL, "expected a list of at most 32 options");
    return false;
  }
  for (uint32_t i = 0; i < count; i++) {
    napi_value pair;
    napi_get_element(env, list, i, &pair);
    const bool is_read = read_option(env, pair, j->named + i);
    // Its name is to be freed even when the value is of no use.
    j->named_count = i + 1;
    if (!is_read) return false;
  }
  return true;
}

/** Opens libraries that a plugin looks for by their names alone. One that cannot be opened is missed only if the plugin needs it. */
static void open_libraries(const text *names) {
  for (size_t at = 0; at < names->size; at += strlen(names->data + at) + 1) dlopen(names->data + at, RTLD_LAZY | RTLD_LOCAL);
}

static void run_open(job *j) {
  plugin *from;
  pthread_mutex_lock(&plugins_lock);
  open_libraries(&j->libraries);
  const bool is_missing = failed(j, find_plugin(j->file.data, &from));
  if (!is_missing && from->is_taken) {
    failed(j, fail("FAILED_PRECONDITION", "it is open in another thread of this process, or still ending there; a process opens it once"));
  } else if (!is_missing) {
    from->is_taken = true;
  }
  pthread_mutex_unlock(&plugins_lock);
  if (j->failure.message) return;
  client *c = calloc(1, sizeof *c);
  const PJRT_Api *api = from->api;
  ARGS(PJRT_Client_Create_Args, create);
  create.create_options = j->named;
  create.num_options = j->named_count;
  if (c && !failed_call(j, api, api->PJRT_Client_Create(&create))) {
    *c = (client){.plugin = from, .api = api, .client = create.client, .instance = j->instance, .references = 1};
    ARGS(PJRT_Client_AddressableDevices_Args, devices);
    devices.client = c->client;
    if (!failed_call(j, api, api->PJRT_Client_AddressableDevices(&devices)) && devices.num_addressable_devices == 0) {
      failed(j, fail("NOT_FOUND", "it has no device"));
    }
    if (!j->failure.message) {
      c->device = devices.addressable_devices[0];
      j->client = c;
      return;
    }
    ARGS(PJRT_Client_Destroy_Args, destroy);
    destroy.client = c->client;
    ignore_error(api, api->PJRT_Client_Destroy(&destroy));
  }
  if (!c) failed(j, fail("RESOURCE_EXHAUSTED", "the host is out of memory"));
  free(c);
  pthread_mutex_lock(&plugins_lock);
  from->is_taken = false;
  pthread_mutex_unlock(&plugins_lock);
}

/** An object with named values of a plugin; lists of numbers as text, such as 1.13.3. */
static napi_value named_values(napi_env env, const PJRT_NamedValue *list, size_t count) {
  napi_value object;
  napi_create_object(env, &object);
  for (size_t i = 0; i < count; i++) {
    const PJRT_NamedValue *value = list + i;
    char name[100], joined[200] = "";
    snprintf(name, sizeof name, "%.*s", (int)value->name_size, value->name);
    size_t length = 0;
    if (value->type == PJRT_NamedValue_kString) {
      set_text(env, object, name, value->string_value, value->value_size);
    } else if (value->type == PJRT_NamedValue_kInt64) {
      set_number(env, object, name, (double)value->int64_value);
    } else if (value->type == PJRT_NamedValue_kInt64List) {
      for (size_t k = 0; k < value->value_size && length < sizeof joined - 32; k++) {
        length += (size_t)snprintf(joined + length, sizeof joined - length, k ? ".%lld" : "%lld", (long long)value->int64_array_value[k]);
      }
      set_text(env, object, name, joined, length);
    }
  }
  return object;
}

/** { handle, platform, version, device, api, attributes, deviceAttributes } */
static napi_value finish_open(napi_env env, job *j) {
  client *c = j->client;
  const PJRT_Api *api = c->api;
  // Nothing is pending that ended with the job.
  j->client = NULL;
  c->next = j->instance->clients;
  j->instance->clients = c;
  napi_value handle = make_handle(env, c, &CLIENT, finalize_client), result;
  if (!handle) {
    close_client(c);
    release_client(c);
    return NULL;
  }
  napi_create_object(env, &result);
  napi_set_named_property(env, result, "handle", handle);
  ARGS(PJRT_Client_PlatformName_Args, platform);
  platform.client = c->client;
  if (ignore_error(api, api->PJRT_Client_PlatformName(&platform))) {
    set_text(env, result, "platform", platform.platform_name, platform.platform_name_size);
  }
  ARGS(PJRT_Client_PlatformVersion_Args, version);
  version.client = c->client;
  if (ignore_error(api, api->PJRT_Client_PlatformVersion(&version))) {
    set_text(env, result, "version", version.platform_version, version.platform_version_size);
  }
  ARGS(PJRT_Device_GetDescription_Args, description);
  description.device = c->device;
  if (ignore_error(api, api->PJRT_Device_GetDescription(&description))) {
    ARGS(PJRT_DeviceDescription_Kind_Args, kind);
    kind.device_description = description.device_description;
    if (ignore_error(api, api->PJRT_DeviceDescription_Kind(&kind))) {
      set_text(env, result, "device", kind.device_kind, kind.device_kind_size);
    }
    ARGS(PJRT_DeviceDescription_Attributes_Args, own);
    own.device_description = description.device_description;
    const bool has_own = ignore_error(api, api->PJRT_DeviceDescription_Attributes(&own));
    napi_value named = named_values(env, own.attributes, has_own ? own.num_attributes : 0);
    napi_set_named_property(env, result, "deviceAttributes", named);
  }
  char number[32];
  const int size = snprintf(number, sizeof number, "%d.%d", api->pjrt_api_version.major_version, api->pjrt_api_version.minor_version);
  set_text(env, result, "api", number, (size_t)size);
  ARGS(PJRT_Plugin_Attributes_Args, list);
  const bool has_list = HAS(api, PJRT_Plugin_Attributes) && ignore_error(api, api->PJRT_Plugin_Attributes(&list));
  napi_set_named_property(env, result, "attributes", named_values(env, list.attributes, has_list ? list.num_attributes : 0));
  return result;
}

/** open(file, libraries: string with a NUL behind each, options: [name, value][]): a client on the first device. */
static napi_value open_plugin(napi_env env, napi_callback_info info) {
  napi_value values[3];
  if (!read_arguments(env, info, 3, values)) return NULL;
  job *j = new_job(env, NULL, run_open, finish_open);
  if (!j) return NULL;
  j->file.data = read_text(env, values[0], &j->file.size);
  if (j->file.data) j->libraries.data = read_text(env, values[1], &j->libraries.size);
  if (j->libraries.data && read_options(env, values[2], j)) return start_job(env, j);
  free_job(j);
  return NULL;
}

/** close(client): frees its arrays and executables, and the device's memory. */
static napi_value close_handle(napi_env env, napi_callback_info info) {
  napi_value values[1];
  if (!read_arguments(env, info, 1, values)) return NULL;
  client *c = read_handle(env, values[0], &CLIENT, "expected a client");
  if (c) close_client(c);
  return NULL;
}

static void run_compile_for(job *j) {
  plugin *from;
  pthread_mutex_lock(&plugins_lock);
  failed(j, find_plugin(j->file.data, &from));
  pthread_mutex_unlock(&plugins_lock);
  if (j->failure.message) return;
  const PJRT_Api *api = from->api;
  if (!HAS(api, PJRT_TopologyDescription_Create) || !HAS(api, PJRT_TopologyDescription_Destroy) || !HAS(api, PJRT_Compile)) {
    failed(j, fail("UNIMPLEMENTED", "it cannot compile for a device that is not there"));
    return;
  }
  const PJRT_NamedValue device[] = {
    {.struct_size = PJRT_NamedValue_STRUCT_SIZE, .name = "target_config", .name_size = 13, .type = PJRT_NamedValue_kString,
      .string_value = j->target.data, .value_size = j->target.size},
    {.struct_size = PJRT_NamedValue_STRUCT_SIZE, .name = "topology", .name_size = 8, .type = PJRT_NamedValue_kString,
      .string_value = "1x1x1", .value_size = 5},
  };
  ARGS(PJRT_TopologyDescription_Create_Args, topology);
  topology.topology_name = "";
  topology.create_options = device;
  topology.num_options = 2;
  if (failed_call(j, api, api->PJRT_TopologyDescription_Create(&topology))) return;
  const PJRT_Program program = program_of(j);
  ARGS(PJRT_Compile_Args, compile);
  compile.topology = topology.topology;
  compile.program = &program;
  compile.compile_options = j->options.data;
  compile.compile_options_size = j->options.size;
  if (!failed_call(j, api, api->PJRT_Compile(&compile))) {
    describe(j, api, compile.executable);
    ARGS(PJRT_Executable_OptimizedProgram_Args, optimized);
    PJRT_Program result = {.struct_size = PJRT_Program_STRUCT_SIZE};
    optimized.executable = compile.executable;
    optimized.program = &result;
    // The first call asks for the size.
    if (HAS(api, PJRT_Executable_OptimizedProgram) && ignore_error(api, api->PJRT_Executable_OptimizedProgram(&optimized)) &&
        (result.code = calloc(1, result.code_size + 1)) && ignore_error(api, api->PJRT_Executable_OptimizedProgram(&optimized))) {
      j->optimized = (text){result.code, result.code_size};
      j->format = copy_bytes(result.format, result.format_size);
    } else {
      free(result.code);
    }
    destroy_executable(api, compile.executable);
  }
  ARGS(PJRT_TopologyDescription_Destroy_Args, destroy);
  destroy.topology = topology.topology;
  ignore_error(api, api->PJRT_TopologyDescription_Destroy(&destroy));
}

/** { memory, outputs, serialized, optimized, format }: the optimised program, `hlo` or `hlo_with_config`; null where it is not told. */
static napi_value finish_compile_for(napi_env env, job *j) {
  napi_value result = make_description(env, j);
  set_null(env, result, "optimized");
  set_null(env, result, "format");
  if (j->optimized.data) {
    set_bytes(env, result, "optimized", j->optimized.data, j->optimized.size);
    set_text(env, result, "format", j->format.data, j->format.size);
  }
  return result;
}

/** compileFor(file, target: string, text: typed array, CompileOptionsProto: typed array): what became of the program. */
static napi_value compile_for(napi_env env, napi_callback_info info) {
  napi_value values[4];
  void *data[2];
  size_t sizes[2];
  if (!read_arguments(env, info, 4, values)) return NULL;
  if (!read_bytes(env, values[2], data, sizes) || !read_bytes(env, values[3], data + 1, sizes + 1)) return NULL;
  job *j = new_job(env, NULL, run_compile_for, finish_compile_for);
  if (!j) return NULL;
  j->serialize = true;
  j->program = copy_bytes(data[0], sizes[0]);
  j->options = copy_bytes(data[1], sizes[1]);
  j->file.data = read_text(env, values[0], &j->file.size);
  if (j->file.data) j->target.data = read_text(env, values[1], &j->target.size);
  if (j->target.data) return start_job(env, j);
  free_job(j);
  return NULL;
}

#endif
