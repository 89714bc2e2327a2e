import type { Socket } from 'node:net'
import { reasonOf } from '../../../model/index.ts'
import { Capture } from './capture.ts'
import {
  type DoneFrame,
  MAX_TO_WORKER,
  readToWorker,
  STDIN_CHUNK,
  STDIN_FIRST,
  type ToLauncher,
  type ToWorker,
  writeToLauncher,
} from './frames.ts'
import { Outbox } from './outbox.ts'
import { type Dial, type Setting, type Spill, writeStart } from './start-frame.ts'
import { FrameError, FrameSplitter } from './wire.ts'

/** One program to run once, with everything decided. */
export interface LaunchRequest {
  readonly program: string
  readonly args: readonly string[]
  /** From `Launchers.registerEnv`; 0 is an empty environment. */
  readonly template: number
  readonly env: readonly (readonly [string, string])[]
  readonly cwd: string
  readonly stdin: Uint8Array | null
  readonly timeoutMs: number
  readonly graceMs: number
  readonly stdoutCap: number
  readonly stderrCap: number
  readonly capKills: boolean
  /**
   * The launcher connects to this Unix socket, sends `hello`, and the connection becomes the program's stdin and stdout:
   * then `stdin` is null, there is no stdout to capture, and a connection that cannot be made is a refused start (`dial`).
   */
  readonly dial?: Dial
  /** A file that becomes stdin; then `stdin` is null. */
  readonly stdinFile?: string
  /** Then `capKills` is false. */
  readonly spill?: Spill
  readonly settings?: readonly Setting[]
}

/** How a launch ended: as its launcher tells, or without it. */
export type LaunchReport =
  | { readonly kind: 'done'; readonly done: DoneFrame; readonly stdout: Buffer; readonly stderr: Buffer }
  /** There was no launcher to give it to: nothing was started. */
  | { readonly kind: 'none' }
  /** Its launcher died; whatever it had started is ended. */
  | { readonly kind: 'lost'; readonly pid: number; readonly stdout: Buffer; readonly stderr: Buffer }

export interface LaunchListener {
  started(pid: number): void
  ended(report: LaunchReport): void
}

interface Job {
  readonly request: LaunchRequest
  readonly listener: LaunchListener
  readonly stdout: Capture
  readonly stderr: Capture
  pid: number
  stdinSent: number
}

export interface LinkEvents {
  linkReady(link: LauncherLink): void
  launcherEnded(index: number, errno: number): void
  /** The connection is gone, for whatever reason; told once. */
  linkClosed(link: LauncherLink, reason: string | null): void
}

const NO_BYTES: Buffer = Buffer.alloc(0)

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The worker's end of one launcher: its connection, and what it runs now. */
export class LauncherLink {
  readonly #socket: Socket
  readonly #outbox: Outbox
  readonly #events: LinkEvents
  readonly #jobs: Map<number, Job> = new Map()
  readonly #templates: Set<number> = new Set([0])
  #index = -1
  #pid = 0
  #kind = ''
  #version = 0
  #closed = false

  constructor(socket: Socket, events: LinkEvents) {
    this.#socket = socket
    this.#outbox = new Outbox(socket)
    this.#events = events
    const splitter = new FrameSplitter(MAX_TO_WORKER, (type, fields) => this.#receive(readToWorker(type, fields)))
    socket.on('data', (chunk) => {
      try {
        splitter.push(chunk)
      } catch (error) {
        if (!(error instanceof FrameError)) throw error
        this.#close(`spoke out of protocol: ${reasonOf(error)}`)
      }
    })
    socket.on('error', (error) => this.#close(reasonOf(error)))
    socket.on('close', () => this.#close(null))
  }

  /** -1 before `ready`. */
  get index(): number {
    return this.#index
  }

  get pid(): number {
    return this.#pid
  }

  get kind(): string {
    return this.#kind
  }

  get version(): number {
    return this.#version
  }

  get running(): number {
    return this.#jobs.size
  }

  get closed(): boolean {
    return this.#closed
  }

  knowsEnv(template: number): boolean {
    return this.#templates.has(template)
  }

  sendEnv(template: number, entries: readonly (readonly [string, string])[]): void {
    this.#templates.add(template)
    this.send({ type: 'env', template, entries })
  }

  launch(id: number, request: LaunchRequest, listener: LaunchListener): void {
    const stdin = request.stdin === null ? null : bufferOf(request.stdin).subarray(0, STDIN_FIRST)
    this.#jobs.set(id, {
      request,
      listener,
      stdout: new Capture(0),
      stderr: new Capture(request.stderrCap),
      pid: 0,
      stdinSent: stdin?.length ?? 0,
    })
    const stdinMore = stdin !== null && stdin.length < (request.stdin?.length ?? 0)
    this.#outbox.send((out) => writeStart(out, { ...request, id, stdin, stdinMore }))
  }

  kill(id: number, now: boolean): void {
    if (this.#jobs.has(id)) this.send({ type: 'kill', id, now })
  }

  send(frame: ToLauncher): void {
    this.#outbox.send((out) => writeToLauncher(out, frame))
  }

  /** Gives the connection up: the launcher ends everything it runs, and itself. */
  destroy(): void {
    this.#close(null)
  }

  /** Takes out what was running, for `linkClosed`. */
  abandon(): { readonly pids: number[]; readonly end: () => void; readonly tasks: number } {
    const jobs = [...this.#jobs.values()]
    this.#jobs.clear()
    return {
      tasks: jobs.length,
      pids: jobs.map((job) => job.pid).filter((pid) => pid > 1),
      end: () => {
        for (const job of jobs) {
          job.listener.ended({ kind: 'lost', pid: job.pid, stdout: job.stdout.take(), stderr: job.stderr.take() })
        }
      },
    }
  }

  #receive(frame: ToWorker): void {
    if (this.#closed) return
    switch (frame.type) {
      case 'ready':
        if (this.#index !== -1) throw new FrameError('ready was said twice')
        this.#index = frame.index
        this.#pid = frame.pid
        this.#kind = frame.kind
        this.#version = frame.version
        return this.#events.linkReady(this)
      case 'started':
        return this.#onStarted(frame.id, frame.pid)
      case 'stdout':
        return this.#jobs.get(frame.id)?.stdout.push(frame.bytes)
      case 'stderr':
        return this.#jobs.get(frame.id)?.stderr.push(frame.bytes)
      case 'wantStdin':
        return this.#sendStdin(frame.id)
      case 'done':
        return this.#onDone(frame.done)
      case 'launcherEnded':
        return this.#events.launcherEnded(frame.index, frame.errno)
    }
  }

  #onStarted(id: number, pid: number): void {
    const job = this.#jobs.get(id)
    if (job === undefined) return
    job.pid = pid
    job.listener.started(pid)
  }

  #sendStdin(id: number): void {
    const job = this.#jobs.get(id)
    if (job === undefined) return
    const all = job.request.stdin ?? NO_BYTES
    const bytes = bufferOf(all).subarray(job.stdinSent, job.stdinSent + STDIN_CHUNK)
    job.stdinSent += bytes.length
    this.send({ type: 'stdin', id, last: job.stdinSent >= all.length, bytes })
  }

  #onDone(done: DoneFrame): void {
    const job = this.#jobs.get(done.id)
    if (job === undefined) return
    this.#jobs.delete(done.id)
    job.listener.ended({ kind: 'done', done, stdout: job.stdout.take(), stderr: job.stderr.take() })
  }

  #close(reason: string | null): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.destroy()
    this.#events.linkClosed(this, reason)
  }
}
