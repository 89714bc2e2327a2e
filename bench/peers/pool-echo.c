// A persistent process that answers each task with its stdin, in either protocol of a pool: ./pool-echo json|frames
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char in[1 << 20], out[2 << 20];

// Answers all whole requests of the buffer in one write; answers how many bytes of it were taken.
static size_t lines(size_t length, size_t *written) {
  size_t from = 0;
  for (char *end; (end = memchr(in + from, '\n', length - from)) != NULL; from = (size_t)(end - in) + 1) {
    *end = 0;
    char *line = in + from, *id = strstr(line, "\"id\":"), *text = strstr(line, "\"stdin\":\"");
    if (strncmp(line, "{\"op\":\"bye\"", 11) == 0) exit(0);
    *written += (size_t)sprintf(out + *written, "{\"op\":\"%s\",\"id\":%ld", line[7] == 'p' ? "pong" : "ok", atol(id + 5));
    if (text != NULL) *written += (size_t)sprintf(out + *written, ",\"stdout\":\"%.*s", (int)(end - text - 10), text + 9);
    *written += (size_t)sprintf(out + *written, "}\n");
  }
  return from;
}

static size_t frames(size_t length, size_t *written) {
  size_t from = 0;
  for (uint32_t header, body; length - from >= 8; from += 8 + header + body) {
    memcpy(&header, in + from, 4);
    if (length - from < 8 + header) break;
    memcpy(&body, in + from + 4 + header, 4);
    if (length - from < 8 + header + body) break;
    char *text = in + from + 4;
    if (strncmp(text, "{\"op\":\"bye\"", 11) == 0) exit(0);
    uint32_t n = (uint32_t)sprintf(out + *written + 4, "{\"op\":\"%s\",\"id\":%ld}", text[7] == 'p' ? "pong" : "ok",
                                   atol(strstr(text, "\"id\":") + 5));
    memcpy(out + *written, &n, 4);
    memcpy(out + *written + 4 + n, in + from + 4 + header, 4 + body);
    *written += 8 + n + body;
  }
  return from;
}

int main(int argc, char **argv) {
  int framed = argc > 1 && strcmp(argv[1], "frames") == 0;
  size_t there = 0;
  for (ssize_t got; (got = read(0, in + there, sizeof in - there - 1)) > 0;) {
    there += (size_t)got;
    in[there] = 0;
    size_t written = 0, taken = framed ? frames(there, &written) : lines(there, &written);
    there -= taken;
    memmove(in, in + taken, there);
    for (size_t at = 0; at < written;) {
      ssize_t sent = write(1, out + at, written - at);
      if (sent <= 0) return 1;
      at += (size_t)sent;
    }
  }
  return 0;
}
