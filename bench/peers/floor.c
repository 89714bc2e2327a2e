/*
 * What the machine can do: programs started with posix_spawn, stdout and stderr read to their end, waited for. Nothing else.
 * gcc -O2 -o floor floor.c; floor <drivers> <in flight, of all drivers> <runs, of all drivers> <program>; prints runs per second.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct slot {
  pid_t pid;
  int fds[2], open;
};

static void start(struct slot *slot, int at, int set, char *program) {
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) exit(1);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  char *argv[] = {program, NULL};
  if (posix_spawn(&slot->pid, program, &actions, NULL, argv, environ) != 0) exit(1);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(err[1]);
  slot->fds[0] = out[0];
  slot->fds[1] = err[0];
  slot->open = 2;
  for (int name = 0; name < 2; name += 1) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)(at * 2 + name)};
    epoll_ctl(set, EPOLL_CTL_ADD, slot->fds[name], &event);
  }
}

static void drive(int in_flight, int runs, char *program) {
  int set = epoll_create1(EPOLL_CLOEXEC), started = 0, ended = 0;
  struct slot *slots = calloc((size_t)in_flight, sizeof *slots);
  for (; started < in_flight && started < runs; started += 1) start(&slots[started], started, set, program);
  while (ended < runs) {
    struct epoll_event events[64];
    int count = epoll_wait(set, events, 64, -1);
    for (int index = 0; index < count; index += 1) {
      int at = (int)events[index].data.u32 / 2, name = (int)events[index].data.u32 % 2;
      struct slot *slot = &slots[at];
      char bytes[4096];
      if (slot->fds[name] < 0 || read(slot->fds[name], bytes, sizeof bytes) > 0) continue;
      epoll_ctl(set, EPOLL_CTL_DEL, slot->fds[name], NULL);
      close(slot->fds[name]);
      slot->fds[name] = -1;
      slot->open -= 1;
      if (slot->open > 0) continue;
      waitpid(slot->pid, NULL, 0);
      ended += 1;
      if (started < runs) {
        start(slot, at, set, program);
        started += 1;
      }
    }
  }
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int drivers = atoi(argv[1]), in_flight = atoi(argv[2]), runs = atoi(argv[3]);
  double begun = seconds();
  for (int driver = 0; driver < drivers; driver += 1) {
    if (fork() == 0) {
      drive(in_flight / drivers, runs / drivers, argv[4]);
      exit(0);
    }
  }
  while (wait(NULL) > 0) continue;
  printf("%f\n", runs / drivers * drivers / (seconds() - begun));
  return 0;
}
