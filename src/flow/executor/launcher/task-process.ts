import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { DONE_FLAGS, type DoneFrame } from './frames.ts'
import { isForeignFormat } from './program-format.ts'
import { dial, PartRefused, spawnProgram } from './spawn-program.ts'
import type { StartFrame } from './start-frame.ts'
import { exitSignalNumber, startRefusal } from './start-refusal.ts'
import { TaskOutput } from './task-output.ts'

/** After the exit, output that is still to come is waited for as long as it keeps coming, in steps of this. */
const QUIET_MS = 100
/** Someone who left the group and writes on for ever is not listened to for longer than this many steps. */
const QUIET_STEPS = 20

/** What a task's process tells its launcher. */
export interface TaskProcessReports {
  started(id: number, pid: number): void
  output(id: number, stream: 'stdout' | 'stderr', bytes: Buffer): void
  wantStdin(id: number): void
  done(frame: DoneFrame): void
}

/** One run of a program in a process group of its own, from the launch until nothing of it is left. */
export class TaskProcess {
  readonly #start: StartFrame
  readonly #reports: TaskProcessReports
  readonly #output: TaskOutput
  #child: ChildProcess | null = null
  #pid = 0
  #flags = 0
  #exit: { readonly code: number; readonly signal: number } | null = null
  #exitedAt = 0
  #startedAt = 0
  #finished = false
  #paused = false
  #stdinLast = true
  #timer: NodeJS.Timeout | null = null
  #grace: NodeJS.Timeout | null = null

