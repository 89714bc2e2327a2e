#include "tail.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"

void tail_push(struct tail *tail, size_t size, const uint8_t *bytes, size_t length) {
  if (tail->bytes == NULL) *tail = (struct tail){.bytes = must_allocate(size), .size = size};
  if (length > size) {
    bytes += length - size;
    length = size;
  }
  size_t first = length < size - tail->at ? length : size - tail->at;
  memcpy(tail->bytes + tail->at, bytes, first);
  memcpy(tail->bytes, bytes + first, length - first);
  if (tail->at + length >= size) tail->full = true;
  tail->at = (tail->at + length) % size;
}

size_t tail_read(const struct tail *tail, size_t skip, uint8_t *to, size_t most) {
  size_t held = tail->full ? tail->size : tail->at;
  if (skip >= held) return 0;
  size_t from = ((tail->full ? tail->at : 0) + skip) % tail->size;
  size_t length = held - skip < tail->size - from ? held - skip : tail->size - from;
  if (length > most) length = most;
  memcpy(to, tail->bytes + from, length);
  return length;
}

void tail_free(struct tail *tail) {
  free(tail->bytes);
  *tail = (struct tail){0};
}
