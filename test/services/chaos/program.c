// The program that workers run in these tests: program LOG ID MILLISECONDS STATUS WORKER
// It appends one line to LOG when it starts and one when it ends, so that others can count its runs, reads its standard
// input to the end, and prints what it read: how many bytes, and their FNV-1a sum. MILLISECONDS below 0: until the file
// LOG.go exists.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void note(const char *log, char what, const char *id, const char *worker) {
  struct timespec now;
  char line[512];
  int fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) _exit(101);
  clock_gettime(CLOCK_REALTIME, &now);
  int length = snprintf(line, sizeof line, "%c %s %s %d %lld\n", what, id, worker, (int)getpid(),
                        (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
  // One write of one line: with O_APPEND lines of several processes do not mix.
  if (write(fd, line, (size_t)length) != length) _exit(102);
  close(fd);
}

int main(int argc, char **argv) {
  if (argc != 6) return 100;
  const char *log = argv[1], *id = argv[2], *worker = argv[5];
  long milliseconds = atol(argv[3]);
  note(log, 'S', id, worker);
  static unsigned char buffer[1 << 16];
  uint64_t sum = 14695981039346656037ULL;
  long long bytes = 0;
  for (ssize_t got; (got = read(0, buffer, sizeof buffer)) > 0; bytes += got)
    for (ssize_t i = 0; i < got; i++) sum = (sum ^ buffer[i]) * 1099511628211ULL;
  struct timespec rest = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  while (milliseconds > 0 && nanosleep(&rest, &rest) != 0) continue;
  char go[4096];
  snprintf(go, sizeof go, "%s.go", log);
  while (milliseconds < 0 && access(go, F_OK) != 0) usleep(10000);
  note(log, 'E', id, worker);
  printf("{\"bytes\":%lld,\"sum\":\"%016llx\"}\n", bytes, (unsigned long long)sum);
  return atoi(argv[4]);
}
