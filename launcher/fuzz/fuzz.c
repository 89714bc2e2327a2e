/*
 * Feeds the reader of frames with what nobody would send: valid frames first, then these changed at random, for the given time.
 * `fuzz <seed> <milliseconds>`; to be built with sanitizers, which end it at the first wrong access.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../buffer.h"
#include "../host.h"
#include "../protocol.h"
#include "../request.h"

static uint64_t state;
static unsigned long long checked, good;

static uint32_t chance(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 16) % below;
}

static void demand(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "fuzz: %s\n", what);
  abort();
}

/* ---- frames that are right ---- */

static void put_text(struct buffer *to, const char *text) {
  put_u32(to, (uint32_t)strlen(text));
  put_bytes(to, text, strlen(text));
}

static void finish(struct buffer *to, size_t from) {
  uint32_t length = (uint32_t)(to->end - from - 4);
  for (int at = 0; at < 4; at += 1) to->data[from + (size_t)at] = (uint8_t)(length >> 8 * at);
}

static size_t begin(struct buffer *to, uint8_t type) {
  size_t from = to->end;
  put_u32(to, 0);
  put_u8(to, type);
  return from;
}

static void put_start(struct buffer *to, unsigned arguments, unsigned pairs, uint16_t flags, const char *stdin_text) {
  size_t from = begin(to, FRAME_START);
  put_u32(to, 7);
  put_u16(to, flags);
  for (unsigned at = 0; at < 5; at += 1) put_u32(to, at * 1000);
  put_text(to, "/bin/true");
  put_text(to, "/tmp");
  put_u32(to, arguments);
  for (unsigned at = 0; at < arguments; at += 1) put_text(to, at % 3 == 0 ? "" : "argument");
  put_u32(to, pairs);
  for (unsigned at = 0; at < pairs; at += 1) {
    put_text(to, "NAME");
    put_text(to, at % 2 == 0 ? "value" : "");
  }
  if ((flags & START_DIAL) != 0) {
    put_text(to, "/tmp/socket");
    put_text(to, "hello");
  }
  if ((flags & START_STDIN_FILE) != 0) put_text(to, "/tmp/input");
  if ((flags & START_SPILL) != 0) {
    put_text(to, "/tmp/output");
    put_u64(to, 1000000);
  }
  if ((flags & START_SETTINGS) != 0) {
    put_u8(to, 2);
    put_u8(to, SETTING_MEMORY);
    put_u64(to, 1000000);
    put_u8(to, SETTING_NICE);
    put_u64(to, 5);
  }
  put_bytes(to, stdin_text, strlen(stdin_text));
  finish(to, from);
}

static void put_corpus(struct buffer *to) {
  put_start(to, 0, 0, 0, "");
  put_start(to, 5, 3, START_STDIN | START_CAP_KILLS, "what the program reads");
  put_start(to, 1, 0, START_STDIN | START_STDIN_MORE, "");
  put_start(to, 2, 1, START_DIAL | START_SETTINGS, "");
  put_start(to, 1, 1, START_STDIN_FILE | START_SPILL | START_SETTINGS, "");
  put_start(to, 1, 1, START_STDIN | START_SPILL, "what the program reads");
  size_t from = begin(to, FRAME_ENV);
  put_u32(to, 1);
  put_u32(to, 2);
  for (int at = 0; at < 2; at += 1) {
    put_text(to, "PATH");
    put_text(to, "/usr/bin:/bin");
  }
  finish(to, from);
  from = begin(to, FRAME_STDIN);
  put_u32(to, 7);
  put_u8(to, 1);
  put_bytes(to, "more", 4);
  finish(to, from);
  from = begin(to, FRAME_KILL);
  put_u32(to, 7);
  put_u8(to, 0);
  finish(to, from);
  from = begin(to, FRAME_SPAWN_LAUNCHER);
  put_u8(to, 3);
  finish(to, from);
  finish(to, begin(to, FRAME_SHUTDOWN));
}

/* ---- what was read has to be whole ---- */

static size_t walk(char *const *list) {
  size_t bytes = 0;
  for (; *list != NULL; list += 1) bytes += strlen(*list) + 1;
  return bytes;
}

