import { readPairs, readStart, START, type StartFrame, writePairs, writeStart } from './start-frame.ts'
import { type FieldReader, FrameError, type FrameWriter } from './wire.ts'

/** Raised with every change that an older launcher could not read. See PROTOCOL.md. */
export const PROTOCOL_VERSION = 2

/** No output frame carries more bytes than this. */
export const OUTPUT_CHUNK: number = 64 * 1024
/** What the worker accepts: an output frame and its fields. */
export const MAX_TO_WORKER: number = OUTPUT_CHUNK + 64
/** What a launcher accepts: above what any kernel takes as arguments and environment. */
export const MAX_TO_LAUNCHER: number = 16 * 1024 * 1024
/** Stdin that goes with `start`; the rest is sent when it is asked for. */
export const STDIN_FIRST: number = 64 * 1024
/** Stdin that one `wantStdin` gets. */
export const STDIN_CHUNK: number = 256 * 1024

const ENV = 0x01
const STDIN = 0x03
const KILL = 0x04
const SPAWN_LAUNCHER = 0x05
const SHUTDOWN = 0x06
const READY = 0x81
const STARTED = 0x82
const STDOUT = 0x83
const STDERR = 0x84
const WANT_STDIN = 0x85
const DONE = 0x86
const LAUNCHER_ENDED = 0x87

export type ToLauncher =
  | { readonly type: 'env'; readonly template: number; readonly entries: readonly (readonly [string, string])[] }
  | { readonly type: 'start'; readonly start: StartFrame }
  | { readonly type: 'stdin'; readonly id: number; readonly last: boolean; readonly bytes: Buffer }
  | { readonly type: 'kill'; readonly id: number; readonly now: boolean }
  | { readonly type: 'spawnLauncher'; readonly index: number }
  | { readonly type: 'shutdown' }

/** Bits of `DoneFrame.flags`. */
export const DONE_FLAGS = {
  /** We ended it because its time was up. */
  timedOut: 1,
  /** We ended it because we were told to. */
  killed: 2,
  /** We ended it because it wrote more than its cap. */
  capped: 4,
  stdoutTruncated: 8,
  stderrTruncated: 16,
  /** Something of it was still there after it had exited, and was ended. */
  leaked: 32,
  /** `cpuUs` and `maxRssKb` were measured. */
  usage: 64,
  /** Stdout beyond the cap is in the start's `spill` file. */
  spilled: 128,
  /** It could not be written there (`errno` says why; EFBIG: it was more than allowed), and the run was ended. */
  spillFailed: 256,
} as const

/** Which part of a start was refused, where `errno` is not 0. */
export type StartPart = 'program' | 'cwd' | 'arguments' | 'stdin' | 'dial' | 'limits'
const START_PARTS: readonly StartPart[] = ['program', 'cwd', 'arguments', 'stdin', 'dial', 'limits']

export interface DoneFrame {
  readonly id: number
  /** 0 where nothing was started. */
  readonly pid: number
  /** -1 where it did not exit by itself. */
  readonly code: number
  /** 0 where no signal ended it. */
  readonly signal: number
  readonly flags: number
  /** 0, or why nothing could be started, or why its output could not be spilled (the machine's number). */
  readonly errno: number
  readonly part: StartPart
  readonly wallUs: number
  readonly cpuUs: number
  readonly maxRssKb: number
  /** Written by the program, dropped bytes included. */
  readonly stdoutBytes: number
  readonly stderrBytes: number
}

export type ToWorker =
  | {
      readonly type: 'ready'
      readonly version: number
      readonly kind: string
      readonly pid: number
      readonly index: number
    }
  | { readonly type: 'started'; readonly id: number; readonly pid: number }
  | { readonly type: 'stdout'; readonly id: number; readonly bytes: Buffer }
  | { readonly type: 'stderr'; readonly id: number; readonly bytes: Buffer }
  | { readonly type: 'wantStdin'; readonly id: number }
  | { readonly type: 'done'; readonly done: DoneFrame }
  | { readonly type: 'launcherEnded'; readonly index: number; readonly errno: number }

