#include "program.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "environment.h"
#include "settings.h"

/* Where a name without a slash is looked for when the environment has no PATH. */
static const char default_path[] = "/usr/local/bin:/bin:/usr/bin";

/* Returns only where nothing could be executed. Never through a shell, whatever the file is. */
static int execute(const struct program *program) {
  if (strchr(program->file, '/') != NULL) {
    execve(program->file, program->argv, program->env);
    struct stat found;
    int error = errno;
    bool is_folder = error == EACCES && stat(program->file, &found) == 0 && S_ISDIR(found.st_mode);
    return is_folder ? EISDIR : error;
  }
  const char *path = environment_value(program->env, "PATH");
  if (path == NULL) path = default_path;
  size_t name = strlen(program->file);
  int answer = ENOENT;
  for (bool more = true; more;) {
    size_t folder = strcspn(path, ":");
    char file[PATH_MAX];
    if (folder + name + 2 <= sizeof file) {
      memcpy(file, path, folder);
      if (folder > 0) file[folder] = '/';
      memcpy(file + folder + (folder > 0), program->file, name + 1);
      execve(file, program->argv, program->env);
      if (errno == EACCES) answer = EACCES;
      else if (errno != ENOENT && errno != ENOTDIR) return errno;
    }
    more = path[folder] == ':';
    path += folder + 1;
  }
  return answer;
}

static _Noreturn void give_up(struct program *program, int error, enum start_part part) {
  program->error = error;
  program->part = part;
  _exit(127);
}

/* In the new process, which shares all memory with the launcher: what it changes here, the launcher sees. */
static _Noreturn void become(struct program *program, pid_t launcher) {
  setsid();
  if (program->is_task) {
    mark_set(program->mark);
    int error = settings_apply(program->start);
    if (error != 0) give_up(program, error, PART_LIMITS);
    /* After a change of the user, which takes it away. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != launcher) _exit(127);
  }
  for (int fd = 0; fd < 3; fd += 1) {
    if (program->fds[fd] != fd && dup2(program->fds[fd], fd) < 0) give_up(program, errno, PART_PROGRAM);
  }
  if (program->cwd[0] != '\0' && chdir(program->cwd) != 0) give_up(program, errno, PART_CWD);
  /* The launcher blocks all signals and ignores none, so there is nothing else to undo. */
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int error = execute(program);
  give_up(program, error, error == E2BIG ? PART_ARGUMENTS : PART_PROGRAM);
}

pid_t program_start(struct program *program) {
  pid_t launcher = getpid();
  program->error = 0;
  program->part = PART_PROGRAM;
  /* Not fork: that copies the tables of this process, and the parent of a program must not matter. */
  pid_t pid = vfork();
  if (pid == 0) become(program, launcher);
  if (pid < 0) {
    program->error = errno;
    return -1;
  }
  if (program->error == 0) return pid;
  waitpid(pid, NULL, 0);
  return -1;
}
