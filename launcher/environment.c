#include "environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"

static struct env_request *templates;
static size_t template_count;

void environment_register(struct env_request *env) {
  struct env_request *grown = realloc(templates, (template_count + 1) * sizeof *templates);
  if (grown == NULL) abort();
  templates = grown;
  templates[template_count++] = *env;
}

static const struct env_request *find_template(uint32_t number) {
  static char *nothing[] = {NULL};
  static const struct env_request empty = {.env = nothing};
  for (size_t at = template_count; at > 0; at -= 1) {
    if (templates[at - 1].template == number) return &templates[at - 1];
  }
  return &empty;
}

static bool has_name_of(const char *entry, const char *other) {
  const char *end = strchr(entry, '=');
  return end != NULL && strncmp(entry, other, (size_t)(end - entry) + 1) == 0;
}

static bool is_replaced(const char *entry, const struct start *start) {
  for (size_t at = 0; at < start->env_count; at += 1) {
    if (has_name_of(start->env[at], entry)) return true;
  }
  return false;
}

char **environment_of(const struct start *start, bool *is_own) {
  const struct env_request *template = find_template(start->template);
  *is_own = start->env_count > 0 && template->count > 0;
  if (start->env_count == 0) return template->env;
  if (template->count == 0) return start->env;
  char **env = must_allocate((template->count + start->env_count + 1) * sizeof *env);
  size_t to = 0;
  for (size_t at = 0; at < template->count; at += 1) {
    if (!is_replaced(template->env[at], start)) env[to++] = template->env[at];
  }
  memcpy(env + to, start->env, (start->env_count + 1) * sizeof *env);
  return env;
}

const char *environment_value(char *const *env, const char *name) {
  size_t length = strlen(name);
  for (; *env != NULL; env += 1) {
    if (strncmp(*env, name, length) == 0 && (*env)[length] == '=') return *env + length + 1;
  }
  return NULL;
}
