/*
 * The launcher: a small process that starts, watches and ends programs for one worker, as src/flow/executor/launcher/PROTOCOL.md
 * says. `drakkar-launcher <socket> <index>`. It is gone, with everything that it started, as soon as its worker is.
 *
 * It has to stay small: the kernel counts the peak of the process that starts a program into that program's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "launchers.h"
#include "leftovers.h"
#include "mark.h"
#include "protocol.h"
#include "reply.h"
#include "run.h"
#include "worker.h"

enum { MAX_EVENTS = 64 };
/* For what this launcher ends to be gone, microseconds. */
enum { END_US = 2000000 };
/* For how long frames to the worker are collected while programs are started, microseconds. */
enum { HOLD_US = 500 };
/* Tasks inherit it: when memory is short the kernel takes one of them before it takes the worker. */
enum { OOM_SCORE = 500 };

static struct host host;
static int socket_fd, signal_fd;
static unsigned own_index;
static const char *socket_path;
static pid_t first_launcher;

static void write_proc(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  /* Where the system does not allow it, that is how it is. */
  if (write(fd, text, strlen(text)) < 0) errno = 0;
  close(fd);
}

static void raise_oom_score(void) {
  char text[16] = "";
  int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  if (got <= 0 || strtol(text, NULL, 10) >= OOM_SCORE) return;
  snprintf(text, sizeof text, "%d", OOM_SCORE);
  write_proc("/proc/self/oom_score_adj", text);
}

/* The kernel remembers the largest size that this process had, and counts it into every program that is started later. */
static void forget_peak(void) {
  host.was_large = false;
  write_proc("/proc/self/clear_refs", "5");
}

/* ---- the end ---- */

static void remove_socket(void) {
  char folder[sizeof((struct sockaddr_un *)0)->sun_path];
  unlink(socket_path);
  size_t length = strlen(socket_path);
  if (length >= sizeof folder) return;
  memcpy(folder, socket_path, length + 1);
  char *slash = strrchr(folder, '/');
  if (slash == NULL || slash == folder) return;
  *slash = '\0';
  rmdir(folder);
}

/* Nothing of this launcher stays: not its programs, nor what they left, nor its socket. It waits for launchers that it started. */
static _Noreturn void end_everything(void) {
  runs_kill_all();
  close(socket_fd);
  if (own_index == 0) remove_socket();
  int64_t until = now_us() + END_US;
  while (now_us() < until) {
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) launchers_ended(&host, pid);
    if (pid < 0) break;
    leftovers_end_all();
    struct pollfd signal = {.fd = signal_fd, .events = POLLIN};
    struct signalfd_siginfo info;
    if (poll(&signal, 1, 20) > 0 && read(signal_fd, &info, sizeof info) < 0) break;
  }
  if (first_launcher != 0 && getppid() != first_launcher) leftovers_of_launcher(first_launcher);
  exit(0);
}

/* ---- the loop ---- */

static void take_signals(void) {
  struct signalfd_siginfo infos[8];
  ssize_t got = read(signal_fd, infos, sizeof infos);
  for (ssize_t at = 0; at < got / (ssize_t)sizeof infos[0]; at += 1) {
    bool parent_died = infos[at].ssi_signo == SIGUSR1 && first_launcher != 0 && getppid() != first_launcher;
    if (parent_died) leftovers_of_launcher(first_launcher);
  }
  runs_reap(&host);
}

static void on_socket(uint32_t events) {
  /* Nobody is there to listen: what still lies in the socket is not to be started. */
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) end_everything();
  if ((events & EPOLLIN) != 0 && !worker_receive()) end_everything();
}

