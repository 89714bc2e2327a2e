/* The numbers of src/flow/executor/launcher/PROTOCOL.md, which says what they mean. */
#ifndef DRAKKAR_PROTOCOL_H
#define DRAKKAR_PROTOCOL_H

enum { PROTOCOL_VERSION = 2 };

/* Largest frames that are taken and sent, without the length in front of them. */
enum { MAX_FRAME = 16 * 1024 * 1024, OUTPUT_CHUNK = 64 * 1024, MAX_HELLO = 4096 };

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

enum start_flag {
  START_STDIN = 1,
  START_STDIN_MORE = 2,
  START_CAP_KILLS = 4,
  START_DIAL = 8,
  START_STDIN_FILE = 16,
  START_SPILL = 32,
  START_SETTINGS = 64,
};

enum setting_what {
  SETTING_MEMORY = 1,
  SETTING_CPU = 2,
  SETTING_FILE_SIZE = 3,
  SETTING_OPEN_FILES = 4,
  SETTING_PROCESSES = 5,
  SETTING_CORE = 6,
  SETTING_NICE = 16,
  SETTING_UMASK = 17,
  SETTING_USER = 18,
  SETTING_GROUP = 19,
};

enum done_flag {
  DONE_TIMED_OUT = 1,
  DONE_KILLED = 2,
  DONE_CAPPED = 4,
  DONE_CAUSES = DONE_TIMED_OUT | DONE_KILLED | DONE_CAPPED,
  DONE_STDOUT_CUT = 8,
  DONE_STDERR_CUT = 16,
  DONE_LEFTOVERS = 32,
  DONE_USAGE = 64,
  DONE_SPILLED = 128,
  DONE_SPILL_FAILED = 256,
};

enum start_part { PART_PROGRAM = 0, PART_CWD = 1, PART_ARGUMENTS = 2, PART_STDIN = 3, PART_DIAL = 4, PART_LIMITS = 5 };

#endif
