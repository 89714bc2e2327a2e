#include "leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launchers.h"
#include "mark.h"
#include "run.h"

/* How often the whole machine is gone through for what one launcher left: someone may fork meanwhile. */
enum { MAX_ROUNDS = 10 };

static int children_fd = -1;

void leftovers_begin(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  /* Not there in a kernel without CONFIG_PROC_CHILDREN: then leftovers outside their group are found at the end only. */
  children_fd = open(path, O_RDONLY | O_CLOEXEC);
}

/* Calls `visit` for every child that is neither the program of a run nor a launcher; how often that said yes. */
static unsigned for_each_unknown(bool (*visit)(pid_t, const void *), const void *argument) {
  unsigned hits = 0;
  pid_t pid = 0;
  off_t at = 0;
  char text[4096];
  for (ssize_t got; (got = pread(children_fd, text, sizeof text, at)) > 0; at += got) {
    for (ssize_t index = 0; index < got; index += 1) {
      if (text[index] >= '0' && text[index] <= '9') {
        pid = pid * 10 + (text[index] - '0');
        continue;
      }
      if (pid > 1 && !run_has_pid(pid) && !launchers_have(pid) && visit(pid, argument)) hits += 1;
      pid = 0;
    }
  }
  return hits;
}

static bool is_over(struct mark mark) {
  if (mark.launcher == getpid()) return !run_is_active(mark.run);
  return !launchers_have(mark.launcher);
}

static bool end_if_over(pid_t pid, const void *argument) {
  const struct mark *run = argument;
  struct mark mark;
  if (waitpid(pid, NULL, WNOHANG) == pid) return false;
  if (!mark_of(pid, &mark) || !is_over(mark)) return false;
  kill(pid, SIGKILL);
  return run != NULL && mark.launcher == run->launcher && mark.run == run->run;
}

bool leftovers_end(const struct mark *run) { return for_each_unknown(end_if_over, run) > 0; }

static bool end_any(pid_t pid, const void *argument) {
  (void)argument;
  kill(pid, SIGKILL);
  return true;
}

void leftovers_end_all(void) { for_each_unknown(end_any, NULL); }

static unsigned end_marked(DIR *processes, pid_t launcher) {
  unsigned hits = 0;
  rewinddir(processes);
  for (const struct dirent *entry; (entry = readdir(processes)) != NULL;) {
    pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    struct mark mark;
    if (pid <= 1 || !mark_of(pid, &mark) || mark.launcher != launcher) continue;
    if (kill(pid, SIGKILL) == 0) hits += 1;
  }
  return hits;
}

void leftovers_of_launcher(pid_t launcher) {
  DIR *processes = opendir("/proc");
  if (processes == NULL) return;
  for (unsigned round = 0; round < MAX_ROUNDS && end_marked(processes, launcher) > 0; round += 1) continue;
  closedir(processes);
}