  constructor(start: StartFrame, reports: TaskProcessReports) {
    this.#start = start
    this.#reports = reports
    this.#output = new TaskOutput(start, {
      output: (stream, bytes) => reports.output(start.id, stream, bytes),
      capped: () => this.#end(DONE_FLAGS.capped),
      ended: () => this.#finishWhenComplete(),
    })
  }

  /** Starts the program. Answers `started` at once (with a connection to make: as soon as it is there), or `done` with an errno. */
  launch(env: NodeJS.ProcessEnv): void {
    const { program, cwd, dial: to } = this.#start
    this.#startedAt = performance.now()
    if (isForeignFormat(program, env['PATH'], cwd)) return this.#refused({ code: 'ENOEXEC' })
    if (to === undefined) return this.#spawn(env, null)
    dial(to, (error, socket) => {
      if (error !== null) return this.#refused(new PartRefused(error.code ?? 'EIO', 'dial'))
      // Told to end meanwhile.
      if (this.#flags === 0) this.#spawn(env, socket)
      else this.#report(-1, 0, 0, 0, 'program')
      socket.destroy()
    })
  }

  #spawn(env: NodeJS.ProcessEnv, connection: Socket | null): void {
    const { stdin } = this.#start
    let child: ChildProcess
    try {
      child = spawnProgram(this.#start, env, connection)
    } catch (error) {
      return this.#refused(error)
    }
    if (child.pid === undefined) {
      child.once('error', (error) => this.#refused(error))
      return
    }
    this.#child = child
    this.#pid = child.pid
    child.on('error', () => undefined)
    child.once('exit', (code, signal) => this.#onExit(code, signal))
    this.#reports.started(this.#start.id, this.#pid)
    this.#output.listen(child.stdout, child.stderr)
    if (this.#paused) this.pause()
    if (stdin !== null) this.#beginStdin(stdin, !this.#start.stdinMore)
    if (this.#start.timeoutMs > 0) this.#timer = setTimeout(() => this.#end(DONE_FLAGS.timedOut), this.#start.timeoutMs)
  }

  /** Answers for a start that was withdrawn before its turn. */
  neverStarted(): void {
    this.#flags |= DONE_FLAGS.killed
    this.#startedAt = performance.now()
    this.#report(-1, 0, 0, 0, 'program')
  }

  /** Ends the run on request: SIGTERM, then SIGKILL after the grace (`now`: SIGKILL at once). */
  kill(now: boolean): void {
    this.#end(DONE_FLAGS.killed)
    if (now) this.#signalGroup('SIGKILL')
  }

  /** SIGKILL to the whole group, without any answer: nobody listens any more. */
  destroy(): void {
    if (this.#pid !== 0 && !this.#finished) this.#signalGroup('SIGKILL')
  }

  /** More of stdin, after `wantStdin`. */
  writeStdin(bytes: Buffer, last: boolean): void {
    this.#feed(bytes, last)
  }

  pause(): void {
    this.#paused = true
    this.#output.pause()
  }

  resume(): void {
    this.#paused = false
    this.#output.resume()
  }

  #refused(error: unknown): void {
    const refusal = startRefusal(error, this.#start)
    this.#report(-1, 0, 0, refusal.errno, refusal.part)
  }

  #beginStdin(bytes: Buffer, last: boolean): void {
    // A program that does not read its stdin, or closes it early, is no failure: EPIPE and ECONNRESET end here.
    this.#child?.stdin?.on('error', () => undefined)
    this.#feed(bytes, last)
  }

  #feed(bytes: Buffer, last: boolean): void {
    const stdin = this.#child?.stdin
    if (!stdin?.writable) return
    this.#stdinLast = last
    if (last) {
      stdin.end(bytes)
      return
    }
    stdin.write(bytes, (error) => {
      if (!error && !this.#stdinLast) this.#reports.wantStdin(this.#start.id)
    })
  }

  /** Only the first cause counts. */
  #end(cause: number): void {
    const causes = DONE_FLAGS.timedOut | DONE_FLAGS.killed | DONE_FLAGS.capped
    if (this.#finished || (this.#flags & causes) !== 0) return
    // What is over its cap is so, also where it exited before its output was read.
    if (this.#exit === null || cause === DONE_FLAGS.capped) this.#flags |= cause
    if (this.#exit !== null) return
    // Its connection is still being made: seen then.
    if (this.#pid === 0) return
    if (this.#start.graceMs === 0) {
      this.#signalGroup('SIGKILL')
      return
    }
    this.#signalGroup('SIGTERM')
    // A stopped process takes its SIGTERM only when it goes on.
    this.#signalGroup('SIGCONT')
    this.#grace = setTimeout(() => this.#signalGroup('SIGKILL'), this.#start.graceMs)
  }

  /** False where the group has nobody left. */
  #signalGroup(signal: NodeJS.Signals): boolean {
    // -0 would be the launcher's own group.
    if (this.#pid <= 1) return false
    try {
      process.kill(-this.#pid, signal)
      return true
    } catch {
      return false
    }
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.#exit = { code: signal === null ? (code ?? -1) : -1, signal: exitSignalNumber(signal) }
    this.#exitedAt = performance.now()
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#grace !== null) clearTimeout(this.#grace)
    this.#finishWhenComplete()
    if (!this.#finished) this.#waitForSilence(QUIET_STEPS)
  }

  #finishWhenComplete(): void {
    if (this.#exit !== null && this.#output.ended) this.#finish()
  }

  /**
   * The program has exited but its pipes are open: someone it left behind holds them, or its last output is not read
   * yet. A timer alone cannot tell these apart on a busy loop, so a step counts only after a whole turn of reading.
   */
  #waitForSilence(steps: number): void {
    this.#output.silent = true
    this.#timer = setTimeout(() => {
      setImmediate(() => {
        setImmediate(() => {
          if (this.#finished) return
          if (this.#paused) this.#waitForSilence(steps)
          else if (this.#output.silent || steps === 0) this.#finish()
          else this.#waitForSilence(steps - 1)
        })
      })
    }, QUIET_MS)
  }

  /** Whatever is left of the group goes first, so that nothing of a task is there when its end is told. */
  #finish(): void {
    const open = !this.#output.ended
    if (this.#signalGroup('SIGKILL') || open) this.#flags |= DONE_FLAGS.leaked
    this.#child?.stdin?.destroy()
    this.#output.close()
    const { errno } = this.#output.totals
    this.#report(this.#exit?.code ?? -1, this.#exit?.signal ?? 0, this.#pid, errno, 'program')
  }

  #report(code: number, signal: number, pid: number, errno: number, part: DoneFrame['part']): void {
    if (this.#finished) return
    this.#finished = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    const { stdoutBytes, stderrBytes } = this.#output.totals
    this.#reports.done({
      id: this.#start.id,
      pid,
      code,
      signal,
      flags: this.#flags | this.#output.flags,
      errno,
      part,
      wallUs: Math.max(0, Math.round(((this.#exitedAt || performance.now()) - this.#startedAt) * 1000)),
      cpuUs: 0,
      maxRssKb: 0,
      stdoutBytes,
      stderrBytes,
    })
  }
}
