/* The numbers of src/flow/executor/launcher/PROTOCOL.md, which says what they mean. */
#ifndef DRAKKAR_PROTOCOL_H
#define DRAKKAR_PROTOCOL_H

enum { PROTOCOL_VERSION = 1 };

/* Largest frames that are taken and sent, without the length in front of them. */
enum { MAX_FRAME = 16 * 1024 * 1024, OUTPUT_CHUNK = 64 * 1024 };

enum frame_to_launcher {
  FRAME_ENV = 0x01,
  FRAME_START = 0x02,
  FRAME_STDIN = 0x03,
  FRAME_KILL = 0x04,
  FRAME_SPAWN_LAUNCHER = 0x05,
  FRAME_SHUTDOWN = 0x06,
};

enum frame_to_worker {
  FRAME_READY = 0x81,
  FRAME_STARTED = 0x82,
  FRAME_STDOUT = 0x83,
  FRAME_STDERR = 0x84,
  FRAME_WANT_STDIN = 0x85,
  FRAME_DONE = 0x86,
  FRAME_LAUNCHER_ENDED = 0x87,
};

enum start_flag { START_STDIN = 1, START_STDIN_MORE = 2, START_CAP_KILLS = 4 };

enum done_flag {
  DONE_TIMED_OUT = 1,
  DONE_KILLED = 2,
  DONE_CAPPED = 4,
  DONE_CAUSES = DONE_TIMED_OUT | DONE_KILLED | DONE_CAPPED,
  DONE_STDOUT_CUT = 8,
  DONE_STDERR_CUT = 16,
  DONE_LEFTOVERS = 32,
  DONE_USAGE = 64,
};

enum start_part { PART_PROGRAM = 0, PART_CWD = 1, PART_ARGUMENTS = 2 };

#endif
