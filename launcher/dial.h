/* A connection for a program: made here, named by a few bytes, and then its stdin and stdout. */
#ifndef DRAKKAR_DIAL_H
#define DRAKKAR_DIAL_H

#include <stddef.h>
#include <stdint.h>

/* Connects to the socket at `path`, and sends the hello. A descriptor as programs expect it, or -1 and errno. Never waits. */
int dial(const char *path, const uint8_t *hello, size_t length);

#endif
