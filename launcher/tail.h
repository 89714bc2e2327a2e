/* The last bytes of a stream. */
#ifndef DRAKKAR_TAIL_H
#define DRAKKAR_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tail {
  uint8_t *bytes;
  size_t size, at;
  bool full;
};

void tail_push(struct tail *tail, size_t size, const uint8_t *bytes, size_t length);
/* Copies up to `most` bytes from the oldest on, `skip` bytes after it; how many there were. */
size_t tail_read(const struct tail *tail, size_t skip, uint8_t *to, size_t most);
void tail_free(struct tail *tail);

#endif
