#include "spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buffer.h"

void spill_begin(struct spill *spill, const struct start *start) {
  *spill = (struct spill){.fd = -1};
  if (start->spill_file == NULL) return;
  size_t size = strlen(start->spill_file) + 1;
  spill->path = must_allocate(size);
  memcpy(spill->path, start->spill_file, size);
  spill->most = start->spill_most;
}

static int fail(struct spill *spill, int error) {
  spill->error = error;
  return error;
}

int spill_write(struct spill *spill, uint64_t place, const uint8_t *bytes, size_t length) {
  if (spill->error != 0) return spill->error;
  if (spill->most != 0 && place + length > spill->most) return fail(spill, EFBIG);
  if (spill->fd < 0) spill->fd = open(spill->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (spill->fd < 0) return fail(spill, errno);
  while (length > 0) {
    ssize_t put = pwrite(spill->fd, bytes, length, (off_t)place);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return fail(spill, put < 0 ? errno : EIO);
    bytes += put;
    length -= (size_t)put;
    place += (uint64_t)put;
  }
  return 0;
}

void spill_end(struct spill *spill) {
  if (spill->fd >= 0) close(spill->fd);
  free(spill->path);
  *spill = (struct spill){.fd = -1};
}
