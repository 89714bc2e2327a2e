/* Reads what the worker says. No I/O and no state: this is what the fuzzer runs. */
#ifndef DRAKKAR_REQUEST_H
#define DRAKKAR_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A frame in the bytes that came: its type, and its fields. They point into those bytes. */
struct frame {
  uint8_t type;
  const uint8_t *fields;
  size_t length;
  /* With the length in front: what to take from the input. */
  size_t whole;
};

enum cut { CUT_FRAME, CUT_INCOMPLETE, CUT_BAD };

/* The first frame of what came. `wanted`: how many bytes an incomplete one has to have before it is worth looking again. */
enum cut cut_frame(const uint8_t *bytes, size_t length, struct frame *frame, size_t *wanted);

/* What a program is given before it begins: an enum setting_what, and its value. */
struct setting {
  uint8_t what;
  uint64_t value;
};

/* One run, with everything decided. Strings and lists end with NUL; `memory` holds them. */
struct start {
  void *memory;
  uint32_t id, template, timeout_ms, grace_ms, stdout_cap, stderr_cap;
  uint16_t flags;
  uint64_t spill_most;
  char *program, *cwd;
  /* NULL where there is none. */
  char *dial_path, *stdin_file, *spill_file;
  /* program, arguments */
  char **argv;
  /* NAME=value, over the template */
  char **env;
  size_t env_count;
  /* These point into the frame. */
  const uint8_t *stdin_bytes, *hello, *settings;
  size_t stdin_length, hello_length, setting_count;
  /* A string held a NUL character, which no program can get. */
  bool has_nul;
};

/* False where the frame is not one of the protocol. On true, `memory` is to be freed. */
bool read_start(const struct frame *frame, struct start *start);

/* One of the settings of a start. */
struct setting start_setting(const struct start *start, size_t at);

struct env_request {
  void *memory;
  uint32_t template;
  char **env;
  size_t count;
};

bool read_env(const struct frame *frame, struct env_request *env);

struct stdin_request {
  uint32_t id;
  bool last;
  const uint8_t *bytes;
  size_t length;
};

bool read_stdin(const struct frame *frame, struct stdin_request *request);
bool read_kill(const struct frame *frame, uint32_t *id, bool *now);
bool read_spawn_launcher(const struct frame *frame, uint8_t *index);

#endif
