/*
 * Finds and ends what programs left behind, also outside their groups. The launcher is a subreaper: whoever loses its parent
 * somewhere below it becomes its child, and the mark says of which run it is.
 */
#ifndef DRAKKAR_LEFTOVERS_H
#define DRAKKAR_LEFTOVERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "mark.h"

void leftovers_begin(void);

/*
 * Sends SIGKILL to every child whose run is over, and reaps the dead. True where one of `run` was alive. Their own children
 * become ours when they die: to be called again when a child has died that nobody knows.
 */
bool leftovers_end(const struct mark *run);

/* The same for all children but launchers, whatever they are. */
void leftovers_end_all(void);

/* Ends what a launcher that died has left to init: everything on this machine that carries its mark. */
void leftovers_of_launcher(pid_t launcher);

#endif
