// Answers each task with its stdin in capitals: frames. cc -O2 -o worker worker.c
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *part(uint32_t *n) { // u32 length, bytes
  if (fread(n, 4, 1, stdin) != 1) exit(0);
  char *bytes = malloc(*n + 1);
  if (bytes == NULL || fread(bytes, 1, *n, stdin) != *n) exit(1);
  bytes[*n] = 0;
  return bytes;
}

int main(void) {
  for (;;) {
    uint32_t n, length;
    char answer[64], *header = part(&n), *body = part(&length);
    if (strncmp(header, "{\"op\":\"bye\"", 11) == 0) return 0;
    long id = atol(strstr(header, "\"id\":") + 5); // op and id always come first
    int ping = strncmp(header, "{\"op\":\"ping\"", 12) == 0;
    for (uint32_t at = 0; at < length; at++) body[at] = toupper((unsigned char)body[at]);
    n = sprintf(answer, "{\"op\":\"%s\",\"id\":%ld}", ping ? "pong" : "ok", id);
    fwrite(&n, 4, 1, stdout), fwrite(answer, 1, n, stdout);
    fwrite(&length, 4, 1, stdout), fwrite(body, 1, length, stdout);
    fflush(stdout);
    free(header), free(body);
  }
}
