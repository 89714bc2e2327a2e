#include "reply.h"

#include <string.h>
#include <unistd.h>

static void begin(struct buffer *out, uint8_t type, size_t fields) {
  buffer_reserve(out, 5 + fields);
  put_u32(out, (uint32_t)(1 + fields));
  put_u8(out, type);
}

void reply_ready(struct buffer *out, uint8_t index) {
  static const char kind[] = "native";
  begin(out, FRAME_READY, 1 + 4 + 1 + 4 + sizeof kind - 1);
  put_u8(out, PROTOCOL_VERSION);
  put_u32(out, (uint32_t)getpid());
  put_u8(out, index);
  put_u32(out, sizeof kind - 1);
  put_bytes(out, kind, sizeof kind - 1);
}

void reply_started(struct buffer *out, uint32_t id, pid_t pid) {
  begin(out, FRAME_STARTED, 8);
  put_u32(out, id);
  put_u32(out, (uint32_t)pid);
}

void reply_want_stdin(struct buffer *out, uint32_t id) {
  begin(out, FRAME_WANT_STDIN, 4);
  put_u32(out, id);
}

void reply_done(struct buffer *out, const struct done *done) {
  begin(out, FRAME_DONE, 4 + 4 + 4 + 1 + 2 + 2 + 1 + 5 * 8);
  put_u32(out, done->id);
  put_u32(out, (uint32_t)done->pid);
  put_u32(out, (uint32_t)done->code);
  put_u8(out, (uint8_t)done->signal);
  put_u16(out, done->flags);
  put_u16(out, (uint16_t)done->error);
  put_u8(out, (uint8_t)done->part);
  put_u64(out, done->wall_us);
  put_u64(out, done->cpu_us);
  put_u64(out, done->max_rss_kb);
  put_u64(out, done->stdout_bytes);
  put_u64(out, done->stderr_bytes);
}

void reply_launcher_ended(struct buffer *out, uint8_t index, int error) {
  begin(out, FRAME_LAUNCHER_ENDED, 3);
  put_u8(out, index);
  put_u16(out, (uint16_t)error);
}

uint8_t *reply_output_room(struct buffer *out, size_t most) {
  buffer_reserve(out, OUTPUT_HEADER + most);
  return out->data + out->end + OUTPUT_HEADER;
}

void reply_output(struct buffer *out, uint8_t type, uint32_t id, size_t length) {
  put_u32(out, (uint32_t)(1 + 4 + length));
  put_u8(out, type);
  put_u32(out, id);
  out->end += length;
}
