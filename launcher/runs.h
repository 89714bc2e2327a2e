/* A run, and the table of those that are there. */
#ifndef DRAKKAR_RUNS_H
#define DRAKKAR_RUNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buffer.h"
#include "mark.h"
#include "tail.h"

enum stream_name { STREAM_STDOUT, STREAM_STDERR, STREAM_STDIN };

struct output {
  int fd;
  uint64_t total, sent;
  uint32_t cap;
};

/* Where stdout beyond its cap goes. */
struct spill {
  /* NULL: nowhere. */
  char *path;
  /* -1 before the first byte. */
  int fd;
  /* Of all of stdout; 0: no limit. */
  uint64_t most;
  int error;
};

struct run {
  uint32_t id, epoch;
  unsigned slot;
  /* 0: the slot is free. */
  pid_t pid;
  struct run *next_of_pid;
  struct mark mark;
  uint16_t start_flags, done_flags;
  uint32_t grace_ms;
  struct output output[2];
  struct tail tail;
  struct spill spill;
  int stdin_fd;
  struct buffer stdin_rest;
  bool stdin_last;
  int64_t started_us, exited_us;
  int code, signal;
  /* The timeout, then the end of the grace, then the next look at pipes that stay open after the exit. 0: nothing. */
  int64_t due_us;
  unsigned quiet_steps;
  bool heard, ending;
};

/* One that nobody has; it stays so until it is occupied. */
struct run *runs_free_slot(void);
void runs_occupy(struct run *run, pid_t pid);
void runs_vacate(struct run *run);

struct run *run_of_pid(pid_t pid);
struct run *run_of_id(uint32_t id);
struct run *run_in_slot(unsigned slot);

/* All that are there: `for (struct run *run = NULL; (run = runs_next(run)) != NULL;)`. */
struct run *runs_next(const struct run *run);

#endif
