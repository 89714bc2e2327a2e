#include "launchers.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "program.h"
#include "reply.h"

extern char **environ;

static const char *own_name, *socket_path;
static pid_t pids[256];

void launchers_begin(const char *self, const char *socket) {
  own_name = self;
  socket_path = socket;
}

void launchers_start(struct host *host, uint8_t index) {
  char number[4];
  snprintf(number, sizeof number, "%u", index);
  char *argv[] = {(char *)own_name, (char *)socket_path, number, NULL};
  /* The running program, also where its file has been replaced or removed since. */
  struct program program = {.file = "/proc/self/exe", .argv = argv, .env = environ, .cwd = "", .fds = {0, 1, 2}};
  pid_t pid = program_start(&program);
  if (pid < 0 && program.error == ENOENT) {
    program.file = own_name;
    pid = program_start(&program);
  }
  if (pid < 0) reply_launcher_ended(&host->out, index, program.error);
  else pids[index] = pid;
}

bool launchers_have(pid_t pid) {
  for (unsigned index = 0; index < 256; index += 1) {
    if (pids[index] == pid) return true;
  }
  return false;
}

bool launchers_ended(struct host *host, pid_t pid) {
  for (unsigned index = 0; index < 256; index += 1) {
    if (pids[index] != pid) continue;
    pids[index] = 0;
    reply_launcher_ended(&host->out, (uint8_t)index, 0);
    return true;
  }
  return false;
}
