import { type FieldReader, FrameError, type FrameWriter } from './wire.ts'

/** Type of the frame. */
export const START = 0x02

const START_STDIN = 1
const START_STDIN_MORE = 2
const START_CAP_KILLS = 4
const START_DIAL = 8
const START_STDIN_FILE = 16
const START_SPILL = 32
const START_SETTINGS = 64

/** What the launcher sends first on a connection that it makes for a program. */
export const MAX_HELLO = 4096

/** A connection that becomes the program's stdin and stdout. */
export interface Dial {
  /** Of a listening Unix stream socket. */
  readonly path: string
  /** Sent before the program is started, so that the listener knows whose connection it is. At most 4096 bytes. */
  readonly hello: Uint8Array
}

/** Where stdout beyond its cap goes, instead of being dropped. */
export interface Spill {
  /** Must not exist. Each byte is written at its place: the first `stdoutCap` bytes are a hole. */
  readonly file: string
  /** Of all of stdout; what writes more is ended. 0 = no limit. */
  readonly maxBytes: number
}

/** What a program is given before it begins; one byte on the wire. Resource limits are set soft and hard, and never raised. */
export const SETTINGS = {
  /** Bytes of address space. */
  memory: 1,
  /** Seconds of CPU time: SIGXCPU, and SIGKILL a second later. */
  cpu: 2,
  /** Bytes of the largest file that it may write: SIGXFSZ. */
  fileSize: 3,
  openFiles: 4,
  /** Processes of its user. */
  processes: 5,
  /** Bytes of a core file. */
  core: 6,
  /** Added to the launcher's niceness, 0 to 19. */
  nice: 16,
  umask: 17,
  user: 18,
  group: 19,
} as const

/** One of `SETTINGS` and its value. */
export type Setting = readonly [what: number, value: number]

export interface StartFrame {
  readonly id: number
  /** Registered environment; 0 is an empty one. */
  readonly template: number
  /** Over the template. */
  readonly env: readonly (readonly [string, string])[]
  readonly program: string
  readonly args: readonly string[]
  /** '' = the launcher's own. */
  readonly cwd: string
  /** 0 = none. Milliseconds. */
  readonly timeoutMs: number
  /** Between SIGTERM and SIGKILL, milliseconds; 0 = SIGKILL at once. */
  readonly graceMs: number
  /** Bytes; 0 = none. */
  readonly stdoutCap: number
  readonly stderrCap: number
  /** True: more stdout than the cap ends the run. False: what is beyond is read and dropped. */
  readonly capKills: boolean
  /** Null: stdin is /dev/null. Else the first bytes of it. */
  readonly stdin: Buffer | null
  /** True where `stdin` is not all of it. */
  readonly stdinMore: boolean
  /** Makes a connection, which becomes stdin and stdout. Then `stdin` is null and there are no stdout frames. */
  readonly dial?: Dial
  /** A file that becomes stdin. Then `stdin` is null. */
  readonly stdinFile?: string
  readonly spill?: Spill
  readonly settings?: readonly Setting[]
}

export function writePairs(out: FrameWriter, pairs: readonly (readonly [string, string])[]): void {
  out.u32(pairs.length)
  for (const [name, value] of pairs) out.string(name).string(value)
}

export function readPairs(fields: FieldReader): [string, string][] {
  const count = fields.count(8)
  const pairs: [string, string][] = []
  for (let at = 0; at < count; at += 1) pairs.push([fields.string(), fields.string()])
  return pairs
}

function flagsOf(start: StartFrame): number {
  return (
    (start.stdin === null ? 0 : START_STDIN) |
    (start.stdinMore ? START_STDIN_MORE : 0) |
    (start.capKills ? START_CAP_KILLS : 0) |
    (start.dial === undefined ? 0 : START_DIAL) |
    (start.stdinFile === undefined ? 0 : START_STDIN_FILE) |
    (start.spill === undefined ? 0 : START_SPILL) |
    (start.settings === undefined ? 0 : START_SETTINGS)
  )
}

export function writeStart(out: FrameWriter, start: StartFrame): void {
  out.begin(START).u32(start.id).u16(flagsOf(start)).u32(start.template)
  out.u32(start.timeoutMs).u32(start.graceMs).u32(start.stdoutCap).u32(start.stderrCap)
  out.string(start.program).string(start.cwd).u32(start.args.length)
  for (const argument of start.args) out.string(argument)
  writePairs(out, start.env)
  if (start.dial !== undefined) out.string(start.dial.path).bytes(start.dial.hello)
  if (start.stdinFile !== undefined) out.string(start.stdinFile)
  if (start.spill !== undefined) out.string(start.spill.file).u64(start.spill.maxBytes)
  if (start.settings !== undefined) writeSettings(out, start.settings)
  if (start.stdin !== null) out.rest(start.stdin)
  out.end()
}

function writeSettings(out: FrameWriter, settings: readonly Setting[]): void {
  out.u8(settings.length)
  for (const [what, value] of settings) out.u8(what).u64(value)
}

/** The fields after the type. */
export function readStart(fields: FieldReader): StartFrame {
  const id = fields.u32()
  const flags = fields.u16()
  const has = (flag: number): boolean => (flags & flag) !== 0
  const template = fields.u32()
  const timeoutMs = fields.u32()
  const graceMs = fields.u32()
  const stdoutCap = fields.u32()
  const stderrCap = fields.u32()
  const program = fields.string()
  const cwd = fields.string()
  const count = fields.count(4)
  const args: string[] = []
  for (let at = 0; at < count; at += 1) args.push(fields.string())
  const env = readPairs(fields)
  const sources = [START_STDIN, START_DIAL, START_STDIN_FILE].filter(has)
  if (sources.length > 1) throw new FrameError('a start with more than one stdin')
  const dial = has(START_DIAL) ? { dial: readDial(fields) } : {}
  const stdinFile = has(START_STDIN_FILE) ? { stdinFile: fields.string() } : {}
  const spill = has(START_SPILL) ? { spill: { file: fields.string(), maxBytes: fields.u64() } } : {}
  const settings = has(START_SETTINGS) ? { settings: readSettings(fields) } : {}
  const stdin = has(START_STDIN) ? fields.rest() : null
  return {
    id,
    template,
    env,
    program,
    args,
    cwd,
    timeoutMs,
    graceMs,
    stdoutCap,
    stderrCap,
    capKills: has(START_CAP_KILLS),
    stdin,
    stdinMore: stdin !== null && has(START_STDIN_MORE),
    ...dial,
    ...stdinFile,
    ...spill,
    ...settings,
  }
}

function readDial(fields: FieldReader): Dial {
  const path = fields.string()
  const hello = fields.bytes()
  if (hello.length > MAX_HELLO) throw new FrameError(`a hello of ${hello.length} bytes`)
  return { path, hello }
}

function readSettings(fields: FieldReader): Setting[] {
  const count = fields.u8()
  const settings: Setting[] = []
  for (let at = 0; at < count; at += 1) settings.push([fields.u8(), fields.u64()])
  return settings
}