/* While the worker does not take its output the pipes are left alone; out of the set they would have to be taken one by one. */
static void wait_paused(int timeout) {
  struct pollfd fds[] = {{.fd = socket_fd, .events = POLLIN | POLLOUT | POLLRDHUP}, {.fd = signal_fd, .events = POLLIN}};
  if (poll(fds, 2, timeout) <= 0) return;
  if (fds[1].revents != 0) take_signals();
  bool is_over = (fds[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  on_socket(is_over ? EPOLLHUP : (fds[0].revents & POLLIN) != 0 ? EPOLLIN : 0);
}

static void wait_for_events(int timeout) {
  struct epoll_event events[MAX_EVENTS];
  int count = epoll_wait(host.epoll, events, MAX_EVENTS, timeout);
  bool has_signal = false;
  for (int at = 0; at < count; at += 1) {
    uint64_t data = events[at].data.u64;
    if (data == EVENT_SOCKET) on_socket(events[at].events);
    else if (data == EVENT_SIGNAL) has_signal = true;
    else run_event(&host, data, events[at].events);
  }
  /* After the pipes: then most that have exited are at their end too. */
  if (has_signal) take_signals();
}

/*
 * Many frames in one write, so that the worker is woken once for them: while starts wait, what is to be said waits too, but not
 * for long. A STARTED may wait because a program ends with its launcher, and carries a mark.
 */
static bool is_time_to_send(enum turn turn, int64_t now) {
  static int64_t sent_us;
  bool may_wait = turn == TURN_MORE && !host.paused && buffer_length(&host.out) < OUTPUT_CHUNK && now - sent_us < HOLD_US;
  if (!may_wait) sent_us = now;
  return !may_wait;
}

static _Noreturn void serve(void) {
  for (;;) {
    enum turn turn = worker_take_frames(&host);
    if (turn == TURN_END) end_everything();
    if (host.reap_again) runs_reap(&host);
    int64_t now = now_us();
    int64_t due = runs_due(&host, now);
    if (is_time_to_send(turn, now) && !worker_send(&host)) end_everything();
    if (host.was_large) forget_peak();
    int timeout = -1;
    if (due != INT64_MAX) timeout = due <= now ? 0 : (int)((due - now + 999) / 1000);
    if (turn == TURN_MORE || host.reap_again) timeout = 0;
    if (host.paused) wait_paused(timeout);
    else wait_for_events(timeout);
  }
}

/* ---- the beginning ---- */

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "drakkar launcher %u: %s: %s\n", own_index, what, strerror(errno));
  exit(1);
}

/* Blocked, not ignored: what is ignored stays so in the programs. The worker ends a launcher, by closing the socket; a signal */
/* that is meant for everybody at the terminal does not. */
static void block_signals(void) {
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number <= SIGRTMAX; number += 1) sigaction(number, &standard, NULL);
  sigset_t all, taken;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  sigemptyset(&taken);
  sigaddset(&taken, SIGCHLD);
  sigaddset(&taken, SIGUSR1);
  signal_fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signal_fd < 0) fail("signalfd");
}

static void open_descriptors(void) {
  host.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (host.null_fd < 0) fail("/dev/null");
  /* 0, 1 and 2 are taken, whatever the parent did. */
  while (host.null_fd < 3) {
    host.null_fd = fcntl(host.null_fd, F_DUPFD, 0);
    if (host.null_fd < 0) fail("/dev/null");
  }
  fcntl(host.null_fd, F_SETFD, FD_CLOEXEC);
  host.epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = EVENT_SIGNAL};
  if (host.epoll < 0 || epoll_ctl(host.epoll, EPOLL_CTL_ADD, signal_fd, &event) != 0) fail("epoll");
}

/* The first launcher's orphans go to init when it dies: the others look for them then. */
static void watch_first_launcher(void) {
  first_launcher = getppid();
  prctl(PR_SET_PDEATHSIG, SIGUSR1);
}

int main(int argc, char **argv) {
  char *end = NULL;
  unsigned long index = argc == 3 ? strtoul(argv[2], &end, 10) : 256;
  if (index > 255 || end == argv[2] || *end != '\0') {
    fputs("usage: drakkar-launcher <socket> <index>\n", stderr);
    return 2;
  }
  own_index = (unsigned)index;
  socket_path = argv[1];
#ifdef M_MMAP_THRESHOLD
  /* Fixed, so that large memory goes back to the system when it is freed: glibc else learns to keep it. */
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
#endif
  syscall(SYS_close_range, 3, ~0u, 0);
  block_signals();
  open_descriptors();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (own_index > 0) watch_first_launcher();
  raise_oom_score();
  mark_begin(socket_path);
  launchers_begin(argv[0], socket_path);
  leftovers_begin();
  socket_fd = worker_connect(&host, socket_path);
  /* The worker ended meanwhile, or its start failed: nobody has to hear of it. */
  if (socket_fd < 0 && own_index > 0 && (errno == ENOENT || errno == ECONNREFUSED)) return 0;
  if (socket_fd < 0) fail(socket_path);
  reply_ready(&host.out, (uint8_t)own_index);
  serve();
}
