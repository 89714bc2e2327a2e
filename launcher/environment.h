/* Environments that the worker told once, by number, so that a start does not have to carry them. */
#ifndef DRAKKAR_ENVIRONMENT_H
#define DRAKKAR_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "request.h"

/* Keeps the environment, and its memory. */
void environment_register(struct env_request *env);

/* The environment of one run, for execve. To be freed where `*is_own` is set; the strings belong to the template and the start. */
char **environment_of(const struct start *start, bool *is_own);

/* The value of a name, or NULL. */
const char *environment_value(char *const *env, const char *name);

#endif
