#include "buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must_allocate(size_t bytes) {
  void *memory = malloc(bytes == 0 ? 1 : bytes);
  if (memory == NULL) {
    fputs("drakkar launcher: no memory left\n", stderr);
    abort();
  }
  return memory;
}

void buffer_reserve(struct buffer *buffer, size_t more) {
  if (buffer->room - buffer->end >= more) return;
  size_t held = buffer_length(buffer);
  if (buffer->room - held >= more) {
    memmove(buffer->data, buffer->data + buffer->begin, held);
  } else {
    size_t room = buffer->room * 2 > held + more ? buffer->room * 2 : held + more;
    uint8_t *grown = must_allocate(room);
    if (held > 0) memcpy(grown, buffer->data + buffer->begin, held);
    free(buffer->data);
    buffer->data = grown;
    buffer->room = room;
  }
  buffer->begin = 0;
  buffer->end = held;
}

void buffer_take(struct buffer *buffer, size_t bytes) {
  buffer->begin += bytes;
  if (buffer->begin == buffer->end) buffer->begin = buffer->end = 0;
}

void buffer_free(struct buffer *buffer) {
  free(buffer->data);
  *buffer = (struct buffer){0};
}

void put_u8(struct buffer *buffer, uint8_t value) { buffer->data[buffer->end++] = value; }

void put_u16(struct buffer *buffer, uint16_t value) {
  put_u8(buffer, value & 0xff);
  put_u8(buffer, value >> 8);
}

void put_u32(struct buffer *buffer, uint32_t value) {
  put_u16(buffer, value & 0xffff);
  put_u16(buffer, value >> 16);
}

void put_u64(struct buffer *buffer, uint64_t value) {
  put_u32(buffer, value & 0xffffffff);
  put_u32(buffer, value >> 32);
}

void put_bytes(struct buffer *buffer, const void *bytes, size_t length) {
  memcpy(buffer->data + buffer->end, bytes, length);
  buffer->end += length;
}
