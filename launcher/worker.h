/* The conversation with the worker: bytes of its socket in and out, and what its frames ask for. */
#ifndef DRAKKAR_WORKER_H
#define DRAKKAR_WORKER_H

#include <stdbool.h>

#include "host.h"

/* Connects to the socket and adds it to the epoll set. Its descriptor, or -1 and errno. */
int worker_connect(struct host *host, const char *path);

/* Takes what came. False where nobody is there any more. */
bool worker_receive(void);

enum turn {
  TURN_IDLE,
  /* More frames wait. */
  TURN_MORE,
  /* The worker wants an end, or says what cannot be understood. */
  TURN_END,
};

/* Does what the frames say, up to the first START: each of those stands still for a moment, and others want to be served in between. */
enum turn worker_take_frames(struct host *host);

/* Sends what the socket takes. False where nobody is there any more. */
bool worker_send(struct host *host);

#endif
