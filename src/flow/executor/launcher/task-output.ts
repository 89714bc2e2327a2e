import type { Readable } from 'node:stream'
import { DONE_FLAGS, OUTPUT_CHUNK } from './frames.ts'
import { SpillFile } from './spill-file.ts'
import type { StartFrame } from './start-frame.ts'
import { TailRing } from './tail-ring.ts'

/** What is told of a process's output. */
export interface TaskOutputEvents {
  /** What is kept, in pieces that fit into a frame. */
  output(stream: 'stdout' | 'stderr', bytes: Buffer): void
  /** Stdout is over a cap that ends the run. */
  capped(): void
  /** Both streams are at their end. */
  ended(): void
}

interface StreamState {
  readonly name: 'stdout' | 'stderr'
  readonly cap: number
  total: number
  sent: number
  ended: boolean
  /** Only stderr, only past its cap: the last bytes of it. */
  tail: TailRing | null
}

const stateOf = (name: StreamState['name'], cap: number): StreamState => ({
  name,
  cap,
  total: 0,
  sent: 0,
  ended: false,
  tail: null,
})

/** Stdout and stderr of one process: what of them is passed on, kept in a file, or left out. */
export class TaskOutput {
  /** False as soon as something is heard; who waits for silence sets it. */
  silent = false
  readonly #events: TaskOutputEvents
  readonly #stdout: StreamState
  readonly #stderr: StreamState
  readonly #spill: SpillFile | null
  readonly #capKills: boolean
  readonly #streams: Readable[] = []
  #flags = 0

  constructor(start: Pick<StartFrame, 'stdoutCap' | 'stderrCap' | 'spill' | 'capKills'>, events: TaskOutputEvents) {
    this.#events = events
    this.#stdout = stateOf('stdout', start.stdoutCap)
    this.#stderr = stateOf('stderr', start.stderrCap)
    this.#spill = start.spill === undefined ? null : new SpillFile(start.spill)
    this.#capKills = start.capKills
  }

  /** Of `DONE_FLAGS`: what was cut, and what became of the file. */
  get flags(): number {
    return this.#flags
  }

  /** Both streams are at their end. */
  get ended(): boolean {
    return this.#stdout.ended && this.#stderr.ended
  }

  /** Everything that was written, also what was left out, and why the file could not be written (0: it could). */
  get totals(): { readonly stdoutBytes: number; readonly stderrBytes: number; readonly errno: number } {
    return { stdoutBytes: this.#stdout.total, stderrBytes: this.#stderr.total, errno: this.#spill?.errno ?? 0 }
  }

  /** Without a stdout there is none to wait for. */
  listen(stdout: Readable | null, stderr: Readable | null): void {
    this.#stdout.ended = stdout === null
    this.#listen(stdout, this.#stdout)
    this.#listen(stderr, this.#stderr)
  }

  pause(): void {
    for (const stream of this.#streams) stream.pause()
  }

  resume(): void {
    for (const stream of this.#streams) stream.resume()
  }

  /** Listens no more, and passes on what was kept for the end. */
  close(): void {
    for (const stream of this.#streams) stream.destroy()
    const { tail } = this.#stderr
    if (tail !== null) for (const bytes of tail.parts()) this.#forward(bytes, 'stderr')
    this.#spill?.end()
  }

  #listen(stream: Readable | null, state: StreamState): void {
    if (stream === null) return
    const ended = (): void => {
      if (state.ended) return
      state.ended = true
      if (this.ended) this.#events.ended()
    }
    this.#streams.push(stream)
    stream.on('data', (bytes: Buffer) => this.#onOutput(bytes, state))
    stream.once('end', ended)
    stream.once('close', ended)
    stream.on('error', ended)
  }

  #onOutput(bytes: Buffer, state: StreamState): void {
    this.silent = false
    state.total += bytes.length
    const room = state.cap === 0 ? bytes.length : Math.max(0, state.cap - state.sent)
    const within = bytes.length <= room ? bytes : bytes.subarray(0, room)
    state.sent += within.length
    this.#forward(within, state.name)
    if (within.length === bytes.length) return
    if (state.name === 'stderr') {
      this.#flags |= DONE_FLAGS.stderrTruncated
      state.tail ??= new TailRing(state.cap)
      state.tail.push(bytes.subarray(room))
    } else if (this.#spill !== null) {
      this.#spillOver(this.#spill, bytes.subarray(room))
    } else {
      this.#flags |= DONE_FLAGS.stdoutTruncated
      if (this.#capKills) this.#events.capped()
    }
  }

  #spillOver(spill: SpillFile, bytes: Buffer): void {
    const written = spill.write(this.#stdout.total - bytes.length, bytes)
    this.#flags |= written ? DONE_FLAGS.spilled : DONE_FLAGS.spillFailed
    if (!written) this.#events.capped()
  }

  #forward(bytes: Buffer, stream: 'stdout' | 'stderr'): void {
    for (let at = 0; at < bytes.length; at += OUTPUT_CHUNK) {
      this.#events.output(stream, bytes.subarray(at, at + OUTPUT_CHUNK))
    }
  }
}
