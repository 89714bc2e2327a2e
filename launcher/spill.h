/* Stdout beyond its cap, in a file that the worker named. */
#ifndef DRAKKAR_SPILL_H
#define DRAKKAR_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include "request.h"
#include "runs.h"

void spill_begin(struct spill *spill, const struct start *start);
/* Writes bytes at their place in stdout. 0, or why that cannot be; after that nothing more is written. */
int spill_write(struct spill *spill, uint64_t place, const uint8_t *bytes, size_t length);
void spill_end(struct spill *spill);

#endif
