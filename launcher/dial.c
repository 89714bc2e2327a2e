#include "dial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What the kernel does not take at once does not fit a fresh socket: then the hello is too long. */
static int send_hello(int fd, const uint8_t *hello, size_t length) {
  if (length == 0) return 0;
  ssize_t sent = send(fd, hello, length, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent == (ssize_t)length) return 0;
  if (sent >= 0) errno = EMSGSIZE;
  return -1;
}

int dial(const char *path, const uint8_t *hello, size_t length) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, path, strlen(path) + 1);
  /* Not blocking: a listener with a full queue is refused (EAGAIN), since all other programs would wait for it. */
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  bool is_open = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && send_hello(fd, hello, length) == 0 &&
                 fcntl(fd, F_SETFL, 0) == 0;
  if (is_open) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}
