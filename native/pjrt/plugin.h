/** Plugins: shared libraries with the function GetPjrtApi. Each is loaded once in a process, and stays. */
#ifndef GRPO_TS_PJRT_PLUGIN_H
#define GRPO_TS_PJRT_PLUGIN_H

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include "pjrt_c_api.h"
#include "values.h"

/** Arguments of a function of PJRT, whose size tells the plugin which fields there are. */
#define ARGS(type, name) type name = {.struct_size = type##_STRUCT_SIZE}

/** Whether a plugin has a function: those of an older interface end before it. */
#define HAS(api, function) (offsetof(PJRT_Api, function) + sizeof(void *) <= (api)->struct_size && (api)->function)

typedef struct plugin {
  const PJRT_Api *api;
  /** Whether a client is open: a process has one of each plugin. Under `plugins_lock`, as the list. */
  bool is_taken;
  struct plugin *next;
} plugin;

static pthread_mutex_t plugins_lock = PTHREAD_MUTEX_INITIALIZER;
static plugin *plugins;

/** Takes an error of PJRT over. */
static failure take_error(const PJRT_Api *api, PJRT_Error *error) {
  static const char *const codes[] = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
    "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};
  if (!error) return (failure){0};
  ARGS(PJRT_Error_GetCode_Args, code);
  code.error = error;
  PJRT_Error *other = api->PJRT_Error_GetCode(&code);
  const bool is_known = !other && code.code > 0 && (size_t)code.code < sizeof codes / sizeof *codes;
  ARGS(PJRT_Error_Message_Args, message);
  message.error = error;
  api->PJRT_Error_Message(&message);
  const failure what = {is_known ? codes[code.code] : "UNKNOWN",
    message.message_size ? copy_text(message.message, message.message_size) : copy_text("no message", 10)};
  PJRT_Error *both[] = {error, other};
  for (int i = 0; i < 2; i++) {
    ARGS(PJRT_Error_Destroy_Args, destroy);
    destroy.error = both[i];
    if (both[i]) api->PJRT_Error_Destroy(&destroy);
  }
  return what;
}

/** Passes over an error, where there is nobody to be told. */
static bool ignore_error(const PJRT_Api *api, PJRT_Error *error) {
  const failure what = take_error(api, error);
  free(what.message);
  return what.message == NULL;
}

static failure check_version(const PJRT_Api *api) {
  char message[200];
  // The first fields of every version so far.
  if (!api || api->struct_size < offsetof(PJRT_Api, PJRT_Error_Destroy)) {
    return fail("UNIMPLEMENTED", "its function GetPjrtApi returns no interface");
  }
  const PJRT_Api_Version *version = &api->pjrt_api_version;
  if (version->major_version != PJRT_API_MAJOR) {
    snprintf(message, sizeof message, "it speaks version %d.%d of the PJRT interface, expected %d.x", version->major_version,
      version->minor_version, PJRT_API_MAJOR);
    return fail("UNIMPLEMENTED", message);
  }
#define NEEDED(function)                                                                                             \
  if (!HAS(api, function)) {                                                                                         \
    snprintf(message, sizeof message, "its version %d.%d of the PJRT interface is too old: it has no " #function,    \
      version->major_version, version->minor_version);                                                               \
    return fail("UNIMPLEMENTED", message);                                                                           \
  }
  NEEDED(PJRT_Error_Destroy)
  NEEDED(PJRT_Error_Message)
  NEEDED(PJRT_Error_GetCode)
  NEEDED(PJRT_Plugin_Initialize)
  NEEDED(PJRT_Event_Destroy)
  NEEDED(PJRT_Event_Await)
  NEEDED(PJRT_Event_OnReady)
  NEEDED(PJRT_Client_Create)
  NEEDED(PJRT_Client_Destroy)
  NEEDED(PJRT_Client_PlatformName)
  NEEDED(PJRT_Client_PlatformVersion)
  NEEDED(PJRT_Client_AddressableDevices)
  NEEDED(PJRT_Client_Compile)
  NEEDED(PJRT_Client_BufferFromHostBuffer)
  NEEDED(PJRT_DeviceDescription_Kind)
  NEEDED(PJRT_Device_GetDescription)
  NEEDED(PJRT_Executable_Destroy)
  NEEDED(PJRT_Executable_NumOutputs)
  NEEDED(PJRT_Executable_Serialize)
  NEEDED(PJRT_Executable_DeserializeAndLoad)
  NEEDED(PJRT_LoadedExecutable_Destroy)
  NEEDED(PJRT_LoadedExecutable_GetExecutable)
  NEEDED(PJRT_LoadedExecutable_Execute)
  NEEDED(PJRT_Buffer_Destroy)
  NEEDED(PJRT_Buffer_IsDeleted)
  NEEDED(PJRT_Buffer_ToHostBuffer)
#undef NEEDED
  return (failure){0};
}

/** Loads a plugin, if it has not been yet. With `plugins_lock` held. */
static failure find_plugin(const char *file, plugin **found) {
  void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!library) return fail("NOT_FOUND", dlerror());
  const PJRT_Api *(*get)(void) = (const PJRT_Api *(*)(void))dlsym(library, "GetPjrtApi");
  if (!get) {
    dlclose(library);
    return fail("UNIMPLEMENTED", "it is no PJRT plugin: it has no function GetPjrtApi");
  }
  const PJRT_Api *api = get();
  // The same library by another path has the same interface.
  for (*found = plugins; *found; *found = (*found)->next) {
    if ((*found)->api == api) return (failure){0};
  }
  failure what = check_version(api);
  if (what.message) return what;
  ARGS(PJRT_Plugin_Initialize_Args, initialize);
  what = take_error(api, api->PJRT_Plugin_Initialize(&initialize));
  if (what.message) return what;
  plugin *loaded = calloc(1, sizeof *loaded);
  if (!loaded) return fail("RESOURCE_EXHAUSTED", "the host is out of memory");
  *loaded = (plugin){.api = api, .next = plugins};
  *found = plugins = loaded;
  return (failure){0};
}

#endif