static bool check_start(const struct frame *frame) {
  struct start start;
  if (!read_start(frame, &start)) return false;
  size_t bytes = walk(start.argv) + walk(start.env) + strlen(start.cwd) + start.stdin_length;
  demand(bytes <= frame->length, "a start is larger than its frame");
  bytes = start.hello_length + (start.dial_path == NULL ? 0 : strlen(start.dial_path));
  bytes += start.stdin_file == NULL ? 0 : strlen(start.stdin_file);
  bytes += start.spill_file == NULL ? 0 : strlen(start.spill_file);
  demand(bytes <= frame->length, "what a start adds is larger than its frame");
  for (size_t at = 0; at < start.setting_count; at += 1) bytes += start_setting(&start, at).value != 0;
  demand(bytes <= 2 * frame->length, "settings are larger than their frame");
  demand(start.argv[0] == start.program, "argv begins with something else");
  size_t pairs = 0;
  while (start.env[pairs] != NULL) pairs += 1;
  demand(pairs == start.env_count, "the environment has another length");
  demand(start.stdin_bytes + start.stdin_length == frame->fields + frame->length, "stdin ends elsewhere");
  free(start.memory);
  return true;
}

static bool check_env(const struct frame *frame) {
  struct env_request env;
  if (!read_env(frame, &env)) return false;
  demand(walk(env.env) <= frame->length, "an environment is larger than its frame");
  free(env.memory);
  return true;
}

static bool check_frame(const struct frame *frame) {
  struct stdin_request bytes;
  uint32_t id;
  uint8_t index;
  bool now;
  switch (frame->type) {
    case FRAME_START: return check_start(frame);
    case FRAME_ENV: return check_env(frame);
    case FRAME_STDIN: return read_stdin(frame, &bytes) && bytes.length + 5 == frame->length;
    case FRAME_KILL: return read_kill(frame, &id, &now);
    case FRAME_SPAWN_LAUNCHER: return read_spawn_launcher(frame, &index);
    default: return frame->type == FRAME_SHUTDOWN;
  }
}

/* In memory of exactly this size, so that a read past it is seen. */
static unsigned check(const uint8_t *bytes, size_t length) {
  uint8_t *exact = must_allocate(length);
  memcpy(exact, bytes, length);
  unsigned right = 0;
  size_t at = 0, wanted;
  struct frame frame;
  while (cut_frame(exact + at, length - at, &frame, &wanted) == CUT_FRAME) {
    demand(frame.whole == frame.length + 5 && frame.whole <= length - at, "a frame is larger than what came");
    if (check_frame(&frame)) right += 1;
    at += frame.whole;
    checked += 1;
  }
  free(exact);
  good += right;
  return right;
}

static void change(struct buffer *bytes) {
  size_t length = buffer_length(bytes);
  static const uint8_t borders[] = {0, 1, 0x7f, 0x80, 0xff};
  for (uint32_t changes = 1 + chance(4); changes > 0 && length > 8; changes -= 1) {
    size_t at = chance((uint32_t)length);
    switch (chance(5)) {
      case 0: bytes->data[at] ^= (uint8_t)(1u << chance(8)); break;
      case 1: bytes->data[at] = borders[chance(sizeof borders)]; break;
      case 2: memset(bytes->data + at, 0xff, length - at < 4 ? length - at : 4); break;
      case 3: length = bytes->end = at + 1; break;
      default: memmove(bytes->data + at / 2, bytes->data + at, length - at); break;
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  state = strtoull(argv[1], NULL, 10) * 2 + 1;
  int64_t until = now_us() + strtoll(argv[2], NULL, 10) * 1000;
  struct buffer corpus = {0}, changed = {0};
  buffer_reserve(&corpus, 4096);
  put_corpus(&corpus);
  demand(check(corpus.data, corpus.end) == 11, "a right frame was refused");
  for (size_t length = 0; length < corpus.end; length += 1) check(corpus.data, length);
  while (now_us() < until) {
    for (unsigned round = 0; round < 100; round += 1) {
      changed.begin = changed.end = 0;
      buffer_reserve(&changed, 4096);
      put_bytes(&changed, corpus.data, corpus.end);
      change(&changed);
      check(changed.data, changed.end);
    }
  }
  printf("%llu frames, %llu of them right\n", checked, good);
  buffer_free(&corpus);
  buffer_free(&changed);
  return 0;
}
