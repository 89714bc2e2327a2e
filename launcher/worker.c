#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "environment.h"
#include "launchers.h"
#include "protocol.h"
#include "request.h"
#include "run.h"

enum { INPUT_ROOM = 64 * 1024, OUTPUT_ROOM = 3 * BACKLOG_HIGH };

static struct buffer in;
/* So many bytes make it worth looking for a frame. */
static size_t wanted = 4;
static int socket_fd;
static bool wants_to_write;

int worker_connect(struct host *host, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, path, strlen(path) + 1);
  socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0 || connect(socket_fd, (struct sockaddr *)&address, sizeof address) != 0) return -1;
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.u64 = EVENT_SOCKET};
  return epoll_ctl(host->epoll, EPOLL_CTL_ADD, socket_fd, &event) == 0 ? socket_fd : -1;
}

/* ---- in ---- */

bool worker_receive(void) {
  size_t held = buffer_length(&in);
  size_t most = wanted > INPUT_ROOM ? wanted : INPUT_ROOM;
  /* Full of frames that wait for their turn: those first. */
  if (held >= most) return true;
  buffer_reserve(&in, most - held);
  ssize_t got = recv(socket_fd, in.data + in.end, most - held, MSG_DONTWAIT);
  if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
  in.end += (size_t)got;
  return true;
}

/* A KILL that waits behind its START: then nothing has to be started. */
static bool is_withdrawn(uint32_t id) {
  size_t at = in.begin, next;
  struct frame frame;
  while (cut_frame(in.data + at, in.end - at, &frame, &next) == CUT_FRAME) {
    uint32_t killed;
    bool now;
    if (frame.type == FRAME_KILL && read_kill(&frame, &killed, &now) && killed == id) return true;
    at += frame.whole;
  }
  return false;
}

static bool take_start(struct host *host, const struct frame *frame) {
  struct start start;
  if (!read_start(frame, &start)) return false;
  /* Its bytes stay where they are until something is received again. */
  buffer_take(&in, frame->whole);
  if (is_withdrawn(start.id)) run_withdraw(host, start.id);
  else run_start(host, &start);
  free(start.memory);
  return true;
}

static bool take_other(struct host *host, const struct frame *frame) {
  struct env_request env;
  struct stdin_request bytes;
  uint32_t id;
  uint8_t index;
  bool now;
  buffer_take(&in, frame->whole);
  switch (frame->type) {
    case FRAME_ENV:
      if (!read_env(frame, &env)) return false;
      environment_register(&env);
      return true;
    case FRAME_STDIN:
      return read_stdin(frame, &bytes) && run_stdin(host, &bytes);
    case FRAME_KILL:
      if (!read_kill(frame, &id, &now)) return false;
      run_kill(id, now);
      return true;
    case FRAME_SPAWN_LAUNCHER:
      if (!read_spawn_launcher(frame, &index)) return false;
      launchers_start(host, index);
      return true;
    default:
      return false;
  }
}

static enum turn out_of_protocol(const char *what) {
  fprintf(stderr, "drakkar launcher: %s\n", what);
  return TURN_END;
}

enum turn worker_take_frames(struct host *host) {
  struct frame frame;
  enum cut cut;
  while ((cut = cut_frame(in.data + in.begin, buffer_length(&in), &frame, &wanted)) == CUT_FRAME) {
    if (frame.type == FRAME_SHUTDOWN) return TURN_END;
    bool is_start = frame.type == FRAME_START;
    bool is_good = is_start ? take_start(host, &frame) : take_other(host, &frame);
    if (!is_good) return out_of_protocol("a frame that cannot be read");
    if (is_start) return TURN_MORE;
  }
  if (cut == CUT_BAD) return out_of_protocol("a frame of a length that cannot be");
  if (in.room > INPUT_ROOM && buffer_length(&in) == 0) {
    buffer_free(&in);
    host->was_large = true;
  }
  return TURN_IDLE;
}

/* ---- out ---- */

/* The socket says when it takes more, but only while there is more. */
static void watch_writing(const struct host *host, bool wants) {
  if (wants_to_write == wants) return;
  wants_to_write = wants;
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (wants ? EPOLLOUT : 0), .data.u64 = EVENT_SOCKET};
  epoll_ctl(host->epoll, EPOLL_CTL_MOD, socket_fd, &event);
}

bool worker_send(struct host *host) {
  struct buffer *out = &host->out;
  while (buffer_length(out) > 0) {
    ssize_t sent = send(socket_fd, out->data + out->begin, buffer_length(out), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0 && errno != EINTR) return false;
    if (sent > 0) buffer_take(out, (size_t)sent);
  }
  if (buffer_length(out) < BACKLOG_LOW) host->paused = false;
  watch_writing(host, buffer_length(out) > 0);
  if (out->room > OUTPUT_ROOM && buffer_length(out) == 0) {
    buffer_free(out);
    host->was_large = true;
  }
  return true;
}
