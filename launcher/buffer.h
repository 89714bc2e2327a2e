/* Bytes on their way in or out: appended at the end, taken from the front. */
#ifndef DRAKKAR_BUFFER_H
#define DRAKKAR_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
  uint8_t *data;
  size_t begin, end, room;
};

/* Memory, or the end of the process: the worker then ends what it ran. */
void *must_allocate(size_t bytes);

/* Makes sure that `more` bytes can be written at data + end. Moves what is there. */
void buffer_reserve(struct buffer *buffer, size_t more);
void buffer_take(struct buffer *buffer, size_t bytes);
void buffer_free(struct buffer *buffer);

static inline size_t buffer_length(const struct buffer *buffer) { return buffer->end - buffer->begin; }

/* The fields of a frame; room for them has to be reserved before. */
void put_u8(struct buffer *buffer, uint8_t value);
void put_u16(struct buffer *buffer, uint16_t value);
void put_u32(struct buffer *buffer, uint32_t value);
void put_u64(struct buffer *buffer, uint64_t value);
void put_bytes(struct buffer *buffer, const void *bytes, size_t length);

#endif
