/* What a program is given before it begins: resource limits, niceness, umask, user and group. */
#ifndef DRAKKAR_SETTINGS_H
#define DRAKKAR_SETTINGS_H

#include "request.h"

/* In the new process: 0, or the errno of the setting that was refused. Allocates nothing: it shares all memory with the launcher. */
int settings_apply(const struct start *start);

#endif
