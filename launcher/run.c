#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "environment.h"
#include "launchers.h"
#include "leftovers.h"
#include "program.h"
#include "reply.h"
#include "runs.h"
#include "spill.h"
#include "streams.h"

/* After the exit, output that is still to come is waited for as long as it keeps coming, in steps of this. */
enum { QUIET_US = 100000, QUIET_STEPS = 20 };

static uint16_t last_number;
static int64_t next_due = INT64_MAX;

bool run_has_pid(pid_t pid) { return run_of_pid(pid) != NULL; }

bool run_is_active(uint16_t number) {
  for (struct run *run = NULL; (run = runs_next(run)) != NULL;) {
    if (!run->ending && run->mark.run == number) return true;
  }
  return false;
}

/* ---- ending ---- */

static void set_due(struct run *run, int64_t at) {
  run->due_us = at;
  if (at < next_due) next_due = at;
}

void run_end(struct run *run, enum done_flag cause) {
  if ((run->done_flags & DONE_CAUSES) != 0) return;
  /* What is over its cap is so, also where it exited before its output was read. */
  if (run->exited_us == 0 || cause == DONE_CAPPED) run->done_flags |= cause;
  if (run->exited_us != 0) return;
  if (run->grace_ms == 0) {
    run->due_us = 0;
    kill(-run->pid, SIGKILL);
    return;
  }
  kill(-run->pid, SIGTERM);
  /* A stopped process takes its SIGTERM only when it goes on. */
  kill(-run->pid, SIGCONT);
  set_due(run, now_us() + (int64_t)run->grace_ms * 1000);
}

static uint64_t micros(struct timeval time) { return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec; }

/* Whatever is left goes first, so that nothing of a run is there when its end is told. */
static void run_finish(struct host *host, struct run *run) {
  run->ending = true;
  bool was_open = run->output[STREAM_STDOUT].fd >= 0 || run->output[STREAM_STDERR].fd >= 0;
  bool was_alive = leftovers_end(&run->mark);
  if (was_open || was_alive) run->done_flags |= DONE_LEFTOVERS;
  /* Before the reaping: after it the number may be someone else's. */
  kill(-run->pid, SIGKILL);
  struct rusage usage = {0};
  wait4(run->pid, NULL, 0, &usage);
  streams_close(host, run);
  streams_send_tail(host, run);
  struct done done = {
      .id = run->id,
      .pid = run->pid,
      .code = run->code,
      .signal = run->signal,
      .flags = run->done_flags | DONE_USAGE,
      .error = run->spill.error,
      .wall_us = (uint64_t)(run->exited_us - run->started_us),
      .cpu_us = micros(usage.ru_utime) + micros(usage.ru_stime),
      .max_rss_kb = (uint64_t)usage.ru_maxrss,
      .stdout_bytes = run->output[STREAM_STDOUT].total,
      .stderr_bytes = run->output[STREAM_STDERR].total,
  };
  spill_end(&run->spill);
  reply_done(&host->out, &done);
  runs_vacate(run);
  host->reap_again = true;
}

/* ---- starting ---- */

static void refuse(struct host *host, uint32_t id, int error, enum start_part part) {
  reply_done(&host->out, &(struct done){.id = id, .code = -1, .error = error, .part = part});
}

void run_withdraw(struct host *host, uint32_t id) {
  reply_done(&host->out, &(struct done){.id = id, .code = -1, .flags = DONE_KILLED});
}

static void prepare(struct run *run, const struct start *start) {
  *run = (struct run){
      .id = start->id,
      .epoch = run->epoch,
      .slot = run->slot,
      .mark = {.launcher = getpid(), .run = ++last_number},
      .start_flags = start->flags,
      .grace_ms = start->grace_ms,
      .output = {{.fd = -1, .cap = start->stdout_cap}, {.fd = -1, .cap = start->stderr_cap}},
      .stdin_fd = -1,
      .started_us = now_us(),
      .code = -1,
      .quiet_steps = QUIET_STEPS,
  };
}

/* Stdin and stdout can be one connection. */
static void close_theirs(const struct host *host, const int theirs[3]) {
  for (int fd = 0; fd < 3; fd += 1) {
    bool is_again = fd == 1 && theirs[1] == theirs[0];
    if (theirs[fd] >= 0 && theirs[fd] != host->null_fd && !is_again) close(theirs[fd]);
  }
}

/* The pid, or -1 and in `program` why. */
static pid_t launch(struct host *host, struct run *run, const struct start *start, struct program *program) {
  int theirs[3] = {-1, -1, -1};
  pid_t pid = -1;
  if (streams_open(host, run, start, theirs, &program->part)) {
    bool is_own_env;
    char **env = environment_of(start, &is_own_env);
    program->env = env;
    memcpy(program->fds, theirs, sizeof theirs);
    /* What fits is in the pipe before the program is there: most of them need no more. */
    bool last = (start->flags & START_STDIN_MORE) == 0;
    if (run->stdin_fd >= 0) streams_feed_stdin(host, run, start->stdin_bytes, start->stdin_length, last);
    pid = program_start(program);
    if (is_own_env) free(env);
  } else {
    program->error = errno;
  }
  close_theirs(host, theirs);
  return pid;
}

