/* The pipes of a run. */
#ifndef DRAKKAR_STREAMS_H
#define DRAKKAR_STREAMS_H

#include "host.h"
#include "protocol.h"
#include "request.h"
#include "runs.h"

/*
 * What becomes stdin, stdout and stderr in `theirs`, our ends in the run. Where one cannot be made (false, errno, and which `part`
 * of the start that was) the caller closes them all.
 */
bool streams_open(const struct host *host, struct run *run, const struct start *start, int theirs[3], enum start_part *part);
void streams_close(const struct host *host, struct run *run);

/* Reads once. False where there is nothing to read now, or never again. */
bool streams_read(struct host *host, struct run *run, enum stream_name name);
/* Reads what is there, within reason. */
void streams_read_all(struct host *host, struct run *run);
/* Both outputs are at their end. */
bool streams_are_silent(const struct run *run);
/* What was kept of the end of stderr. */
void streams_send_tail(struct host *host, struct run *run);

/* Writes what the pipe takes, and keeps the rest until it takes more. */
void streams_feed_stdin(struct host *host, struct run *run, const uint8_t *bytes, size_t length, bool last);
/* Goes on with the rest. */
void streams_continue_stdin(struct host *host, struct run *run);

#endif
