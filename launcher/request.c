#include "request.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "protocol.h"

/* A setting on the wire: what it is, and its value. */
enum { SETTING_BYTES = 1 + 8 };

/* What is left of a frame. A read past its end gives zeros and sets `bad`, which is looked at once, at the end. */
struct cursor {
  const uint8_t *at, *end;
  bool bad;
};

static struct cursor cursor_of(const struct frame *frame) {
  return (struct cursor){.at = frame->fields, .end = frame->fields + frame->length};
}

static size_t left(const struct cursor *cursor) { return (size_t)(cursor->end - cursor->at); }

static const uint8_t *step(struct cursor *cursor, size_t bytes) {
  static const uint8_t zeros[8];
  if (cursor->bad || left(cursor) < bytes) {
    cursor->bad = true;
    return zeros;
  }
  cursor->at += bytes;
  return cursor->at - bytes;
}

static uint8_t take_u8(struct cursor *cursor) { return *step(cursor, 1); }

static uint16_t take_u16(struct cursor *cursor) {
  const uint8_t *from = step(cursor, 2);
  return (uint16_t)(from[0] | from[1] << 8);
}

static uint32_t u32_at(const uint8_t *from) {
  return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static uint32_t take_u32(struct cursor *cursor) { return u32_at(step(cursor, 4)); }

static uint64_t u64_at(const uint8_t *from) { return u32_at(from) | (uint64_t)u32_at(from + 4) << 32; }

static uint64_t take_u64(struct cursor *cursor) { return u64_at(step(cursor, 8)); }

struct text {
  const uint8_t *bytes;
  size_t length;
};

static struct text take_text(struct cursor *cursor) {
  size_t length = take_u32(cursor);
  if (left(cursor) < length) {
    cursor->bad = true;
    length = 0;
  }
  return (struct text){.bytes = step(cursor, length), .length = cursor->bad ? 0 : length};
}

static void skip_texts(struct cursor *cursor, size_t count) {
  for (size_t at = 0; at < count && !cursor->bad; at += 1) take_text(cursor);
}

/* How many entries follow: a number that cannot fit is refused before anything is allocated for it. */
static size_t take_count(struct cursor *cursor, size_t entry_bytes) {
  size_t count = take_u32(cursor);
  if (count > left(cursor) / entry_bytes) cursor->bad = true;
  return cursor->bad ? 0 : count;
}

/* Lists of pointers, then the strings that they point to. A string without its length and with a NUL is shorter than it was. */
struct strings {
  char **next;
  char *text;
  bool has_nul;
};

static char *put_text(struct strings *strings, struct text text) {
  char *put = strings->text;
  if (text.length > 0) memcpy(put, text.bytes, text.length);
  if (memchr(put, '\0', text.length) != NULL) strings->has_nul = true;
  strings->text += text.length;
  *strings->text++ = '\0';
  return put;
}

static char **put_pairs(struct strings *strings, struct cursor *cursor, size_t count) {
  char **list = strings->next;
  for (size_t at = 0; at < count; at += 1) {
    struct text name = take_text(cursor);
    struct text value = take_text(cursor);
    *strings->next++ = put_text(strings, name);
    strings->text[-1] = '=';
    put_text(strings, value);
  }
  *strings->next++ = NULL;
  return list;
}

enum cut cut_frame(const uint8_t *bytes, size_t length, struct frame *frame, size_t *wanted) {
  *wanted = 4;
  if (length < 4) return CUT_INCOMPLETE;
  size_t announced = u32_at(bytes);
  if (announced < 1 || announced > MAX_FRAME) return CUT_BAD;
  *wanted = 4 + announced;
  if (length < *wanted) return CUT_INCOMPLETE;
  *frame = (struct frame){.type = bytes[4], .fields = bytes + 5, .length = announced - 1, .whole = *wanted};
  return CUT_FRAME;
}

static void read_start_numbers(struct cursor *cursor, struct start *start) {
  start->id = take_u32(cursor);
  start->flags = take_u16(cursor);
  start->template = take_u32(cursor);
  start->timeout_ms = take_u32(cursor);
  start->grace_ms = take_u32(cursor);
  start->stdout_cap = take_u32(cursor);
  start->stderr_cap = take_u32(cursor);
}

/* What follows the environment, as the flags say. */
static void skip_extras(struct cursor *cursor, uint16_t flags) {
  if ((flags & START_DIAL) != 0) {
    take_text(cursor);
    if (take_text(cursor).length > MAX_HELLO) cursor->bad = true;
  }
  if ((flags & START_STDIN_FILE) != 0) take_text(cursor);
  if ((flags & START_SPILL) != 0) {
    take_text(cursor);
    take_u64(cursor);
  }
  if ((flags & START_SETTINGS) != 0) step(cursor, SETTING_BYTES * take_u8(cursor));
}

static void take_extras(struct cursor *cursor, struct strings *strings, struct start *start) {
  if ((start->flags & START_DIAL) != 0) {
    start->dial_path = put_text(strings, take_text(cursor));
    struct text hello = take_text(cursor);
    start->hello = hello.bytes;
    start->hello_length = hello.length;
  }
  if ((start->flags & START_STDIN_FILE) != 0) start->stdin_file = put_text(strings, take_text(cursor));
  if ((start->flags & START_SPILL) != 0) {
    start->spill_file = put_text(strings, take_text(cursor));
    start->spill_most = take_u64(cursor);
  }
  if ((start->flags & START_SETTINGS) != 0) {
    start->setting_count = take_u8(cursor);
    start->settings = cursor->at;
    step(cursor, SETTING_BYTES * start->setting_count);
  }
}

static bool has_one_stdin(uint16_t flags) {
  return ((flags & START_STDIN) != 0) + ((flags & START_DIAL) != 0) + ((flags & START_STDIN_FILE) != 0) <= 1;
}

bool read_start(const struct frame *frame, struct start *start) {
  struct cursor cursor = cursor_of(frame);
  *start = (struct start){0};
  read_start_numbers(&cursor, start);

  /* Once to check and to count, once to take. */
  struct cursor counting = cursor;
  skip_texts(&counting, 2);
  size_t arguments = take_count(&counting, 4);
  skip_texts(&counting, arguments);
  size_t pairs = take_count(&counting, 8);
  skip_texts(&counting, 2 * pairs);
  skip_extras(&counting, start->flags);
  bool has_stdin = (start->flags & START_STDIN) != 0;
  if (counting.bad || (!has_stdin && counting.at != counting.end) || !has_one_stdin(start->flags)) return false;

  size_t pointers = (arguments + 2 + pairs + 1) * sizeof(char *);
  start->memory = must_allocate(pointers + (size_t)(counting.at - cursor.at));
  struct strings strings = {.next = start->memory, .text = (char *)start->memory + pointers};
  start->argv = strings.next;
  start->program = *strings.next++ = put_text(&strings, take_text(&cursor));
  start->cwd = put_text(&strings, take_text(&cursor));
  take_u32(&cursor);
  for (size_t at = 0; at < arguments; at += 1) *strings.next++ = put_text(&strings, take_text(&cursor));
  *strings.next++ = NULL;
  take_u32(&cursor);
  start->env = put_pairs(&strings, &cursor, pairs);
  start->env_count = pairs;
  take_extras(&cursor, &strings, start);
  start->has_nul = strings.has_nul;
  start->stdin_bytes = cursor.at;
  start->stdin_length = left(&cursor);
  return true;
}

struct setting start_setting(const struct start *start, size_t at) {
  const uint8_t *from = start->settings + at * SETTING_BYTES;
  return (struct setting){.what = from[0], .value = u64_at(from + 1)};
}

bool read_env(const struct frame *frame, struct env_request *env) {
  struct cursor cursor = cursor_of(frame);
  *env = (struct env_request){0};
  env->template = take_u32(&cursor);
  env->count = take_count(&cursor, 8);
  struct cursor counting = cursor;
  skip_texts(&counting, 2 * env->count);
  if (counting.bad || counting.at != counting.end) return false;
  size_t pointers = (env->count + 1) * sizeof(char *);
  env->memory = must_allocate(pointers + left(&cursor));
  struct strings strings = {.next = env->memory, .text = (char *)env->memory + pointers};
  env->env = put_pairs(&strings, &cursor, env->count);
  return true;
}

bool read_stdin(const struct frame *frame, struct stdin_request *request) {
  struct cursor cursor = cursor_of(frame);
  request->id = take_u32(&cursor);
  request->last = take_u8(&cursor) != 0;
  request->bytes = cursor.at;
  request->length = left(&cursor);
  return !cursor.bad;
}

bool read_kill(const struct frame *frame, uint32_t *id, bool *now) {
  struct cursor cursor = cursor_of(frame);
  *id = take_u32(&cursor);
  *now = take_u8(&cursor) != 0;
  return !cursor.bad && cursor.at == cursor.end;
}

bool read_spawn_launcher(const struct frame *frame, uint8_t *index) {
  struct cursor cursor = cursor_of(frame);
  *index = take_u8(&cursor);
  return !cursor.bad && cursor.at == cursor.end;
}