void run_start(struct host *host, const struct start *start) {
  if (start->has_nul) {
    refuse(host, start->id, EINVAL, PART_ARGUMENTS);
    return;
  }
  struct run *run = runs_free_slot();
  prepare(run, start);
  struct program program = {
      .file = start->program,
      .argv = start->argv,
      .cwd = start->cwd,
      .is_task = true,
      .mark = run->mark,
      .start = start,
  };
  pid_t pid = launch(host, run, start, &program);
  if (pid < 0) {
    streams_close(host, run);
    run->epoch += 1;
    refuse(host, start->id, program.error, program.part);
    return;
  }
  runs_occupy(run, pid);
  spill_begin(&run->spill, start);
  if (start->timeout_ms > 0) set_due(run, run->started_us + (int64_t)start->timeout_ms * 1000);
  reply_started(&host->out, run->id, pid);
}

/* ---- what happens to a run ---- */

bool run_stdin(struct host *host, const struct stdin_request *request) {
  struct run *run = run_of_id(request->id);
  if (run == NULL || run->stdin_fd < 0) return true;
  if (run->stdin_rest.room > 0 || run->stdin_last) return false;
  streams_feed_stdin(host, run, request->bytes, request->length, request->last);
  return true;
}

void run_kill(uint32_t id, bool now) {
  struct run *run = run_of_id(id);
  if (run == NULL) return;
  run_end(run, DONE_KILLED);
  if (now && run->exited_us == 0) kill(-run->pid, SIGKILL);
}

void run_event(struct host *host, uint64_t data, uint32_t events) {
  unsigned place = (unsigned)(data & 0xffffffff) - RUN_EVENTS;
  struct run *run = run_in_slot(place / 4);
  enum stream_name name = place % 4;
  /* A program that has ended meanwhile, or another one in its place. */
  if (run->pid == 0 || run->epoch != data >> 32) return;
  if (name == STREAM_STDIN) {
    streams_continue_stdin(host, run);
    return;
  }
  if (streams_read(host, run, name) && (events & EPOLLHUP) != 0) streams_read(host, run, name);
  if (run->exited_us != 0 && streams_are_silent(run)) run_finish(host, run);
}

static void run_exited(struct host *host, struct run *run, const siginfo_t *info) {
  run->exited_us = now_us();
  run->due_us = 0;
  if (info->si_code == CLD_EXITED) run->code = info->si_status;
  else run->signal = info->si_status;
  streams_read_all(host, run);
  if (streams_are_silent(run)) {
    run_finish(host, run);
    return;
  }
  run->heard = false;
  set_due(run, run->exited_us + QUIET_US);
}

/* Its pipes are open although it has exited: someone it left behind holds them, or the worker lags. */
static void look_again(struct host *host, struct run *run, int64_t now) {
  streams_read_all(host, run);
  bool is_over = streams_are_silent(run) || (!host->paused && (!run->heard || run->quiet_steps == 0));
  if (is_over) {
    run_finish(host, run);
    return;
  }
  if (!host->paused) run->quiet_steps -= 1;
  run->heard = false;
  set_due(run, now + QUIET_US);
}

static void run_is_due(struct host *host, struct run *run, int64_t now) {
  run->due_us = 0;
  if (run->exited_us != 0) look_again(host, run, now);
  else if ((run->done_flags & DONE_CAUSES) != 0) kill(-run->pid, SIGKILL);
  else run_end(run, DONE_TIMED_OUT);
}

int64_t runs_due(struct host *host, int64_t now) {
  if (now < next_due) return next_due;
  next_due = INT64_MAX;
  for (struct run *run = NULL; (run = runs_next(run)) != NULL;) {
    if (run->due_us != 0 && run->due_us <= now) run_is_due(host, run, now);
    if (run->pid != 0 && run->due_us != 0 && run->due_us < next_due) next_due = run->due_us;
  }
  return next_due;
}

/* ---- exits ---- */

/* Not reaped yet: until then nobody else can get its number. */
static pid_t next_exit(idtype_t type, pid_t pid, siginfo_t *info) {
  *info = (siginfo_t){0};
  return waitid(type, (id_t)pid, info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info->si_pid : 0;
}

/* A run that has exited and whose pipes are open stands in front of the other exits: they are asked for one by one. */
static void reap_behind(struct host *host) {
  siginfo_t info;
  for (struct run *run = NULL; (run = runs_next(run)) != NULL;) {
    if (run->exited_us == 0 && next_exit(P_PID, run->pid, &info) != 0) run_exited(host, run, &info);
  }
}

void runs_reap(struct host *host) {
  siginfo_t info;
  bool unknown_died = false;
  host->reap_again = false;
  for (pid_t pid; (pid = next_exit(P_ALL, 0, &info)) != 0;) {
    struct run *run = run_of_pid(pid);
    if (run == NULL) {
      waitpid(pid, NULL, 0);
      unknown_died = true;
      launchers_ended(host, pid);
      continue;
    }
    if (run->exited_us == 0) run_exited(host, run, &info);
    if (run->pid == 0) continue;
    reap_behind(host);
    break;
  }
  if (unknown_died) leftovers_end(NULL);
}

void runs_kill_all(void) {
  for (const struct run *run = NULL; (run = runs_next(run)) != NULL;) kill(-run->pid, SIGKILL);
}
