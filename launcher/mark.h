/*
 * Whose process is this? A process can leave its group and its session, clear its environment and close every file, so none of
 * these tells. What it keeps through all of it, and through exec, are its resource limits. One that means nothing here (how long
 * a real-time process may run without a pause) gets a value of 146,000 years plus a number: the mark of the run.
 */
#ifndef DRAKKAR_MARK_H
#define DRAKKAR_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct mark {
  pid_t launcher;
  uint16_t run;
};

/* `family`: what all launchers of one worker have in common. Without it nothing is marked. */
void mark_begin(const char *family);

/* Marks the calling process. */
void mark_set(struct mark mark);

/* False where the process has no mark of this family, or cannot be asked. */
bool mark_of(pid_t pid, struct mark *mark);

#endif
