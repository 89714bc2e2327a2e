#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dial.h"
#include "reply.h"
#include "run.h"
#include "spill.h"

/* More reads than this in a row, and the other runs would wait. */
enum { MAX_READS = 4 };
/* Giving back more than this is worth a look at the peak. */
enum { LARGE = 256 * 1024 };

static uint64_t event_data(const struct run *run, enum stream_name name) {
  return (uint64_t)run->epoch << 32 | (RUN_EVENTS + run->slot * 4 + (unsigned)name);
}

static int watch(const struct host *host, const struct run *run, int fd, uint32_t events, enum stream_name name) {
  struct epoll_event event = {.events = events, .data.u64 = event_data(run, name)};
  return epoll_ctl(host->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* A program that is just being started may hold a copy, and the set would keep the closed pipe as long: taken out first. */
static void close_watched(const struct host *host, int *fd) {
  if (*fd < 0) return;
  epoll_ctl(host->epoll, EPOLL_CTL_DEL, *fd, NULL);
  close(*fd);
  *fd = -1;
}

void streams_close(const struct host *host, struct run *run) {
  close_watched(host, &run->output[STREAM_STDOUT].fd);
  close_watched(host, &run->output[STREAM_STDERR].fd);
  close_watched(host, &run->stdin_fd);
  buffer_free(&run->stdin_rest);
}

/* Only our end: the program gets a pipe as from a shell. */
static int open_pipe(int ends[2], int ours) {
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  return fcntl(ends[ours], F_SETFL, O_NONBLOCK);
}

static bool open_output(const struct host *host, struct run *run, enum stream_name name, int *theirs) {
  int ends[2] = {-1, -1};
  int failed = open_pipe(ends, 0);
  run->output[name].fd = ends[0];
  *theirs = ends[1];
  return !failed && watch(host, run, ends[0], EPOLLIN, name) == 0;
}

static bool open_stdin_pipe(struct run *run, int *theirs) {
  int ends[2] = {-1, -1};
  int failed = open_pipe(ends, 1);
  run->stdin_fd = ends[1];
  *theirs = ends[0];
  return failed == 0;
}

/* Not blocking while it is opened: a pipe that nobody writes to would stop this launcher. */
static int open_file(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return -1;
  struct stat found;
  int error = 0;
  if (fstat(fd, &found) != 0 || fcntl(fd, F_SETFL, 0) != 0) error = errno;
  else if (S_ISDIR(found.st_mode)) error = EISDIR;
  else if (!S_ISREG(found.st_mode) && !S_ISCHR(found.st_mode)) error = ESPIPE;
  if (error == 0) return fd;
  close(fd);
  errno = error;
  return -1;
}

bool streams_open(const struct host *host, struct run *run, const struct start *start, int theirs[3], enum start_part *part) {
  if (!open_output(host, run, STREAM_STDERR, &theirs[2])) return false;
  if (start->dial_path != NULL) {
    theirs[0] = theirs[1] = dial(start->dial_path, start->hello, start->hello_length);
    *part = PART_DIAL;
    return theirs[0] >= 0;
  }
  if (!open_output(host, run, STREAM_STDOUT, &theirs[1])) return false;
  if ((start->flags & START_STDIN) != 0) return open_stdin_pipe(run, &theirs[0]);
  if (start->stdin_file == NULL) {
    theirs[0] = host->null_fd;
    return true;
  }
  theirs[0] = open_file(start->stdin_file);
  *part = PART_STDIN;
  return theirs[0] >= 0;
}

/* ---- output ---- */

static void spill(struct run *run, const uint8_t *bytes, size_t length) {
  int error = spill_write(&run->spill, run->output[STREAM_STDOUT].total - length, bytes, length);
  run->done_flags |= error == 0 ? DONE_SPILLED : DONE_SPILL_FAILED;
  if (error != 0) run_end(run, DONE_CAPPED);
}

/* Bytes beyond the cap: of stdout they are spilled, or dropped, or the end of the run; of stderr the last are kept. */
static void take_excess(struct run *run, enum stream_name name, const uint8_t *bytes, size_t length) {
  if (name == STREAM_STDERR) {
    run->done_flags |= DONE_STDERR_CUT;
    tail_push(&run->tail, run->output[name].cap, bytes, length);
    return;
  }
  if (run->spill.path != NULL) {
    spill(run, bytes, length);
    return;
  }
  run->done_flags |= DONE_STDOUT_CUT;
  if ((run->start_flags & START_CAP_KILLS) != 0) run_end(run, DONE_CAPPED);
}

/* Reads once. False where there is nothing to read now, or never again. */
bool streams_read(struct host *host, struct run *run, enum stream_name name) {
  struct output *output = &run->output[name];
  if (host->paused || output->fd < 0) return false;
  uint8_t *bytes = reply_output_room(&host->out, OUTPUT_CHUNK);
  ssize_t got = read(output->fd, bytes, OUTPUT_CHUNK);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) {
    close_watched(host, &output->fd);
    return false;
  }
  size_t length = (size_t)got;
  uint64_t room = output->cap == 0 ? length : output->cap > output->sent ? output->cap - output->sent : 0;
  size_t within = room < length ? (size_t)room : length;
  if (within > 0) reply_output(&host->out, name == STREAM_STDOUT ? FRAME_STDOUT : FRAME_STDERR, run->id, within);
  output->total += length;
  output->sent += within;
  run->heard = true;
  if (within < length) take_excess(run, name, bytes + within, length - within);
  if (buffer_length(&host->out) > BACKLOG_HIGH) host->paused = true;
  return true;
}

void streams_read_all(struct host *host, struct run *run) {
  for (unsigned reads = 0; reads < MAX_READS && streams_read(host, run, STREAM_STDOUT);) reads += 1;
  for (unsigned reads = 0; reads < MAX_READS && streams_read(host, run, STREAM_STDERR);) reads += 1;
}

bool streams_are_silent(const struct run *run) {
  return run->output[STREAM_STDOUT].fd < 0 && run->output[STREAM_STDERR].fd < 0;
}

void streams_send_tail(struct host *host, struct run *run) {
  if (run->tail.bytes == NULL) return;
  for (size_t skip = 0;;) {
    uint8_t *to = reply_output_room(&host->out, OUTPUT_CHUNK);
    size_t length = tail_read(&run->tail, skip, to, OUTPUT_CHUNK);
    if (length == 0) break;
    reply_output(&host->out, FRAME_STDERR, run->id, length);
    skip += length;
  }
  host->was_large |= run->tail.size >= LARGE;
  tail_free(&run->tail);
}

/* ---- stdin ---- */

/* Writes what the pipe takes; a program that does not read, or closed its stdin, is no failure. */
static size_t write_stdin(const struct host *host, struct run *run, const uint8_t *bytes, size_t length) {
  size_t written = 0;
  while (written < length) {
    ssize_t put = write(run->stdin_fd, bytes + written, length - written);
    if (put < 0 && errno == EAGAIN) return written;
    if (put < 0 && errno != EINTR) {
      close_watched(host, &run->stdin_fd);
      return length;
    }
    if (put > 0) written += (size_t)put;
  }
  return written;
}

static void stdin_taken(struct host *host, struct run *run) {
  if (run->stdin_fd < 0) return;
  if (run->stdin_last) close_watched(host, &run->stdin_fd);
  else reply_want_stdin(&host->out, run->id);
}

void streams_feed_stdin(struct host *host, struct run *run, const uint8_t *bytes, size_t length, bool last) {
  run->stdin_last = last;
  size_t written = write_stdin(host, run, bytes, length);
  if (written == length) {
    stdin_taken(host, run);
    return;
  }
  buffer_reserve(&run->stdin_rest, length - written);
  put_bytes(&run->stdin_rest, bytes + written, length - written);
  if (watch(host, run, run->stdin_fd, EPOLLOUT, STREAM_STDIN) != 0) close_watched(host, &run->stdin_fd);
}

void streams_continue_stdin(struct host *host, struct run *run) {
  struct buffer *rest = &run->stdin_rest;
  buffer_take(rest, write_stdin(host, run, rest->data + rest->begin, buffer_length(rest)));
  if (buffer_length(rest) > 0) return;
  host->was_large |= rest->room >= LARGE;
  buffer_free(rest);
  if (run->stdin_fd >= 0) epoll_ctl(host->epoll, EPOLL_CTL_DEL, run->stdin_fd, NULL);
  stdin_taken(host, run);
}