export function writeToLauncher(out: FrameWriter, frame: ToLauncher): void {
  switch (frame.type) {
    case 'env':
      writePairs(out.begin(ENV).u32(frame.template), frame.entries)
      return out.end()
    case 'start':
      return writeStart(out, frame.start)
    case 'stdin':
      return out
        .begin(STDIN)
        .u32(frame.id)
        .u8(frame.last ? 1 : 0)
        .rest(frame.bytes)
        .end()
    case 'kill':
      return out
        .begin(KILL)
        .u32(frame.id)
        .u8(frame.now ? 1 : 0)
        .end()
    case 'spawnLauncher':
      return out.begin(SPAWN_LAUNCHER).u8(frame.index).end()
    case 'shutdown':
      return out.begin(SHUTDOWN).end()
  }
}

/** Throws a `FrameError` for everything that `writeToLauncher` could not have written. */
export function readToLauncher(type: number, fields: FieldReader): ToLauncher {
  const frame = readFrameToLauncher(type, fields)
  fields.end()
  return frame
}

function readFrameToLauncher(type: number, fields: FieldReader): ToLauncher {
  switch (type) {
    case ENV:
      return { type: 'env', template: fields.u32(), entries: readPairs(fields) }
    case START:
      return { type: 'start', start: readStart(fields) }
    case STDIN:
      return { type: 'stdin', id: fields.u32(), last: fields.u8() !== 0, bytes: fields.rest() }
    case KILL:
      return { type: 'kill', id: fields.u32(), now: fields.u8() !== 0 }
    case SPAWN_LAUNCHER:
      return { type: 'spawnLauncher', index: fields.u8() }
    case SHUTDOWN:
      return { type: 'shutdown' }
    default:
      throw new FrameError(`a frame of the unknown type ${type}`)
  }
}

function writeDone(out: FrameWriter, done: DoneFrame): void {
  out.begin(DONE).u32(done.id).u32(done.pid).i32(done.code).u8(done.signal).u16(done.flags)
  out.u16(done.errno).u8(START_PARTS.indexOf(done.part)).u64(done.wallUs).u64(done.cpuUs).u64(done.maxRssKb)
  out.u64(done.stdoutBytes).u64(done.stderrBytes).end()
}

function readDone(fields: FieldReader): DoneFrame {
  return {
    id: fields.u32(),
    pid: fields.u32(),
    code: fields.i32(),
    signal: fields.u8(),
    flags: fields.u16(),
    errno: fields.u16(),
    part: readPart(fields.u8()),
    wallUs: fields.u64(),
    cpuUs: fields.u64(),
    maxRssKb: fields.u64(),
    stdoutBytes: fields.u64(),
    stderrBytes: fields.u64(),
  }
}

function readPart(code: number): StartPart {
  const part = START_PARTS[code]
  if (part === undefined) throw new FrameError(`an unknown part of a start: ${code}`)
  return part
}

export function writeToWorker(out: FrameWriter, frame: ToWorker): void {
  switch (frame.type) {
    case 'ready':
      return out.begin(READY).u8(frame.version).u32(frame.pid).u8(frame.index).string(frame.kind).end()
    case 'started':
      return out.begin(STARTED).u32(frame.id).u32(frame.pid).end()
    case 'stdout':
    case 'stderr':
      return out
        .begin(frame.type === 'stdout' ? STDOUT : STDERR)
        .u32(frame.id)
        .rest(frame.bytes)
        .end()
    case 'wantStdin':
      return out.begin(WANT_STDIN).u32(frame.id).end()
    case 'done':
      return writeDone(out, frame.done)
    case 'launcherEnded':
      return out.begin(LAUNCHER_ENDED).u8(frame.index).u16(frame.errno).end()
  }
}

/** Throws a `FrameError` for everything that `writeToWorker` could not have written. */
export function readToWorker(type: number, fields: FieldReader): ToWorker {
  const frame = readFrameToWorker(type, fields)
  fields.end()
  return frame
}

function readFrameToWorker(type: number, fields: FieldReader): ToWorker {
  switch (type) {
    case READY:
      return { type: 'ready', version: fields.u8(), pid: fields.u32(), index: fields.u8(), kind: fields.string() }
    case STARTED:
      return { type: 'started', id: fields.u32(), pid: fields.u32() }
    case STDOUT:
      return { type: 'stdout', id: fields.u32(), bytes: fields.rest() }
    case STDERR:
      return { type: 'stderr', id: fields.u32(), bytes: fields.rest() }
    case WANT_STDIN:
      return { type: 'wantStdin', id: fields.u32() }
    case DONE:
      return { type: 'done', done: readDone(fields) }
    case LAUNCHER_ENDED:
      return { type: 'launcherEnded', index: fields.u8(), errno: fields.u16() }
    default:
      throw new FrameError(`a frame of the unknown type ${type}`)
  }
}
