/* What all parts of one launcher share. */
#ifndef DRAKKAR_HOST_H
#define DRAKKAR_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "buffer.h"

/* Output that the worker has not taken: above the first the programs' pipes are not read, until it is below the second. */
enum { BACKLOG_HIGH = 256 * 1024, BACKLOG_LOW = 64 * 1024 };

struct host {
  int epoll;
  /* Open on /dev/null, for programs without stdin. */
  int null_fd;
  struct buffer out;
  /* The worker lags: pipes are not read. */
  bool paused;
  /* A run that had exited has been reaped: others may have waited behind it. */
  bool reap_again;
  /* Much memory was given back: see forget_peak in main.c. */
  bool was_large;
};

/* Events of the epoll set are told apart by their data: below RUN_EVENTS they are the host's own. */
enum { EVENT_SOCKET = 1, EVENT_SIGNAL = 2, RUN_EVENTS = 16 };

static inline int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#endif
