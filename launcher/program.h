/* Makes a process and turns it into a program. */
#ifndef DRAKKAR_PROGRAM_H
#define DRAKKAR_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "mark.h"
#include "protocol.h"
#include "request.h"

struct program {
  const char *file;
  char *const *argv;
  char *const *env;
  /* "": this process's own. */
  const char *cwd;
  /* What becomes stdin, stdout and stderr. */
  int fds[3];
  /* A task ends with its launcher and carries a mark; another launcher does neither. */
  bool is_task;
  struct mark mark;
  /* Of a task: its settings are made before it begins. */
  const struct start *start;
  /* Where it could not be started: why, and what was refused. */
  int error;
  enum start_part part;
};

/* The pid (also of the session and the group), or -1. Returns when the program runs: until then this process stands still. */
pid_t program_start(struct program *program);

#endif
