/* Runs of programs, each from its start until nothing of it is left. */
#ifndef DRAKKAR_RUN_H
#define DRAKKAR_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "host.h"
#include "protocol.h"
#include "request.h"

struct run;

/* Starts a program. Answers STARTED, or DONE with an errno. */
void run_start(struct host *host, const struct start *start);

/* DONE for a start that was withdrawn before its turn. */
void run_withdraw(struct host *host, uint32_t id);

/* SIGTERM and, after the grace, SIGKILL; `now`: SIGKILL at once. */
void run_kill(uint32_t id, bool now);

/* Begins the end of a run: SIGTERM, then SIGKILL after its grace. Only the first cause counts. */
void run_end(struct run *run, enum done_flag cause);

/* False where stdin came that was not asked for. */
bool run_stdin(struct host *host, const struct stdin_request *request);

/* An event of the epoll set with data of RUN_EVENTS or more. */
void run_event(struct host *host, uint64_t data, uint32_t events);

/* Takes the exits that are there, of all children. */
void runs_reap(struct host *host);

/* Does what was due: ends what took too long, answers for what went silent. When to come again, INT64_MAX for never. */
int64_t runs_due(struct host *host, int64_t now);

/* SIGKILL to all groups, without any answer. */
void runs_kill_all(void);

bool run_has_pid(pid_t pid);

/* Whether a run with this number in its mark is still running. */
bool run_is_active(uint16_t number);

#endif
