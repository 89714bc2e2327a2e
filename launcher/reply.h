/* Writes what the worker is told. */
#ifndef DRAKKAR_REPLY_H
#define DRAKKAR_REPLY_H

#include <sys/types.h>

#include "buffer.h"
#include "protocol.h"

/* In front of the bytes of an output frame. */
enum { OUTPUT_HEADER = 4 + 1 + 4 };

struct done {
  uint32_t id;
  pid_t pid;
  int code, signal, error;
  uint16_t flags;
  enum start_part part;
  uint64_t wall_us, cpu_us, max_rss_kb, stdout_bytes, stderr_bytes;
};

void reply_ready(struct buffer *out, uint8_t index);
void reply_started(struct buffer *out, uint32_t id, pid_t pid);
void reply_want_stdin(struct buffer *out, uint32_t id);
void reply_done(struct buffer *out, const struct done *done);
void reply_launcher_ended(struct buffer *out, uint8_t index, int error);

/* Room for an output frame of `most` bytes; they are put at data + end + OUTPUT_HEADER. Then `reply_output` says how many. */
uint8_t *reply_output_room(struct buffer *out, size_t most);
void reply_output(struct buffer *out, uint8_t type, uint32_t id, size_t length);

#endif
