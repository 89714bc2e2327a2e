#include "runs.h"

#include <stdlib.h>

enum { PID_BUCKETS = 256 };
static struct run *by_pid[PID_BUCKETS];
static struct run **slots;
static unsigned slot_count, active_count;

struct run *run_of_pid(pid_t pid) {
  struct run *run = by_pid[pid % PID_BUCKETS];
  while (run != NULL && run->pid != pid) run = run->next_of_pid;
  return run;
}

struct run *run_in_slot(unsigned slot) { return slots[slot]; }

struct run *runs_next(const struct run *run) {
  for (unsigned slot = run == NULL ? 0 : run->slot + 1; slot < slot_count; slot += 1) {
    if (slots[slot]->pid != 0) return slots[slot];
  }
  return NULL;
}

struct run *run_of_id(uint32_t id) {
  struct run *run = NULL;
  while ((run = runs_next(run)) != NULL && run->id != id) continue;
  return run;
}

struct run *runs_free_slot(void) {
  if (active_count < slot_count) {
    for (unsigned slot = 0; slot < slot_count; slot += 1) {
      if (slots[slot]->pid == 0) return slots[slot];
    }
  }
  struct run **grown = realloc(slots, (slot_count + 1) * sizeof *slots);
  if (grown == NULL) abort();
  slots = grown;
  struct run *run = must_allocate(sizeof *run);
  *run = (struct run){.slot = slot_count};
  slots[slot_count++] = run;
  return run;
}

void runs_occupy(struct run *run, pid_t pid) {
  run->pid = pid;
  run->next_of_pid = by_pid[pid % PID_BUCKETS];
  by_pid[pid % PID_BUCKETS] = run;
  active_count += 1;
}

void runs_vacate(struct run *run) {
  struct run **link = &by_pid[run->pid % PID_BUCKETS];
  while (*link != run) link = &(*link)->next_of_pid;
  *link = run->next_of_pid;
  run->pid = 0;
  run->epoch += 1;
  active_count -= 1;
}
