#include "settings.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol.h"

/* Never above what holds already: a limit says how much it may be at most. `soft` is below `hard` only for CPU time. */
static int limit(int resource, rlim_t soft, rlim_t hard) {
  struct rlimit now;
  if (getrlimit(resource, &now) != 0) return errno;
  if (hard > now.rlim_max) hard = now.rlim_max;
  if (soft > hard) soft = hard;
  struct rlimit wanted = {.rlim_cur = soft, .rlim_max = hard};
  return setrlimit(resource, &wanted) == 0 ? 0 : errno;
}

static int be_nice(int by) {
  errno = 0;
  int now = getpriority(PRIO_PROCESS, 0);
  if (errno != 0) return errno;
  return setpriority(PRIO_PROCESS, 0, now + by) == 0 ? 0 : errno;
}

/* The system calls themselves: the library's would tell the threads of a process that this one only borrows. */
static int become_group(gid_t group) {
  if (syscall(SYS_setgroups, 1, &group) != 0) return errno;
  return syscall(SYS_setresgid, group, group, group) == 0 ? 0 : errno;
}

static int become_user(uid_t user) { return syscall(SYS_setresuid, user, user, user) == 0 ? 0 : errno; }

static int apply(struct setting setting) {
  rlim_t value = setting.value;
  switch (setting.what) {
    case SETTING_MEMORY: return limit(RLIMIT_AS, value, value);
    case SETTING_CPU: return limit(RLIMIT_CPU, value, value + 1);
    case SETTING_FILE_SIZE: return limit(RLIMIT_FSIZE, value, value);
    case SETTING_OPEN_FILES: return limit(RLIMIT_NOFILE, value, value);
    case SETTING_PROCESSES: return limit(RLIMIT_NPROC, value, value);
    case SETTING_CORE: return limit(RLIMIT_CORE, value, value);
    case SETTING_NICE: return be_nice((int)value);
    case SETTING_UMASK: umask((mode_t)value); return 0;
    case SETTING_GROUP: return become_group((gid_t)value);
    case SETTING_USER: return become_user((uid_t)value);
    default: return EINVAL;
  }
}

int settings_apply(const struct start *start) {
  int error = 0;
  for (size_t at = 0; at < start->setting_count && error == 0; at += 1) error = apply(start_setting(start, at));
  return error;
}
