/** Values of JavaScript: arguments of calls, properties of results, and handles of what lives on the other side. */
#ifndef GRPO_TS_PJRT_VALUES_H
#define GRPO_TS_PJRT_VALUES_H

#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/** What went wrong: a message, and its kind as PJRT names it. No message where nothing did. */
typedef struct {
  const char *code;
  char *message;
} failure;

static char *copy_text(const char *text, size_t size) {
  char *copy = malloc(size + 1);
  if (!copy) return NULL;
  memcpy(copy, text, size);
  copy[size] = 0;
  return copy;
}

static failure fail(const char *code, const char *message) {
  return (failure){code, copy_text(message, strlen(message))};
}

/** The Error of a failure, which is freed. */
static napi_value make_error(napi_env env, failure *what) {
  napi_value code, message, error = NULL;
  napi_create_string_utf8(env, what->code, NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, what->message, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, code, message, &error);
  free(what->message);
  what->message = NULL;
  return error;
}

/** Throws a failure, if there was one; returns whether there was. */
static bool throw_failure(napi_env env, failure what) {
  if (!what.message) return false;
  napi_throw(env, make_error(env, &what));
  return true;
}

/** The arguments of a call. Throws a TypeError for another number of them. */
static bool read_arguments(napi_env env, napi_callback_info info, size_t expected, napi_value *values) {
  size_t count = expected;
  napi_get_cb_info(env, info, &count, values, NULL, NULL);
  if (count == expected) return true;
  napi_throw_type_error(env, NULL, "wrong number of arguments");
  return false;
}

/** The native side of a handle. Throws a TypeError for anything else than a handle of its kind. */
static void *read_handle(napi_env env, napi_value value, const napi_type_tag *kind, const char *expected) {
  napi_valuetype type;
  bool is_kind = false;
  void *data = NULL;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_external &&
      napi_check_object_type_tag(env, value, kind, &is_kind) == napi_ok && is_kind &&
      napi_get_value_external(env, value, &data) == napi_ok) {
    return data;
  }
  napi_throw_type_error(env, NULL, expected);
  return NULL;
}

/** A handle, whose native side `finalize` releases. NULL when there is none, and `finalize` will not be called. */
static napi_value make_handle(napi_env env, void *data, const napi_type_tag *kind, napi_finalize finalize) {
  napi_value handle;
  if (napi_create_external(env, data, finalize, NULL, &handle) != napi_ok) return NULL;
  napi_type_tag_object(env, handle, kind);
  return handle;
}

/** The bytes of a typed array; none for a detached one. Throws a TypeError for anything else. */
static bool read_bytes(napi_env env, napi_value value, void **data, size_t *size) {
  static const uint8_t widths[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  napi_typedarray_type type;
  bool is_array = false;
  napi_is_typedarray(env, value, &is_array);
  if (!is_array || napi_get_typedarray_info(env, value, &type, size, data, NULL, NULL) != napi_ok ||
      (size_t)type >= sizeof widths) {
    napi_throw_type_error(env, NULL, "expected a typed array");
    return false;
  }
  *size *= widths[type];
  return true;
}

/** A string, which the caller frees. Throws a TypeError for anything else; NULL then. */
static char *read_text(napi_env env, napi_value value, size_t *size) {
  if (napi_get_value_string_utf8(env, value, NULL, 0, size) != napi_ok) {
    napi_throw_type_error(env, NULL, "expected a string");
    return NULL;
  }
  char *text = malloc(*size + 1);
  if (text) napi_get_value_string_utf8(env, value, text, *size + 1, size);
  else napi_throw_error(env, NULL, "out of memory");
  return text;
}

static void set_text(napi_env env, napi_value object, const char *name, const char *text, size_t size) {
  napi_value value;
  if (napi_create_string_utf8(env, text, size, &value) == napi_ok) napi_set_named_property(env, object, name, value);
}

static void set_number(napi_env env, napi_value object, const char *name, double number) {
  napi_value value;
  if (napi_create_double(env, number, &value) == napi_ok) napi_set_named_property(env, object, name, value);
}

static void set_null(napi_env env, napi_value object, const char *name) {
  napi_value value;
  napi_get_null(env, &value);
  napi_set_named_property(env, object, name, value);
}

/** Sets an ArrayBuffer with a copy of bytes. */
static void set_bytes(napi_env env, napi_value object, const char *name, const void *bytes, size_t size) {
  napi_value value;
  void *data;
  if (napi_create_arraybuffer(env, size, &data, &value) != napi_ok) return;
  if (size) memcpy(data, bytes, size);
  napi_set_named_property(env, object, name, value);
}

#endif
