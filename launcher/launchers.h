/* The other launchers, which the first one starts: copies of itself with the same socket. */
#ifndef DRAKKAR_LAUNCHERS_H
#define DRAKKAR_LAUNCHERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "host.h"

/* `self`: argv[0]; `socket`: argv[1]. */
void launchers_begin(const char *self, const char *socket);
void launchers_start(struct host *host, uint8_t index);
bool launchers_have(pid_t pid);
/* To be told of each child that died. False where it was no launcher. */
bool launchers_ended(struct host *host, pid_t pid);

#endif
