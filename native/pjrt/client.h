/**
 * A client computes on one device, in one thread of JavaScript. It owns arrays and executables, and outlives their handles: when it is
 * closed they are gone, and their handles say so.
 */
#ifndef GRPO_TS_PJRT_CLIENT_H
#define GRPO_TS_PJRT_CLIENT_H

#include "plugin.h"

struct instance;

typedef struct client {
  plugin *plugin;
  const PJRT_Api *api;
  PJRT_Client *client;
  PJRT_Device *device;
  struct instance *instance;
  struct array *arrays;
  struct executable *executables;
  /** Handles and works that point here. */
  size_t references;
  /** Works and reads that use the client from other threads, so that it cannot be destroyed yet. */
  size_t pending;
  bool is_closed;
  struct client *next;
} client;

/** An array on the device. */
typedef struct array {
  client *client;
  /** NULL once it was freed or given away. */
  PJRT_Buffer *buffer;
  struct array *previous, *next;
} array;

typedef struct executable {
  client *client;
  /** NULL once the client is closed. */
  PJRT_LoadedExecutable *loaded;
  size_t outputs;
  struct executable *previous, *next;
} executable;

/** What the addon holds for a thread of JavaScript. */
typedef struct instance {
  client *clients;
  /** Hands finished reads over to the thread of JavaScript. */
  napi_threadsafe_function reads_done;
  /** Reads whose values are on their way; under `reads_lock`. */
  size_t reads;
  /** Reads that JavaScript waits for; the process lives on while there are any. */
  size_t waiting;
} instance;

static pthread_mutex_t reads_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t reads_changed = PTHREAD_COND_INITIALIZER;

static const napi_type_tag CLIENT = {0x6f0f1b6a2d8c4e31, 0x9a41c7d25be80f13};
static const napi_type_tag ARRAY = {0x21c59e4478ab4d06, 0xb6f30d9175ce2a48};
static const napi_type_tag EXECUTABLE = {0xd4873f10c92b4b7e, 0x85e6102fa3d94c6b};

/** Puts into, or takes out of, the list of a client. */
#define LINK(list, entry)                                  \
  do {                                                     \
    (entry)->next = (list);                                \
    if (list) (list)->previous = (entry);                  \
    (list) = (entry);                                      \
  } while (0)
#define UNLINK(list, entry)                                \
  do {                                                     \
    if ((entry)->previous) (entry)->previous->next = (entry)->next; \
    else (list) = (entry)->next;                           \
    if ((entry)->next) (entry)->next->previous = (entry)->previous; \
    (entry)->previous = (entry)->next = NULL;              \
  } while (0)

static void release_client(client *c) {
  if (--c->references == 0) free(c);
}

/** Frees an array's memory on the device; work that was given to the device before may still use it. */
static void free_array(array *a) {
  if (!a->buffer) return;
  ARGS(PJRT_Buffer_Destroy_Args, destroy);
  destroy.buffer = a->buffer;
  ignore_error(a->client->api, a->client->api->PJRT_Buffer_Destroy(&destroy));
  a->buffer = NULL;
  UNLINK(a->client->arrays, a);
}

static void destroy_loaded(const PJRT_Api *api, PJRT_LoadedExecutable *loaded) {
  ARGS(PJRT_LoadedExecutable_Destroy_Args, destroy);
  destroy.executable = loaded;
  ignore_error(api, api->PJRT_LoadedExecutable_Destroy(&destroy));
}

static void free_executable(executable *e) {
  if (!e->loaded) return;
  destroy_loaded(e->client->api, e->loaded);
  e->loaded = NULL;
  UNLINK(e->client->executables, e);
}

static void destroy_client(client *c) {
  while (c->arrays) free_array(c->arrays);
  while (c->executables) free_executable(c->executables);
  ARGS(PJRT_Client_Destroy_Args, destroy);
  destroy.client = c->client;
  ignore_error(c->api, c->api->PJRT_Client_Destroy(&destroy));
  c->client = NULL;
  pthread_mutex_lock(&plugins_lock);
  c->plugin->is_taken = false;
  pthread_mutex_unlock(&plugins_lock);
}

/** Closes a client: at once, or when the last work that uses it has ended. */
static void close_client(client *c) {
  if (c->is_closed) return;
  c->is_closed = true;
  for (client **place = &c->instance->clients; *place; place = &(*place)->next) {
    if (*place != c) continue;
    *place = c->next;
    break;
  }
  if (c->pending == 0) destroy_client(c);
}

/** A work that uses the client begins, or has ended. */
static void begin_work(client *c) {
  c->pending++;
  c->references++;
}

static void end_work(client *c) {
  if (--c->pending == 0 && c->is_closed) destroy_client(c);
  release_client(c);
}

static void finalize_client(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  close_client(data);
  release_client(data);
}

static void finalize_array(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  array *a = data;
  free_array(a);
  release_client(a->client);
  free(a);
}

static void finalize_executable(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  executable *e = data;
  free_executable(e);
  release_client(e->client);
  free(e);
}

/** The handle of an array, which takes the buffer over. NULL, with an exception, when there is no memory for it. */
static napi_value wrap_array(napi_env env, client *c, PJRT_Buffer *buffer) {
  array *a = calloc(1, sizeof *a);
  napi_value handle = a ? make_handle(env, a, &ARRAY, finalize_array) : NULL;
  if (!handle) {
    ARGS(PJRT_Buffer_Destroy_Args, destroy);
    destroy.buffer = buffer;
    ignore_error(c->api, c->api->PJRT_Buffer_Destroy(&destroy));
    free(a);
    napi_throw_error(env, NULL, "the host is out of memory");
    return NULL;
  }
  a->client = c;
  a->buffer = buffer;
  c->references++;
  LINK(c->arrays, a);
  return handle;
}

/** A client that is open. Throws for anything else. */
static client *read_client(napi_env env, napi_value value) {
  client *c = read_handle(env, value, &CLIENT, "expected a client");
  if (c && c->is_closed) napi_throw_error(env, "FAILED_PRECONDITION", "the client is closed");
  return c && !c->is_closed ? c : NULL;
}

/** An array that is on the device. Throws for anything else. */
static array *read_array(napi_env env, napi_value value) {
  array *a = read_handle(env, value, &ARRAY, "expected an array on the device");
  if (!a || (a->buffer && !a->client->is_closed)) return a;
  napi_throw_error(env, "FAILED_PRECONDITION", "the array was freed or given away");
  return NULL;
}

#endif
