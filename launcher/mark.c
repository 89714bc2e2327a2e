#include "mark.h"

#include <stddef.h>
#include <sys/resource.h>

/* | 1 | family 24 bits | launcher 22 bits (as many as Linux gives to a pid) | run 16 bits | */
enum { RUN_BITS = 16, LAUNCHER_BITS = 22, FAMILY_SHIFT = RUN_BITS + LAUNCHER_BITS };

static uint64_t family_bits;
static rlim_t hard_limit;

void mark_begin(const char *family) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_RTTIME, &limit) != 0 || limit.rlim_max != RLIM_INFINITY) return;
  hard_limit = limit.rlim_max;
  uint32_t hash = 2166136261u;
  for (const char *at = family; *at != '\0'; at += 1) hash = (hash ^ (uint8_t)*at) * 16777619u;
  family_bits = UINT64_C(1) << 62 | (uint64_t)(hash & 0xffffff) << FAMILY_SHIFT;
}

void mark_set(struct mark mark) {
  if (family_bits == 0) return;
  uint64_t value = family_bits | (uint64_t)mark.launcher << RUN_BITS | mark.run;
  struct rlimit limit = {.rlim_cur = value, .rlim_max = hard_limit};
  setrlimit(RLIMIT_RTTIME, &limit);
}

bool mark_of(pid_t pid, struct mark *mark) {
  struct rlimit limit;
  if (family_bits == 0 || prlimit(pid, RLIMIT_RTTIME, NULL, &limit) != 0) return false;
  uint64_t value = limit.rlim_cur;
  if (value >> FAMILY_SHIFT != family_bits >> FAMILY_SHIFT) return false;
  mark->launcher = (pid_t)(value >> RUN_BITS & ((1u << LAUNCHER_BITS) - 1));
  mark->run = (uint16_t)value;
  return true;
}
