import { close, write, writeSync } from 'node:fs'

/** Lines are written when this much has gathered, or after `FLUSH_MS`. */
const GATHER_CHARS = 8_192
const FLUSH_MS = 100
/** While the output takes nothing, so much waits in memory; what comes then is counted and lost. */
const MAX_WAITING_CHARS = 16 * 1024 * 1024
/** A pipe that is full is tried again this often, and at exit for so long. */
const AGAIN_MS = 10
const EXIT_MS = 500

export interface LineWriterOptions {
  readonly fd: number
  /** Told once, when the output fails for the first time. */
  readonly onError: (error: Error) => void
  /** The line that says, when the output works again, how many were lost. */
  readonly lostLine: (count: number) => string
}

/**
 * Writes lines to a file or pipe, buffered and off the event loop, in order. What is buffered is written when the process
 * exits. An output that fails (full disk, closed pipe) costs lines, never the worker: neither its memory nor its end.
 */
export class LineWriter {
  readonly #options: LineWriterOptions
  #waiting: string[] = []
  #chars = 0
  #busy = false
  #told = false
  #lost = 0
  /** What a full pipe did not take; tried again soon. */
  #refused: { readonly chunk: Buffer; readonly lines: number } | null = null
  #timer: NodeJS.Timeout | null = null
  #whenIdle: (() => void)[] = []
  readonly #onExit = (): void => this.flushSync()

  constructor(options: LineWriterOptions) {
    this.#options = options
    process.on('exit', this.#onExit)
  }

  write(line: string): void {
    if (this.#chars > MAX_WAITING_CHARS) {
      this.#lost += 1
      return
    }
    this.#waiting.push(line)
    this.#chars += line.length
    if (this.#chars >= GATHER_CHARS) this.#start()
    else this.#timer ??= setTimeout(() => this.#start(), FLUSH_MS).unref()
  }

  /** Writes now what has not been handed to the system yet. */
  flushSync(): void {
    const again = this.#refused
    if (again !== null) this.#busy = false
    this.#refused = null
    const chunk = again === null ? this.#take() : Buffer.concat([again.chunk, this.#take()])
    const until = performance.now() + EXIT_MS
    let done = 0
    while (done < chunk.length) {
      try {
        done += writeSync(this.#options.fd, chunk, done)
      } catch (error) {
        if (!isAgain(error) || performance.now() > until) return this.#failed(error as Error)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS)
      }
    }
  }

  /** Resolves when everything is written (or lost), and closes what is no standard output. */
  async close(): Promise<void> {
    this.#start()
    if (this.#busy) await new Promise<void>((resolve) => this.#whenIdle.push(resolve))
    process.off('exit', this.#onExit)
    const { fd } = this.#options
    if (fd > 2) await new Promise<void>((resolve) => close(fd, () => resolve()))
  }

  #take(): Buffer {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#lost > 0) this.#waiting.push(this.#options.lostLine(this.#lost))
    this.#lost = 0
    const chunk = Buffer.from(this.#waiting.join(''))
    this.#waiting = []
    this.#chars = 0
    return chunk
  }

  #start(): void {
    if (this.#busy || this.#waiting.length === 0) return
    this.#busy = true
    const lines = this.#waiting.length + this.#lost
    this.#send(this.#take(), 0, lines)
  }

  #send(chunk: Buffer, from: number, lines: number): void {
    write(this.#options.fd, chunk, from, chunk.length - from, null, (error, written) => {
      if (error === null && from + written < chunk.length) return this.#send(chunk, from + written, lines)
      if (isAgain(error)) {
        this.#refused = { chunk: chunk.subarray(from), lines }
        setTimeout(() => this.#again(), AGAIN_MS).unref()
        return
      }
      this.#busy = false
      if (error !== null) {
        this.#lost += lines
        this.#failed(error)
      }
      this.#next()
    })
  }

  #again(): void {
    const refused = this.#refused
    this.#refused = null
    if (refused !== null) this.#send(refused.chunk, 0, refused.lines)
  }

  #next(): void {
    if (this.#waiting.length > 0) this.#start()
    if (this.#busy) return
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  #failed(error: Error): void {
    if (this.#told) return
    this.#told = true
    this.#options.onError(error)
  }
}

function isAgain(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN'
}
