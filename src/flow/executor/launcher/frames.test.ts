import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  DONE_FLAGS,
  MAX_TO_LAUNCHER,
  MAX_TO_WORKER,
  readToLauncher,
  readToWorker,
  type ToLauncher,
  type ToWorker,
  writeToLauncher,
  writeToWorker,
} from './frames.ts'
import { FieldReader, FrameError, FrameSplitter, FrameWriter } from './wire.ts'

const u8 = fc.integer({ min: 0, max: 255 })
const u16 = fc.integer({ min: 0, max: 65_535 })
const u32 = fc.integer({ min: 0, max: 4_294_967_295 })
const u64 = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
const pairs = fc.array(fc.tuple(text, text), { maxLength: 4 })

const toLauncher: fc.Arbitrary<ToLauncher> = fc.oneof(
  fc.record({ type: fc.constant('env' as const), template: u32, entries: pairs }),
  fc
    .record({
      id: u32,
      template: u32,
      env: pairs,
      program: text,
      args: fc.array(text, { maxLength: 5 }),
      cwd: text,
      timeoutMs: u32,
      graceMs: u32,
      stdoutCap: u32,
      stderrCap: u32,
      capKills: fc.boolean(),
      stdin: fc.option(bytes),
      stdinMore: fc.boolean(),
      more: fc.oneof(
        fc.constant({}),
        fc.record({ dial: fc.record({ path: text, hello: bytes }) }),
        fc.record({ stdinFile: text }),
        fc.record({ spill: fc.record({ file: text, maxBytes: u64 }), settings: fc.array(fc.tuple(u8, u64)) }),
      ),
    })
    .map(({ more, ...start }) => {
      const stdin = 'dial' in more || 'stdinFile' in more ? null : start.stdin
      return {
        type: 'start' as const,
        start: { ...start, ...more, stdin, stdinMore: stdin !== null && start.stdinMore },
      }
    }),
  fc.record({ type: fc.constant('stdin' as const), id: u32, last: fc.boolean(), bytes }),
  fc.record({ type: fc.constant('kill' as const), id: u32, now: fc.boolean() }),
  fc.record({ type: fc.constant('spawnLauncher' as const), index: u8 }),
  fc.constant({ type: 'shutdown' as const }),
)

const toWorker: fc.Arbitrary<ToWorker> = fc.oneof(
  fc.record({ type: fc.constant('ready' as const), version: u8, pid: u32, index: u8, kind: text }),
  fc.record({ type: fc.constant('started' as const), id: u32, pid: u32 }),
  fc.record({ type: fc.constantFrom('stdout' as const, 'stderr' as const), id: u32, bytes }),
  fc.record({ type: fc.constant('wantStdin' as const), id: u32 }),
  fc
    .record({
      id: u32,
      pid: u32,
      code: fc.integer({ min: -1, max: 255 }),
      signal: u8,
      flags: fc.constantFrom(...Object.values(DONE_FLAGS)),
      errno: u16,
      part: fc.constantFrom(...(['program', 'cwd', 'arguments', 'stdin', 'dial', 'limits'] as const)),
      wallUs: u64,
      cpuUs: u64,
      maxRssKb: u64,
      stdoutBytes: u64,
      stderrBytes: u64,
    })
    .map((done) => ({ type: 'done' as const, done })),
  fc.record({ type: fc.constant('launcherEnded' as const), index: u8, errno: u16 }),
)

/** The stream, cut into chunks of the given sizes, again and again. */
function chunks(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const cut: Buffer[] = []
  let at = 0
  for (let turn = 0; at < stream.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1
    cut.push(stream.subarray(at, at + size))
    at += size
  }
  return cut
}

const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 })

describe('frames', () => {
  it('come out as they went in, however the stream is cut (to a launcher)', () => {
    fc.assert(
      fc.property(fc.array(toLauncher, { maxLength: 6 }), sizes, (frames, cuts) => {
        const out = new FrameWriter()
        for (const frame of frames) writeToLauncher(out, frame)
        const read: ToLauncher[] = []
        const splitter = new FrameSplitter(MAX_TO_LAUNCHER, (type, fields) => read.push(readToLauncher(type, fields)))
        for (const chunk of chunks(out.take(), cuts)) splitter.push(chunk)
        expect(read).toEqual(frames)
        expect(splitter.bufferedBytes).toBe(0)
      }),
    )
  })

  it('come out as they went in, however the stream is cut (to the worker)', () => {
    fc.assert(
      fc.property(fc.array(toWorker, { maxLength: 6 }), sizes, (frames, cuts) => {
        const out = new FrameWriter()
        for (const frame of frames) writeToWorker(out, frame)
        const read: ToWorker[] = []
        const splitter = new FrameSplitter(MAX_TO_WORKER, (type, fields) => read.push(readToWorker(type, fields)))
        for (const chunk of chunks(out.take(), cuts)) splitter.push(chunk)
        expect(read).toEqual(frames)
      }),
    )
  })

  it('answer garbage with a FrameError and nothing else', () => {
    const feed = (read: (type: number, fields: FieldReader) => unknown, max: number, garbage: Uint8Array): void => {
      const splitter = new FrameSplitter(max, (type, fields) => read(type, fields))
      try {
        splitter.push(Buffer.from(garbage))
        expect(splitter.bufferedBytes).toBeLessThanOrEqual(garbage.length)
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError)
      }
    }
    const framed = fc
      .tuple(
        fc.constantFrom(1, 2, 3, 4, 5, 6, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0),
        fc.uint8Array({ maxLength: 80 }),
      )
      .map(([type, fields]) => {
        const frame = Buffer.alloc(5 + fields.length)
        frame.writeUInt32LE(1 + fields.length)
        frame[4] = type
        frame.set(fields, 5)
        return frame
      })
    fc.assert(
      fc.property(fc.oneof(framed, fc.uint8Array({ maxLength: 100 })), (garbage) => {
        feed(readToLauncher, MAX_TO_LAUNCHER, garbage)
        feed(readToWorker, MAX_TO_WORKER, garbage)
      }),
      { numRuns: 3_000 },
    )
  })

  it('refuse a frame that is too long before they keep any of it', () => {
    const splitter = new FrameSplitter(1_000, () => undefined)
    const head = Buffer.alloc(4)
    head.writeUInt32LE(1_001)
    expect(() => splitter.push(head)).toThrow(FrameError)
    expect(splitter.bufferedBytes).toBe(0)
  })

  it('refuse a list that cannot fit before they allocate it', () => {
    const fields = Buffer.alloc(8)
    fields.writeUInt32LE(0xffff_ffff, 4)
    expect(() => readToLauncher(0x01, new FieldReader().of(fields))).toThrow(FrameError)
  })

  it('go on in a recycled buffer', () => {
    const out = new FrameWriter()
    for (let turn = 0; turn < 10; turn += 1) {
      writeToWorker(out, { type: 'stdout', id: turn, bytes: Buffer.alloc(40_000, turn) })
      const taken = out.take()
      expect(readToWorker(taken[4] as number, new FieldReader().of(taken.subarray(5)))).toEqual({
        type: 'stdout',
        id: turn,
        bytes: Buffer.alloc(40_000, turn),
      })
      out.recycle(taken)
    }
  })
})
