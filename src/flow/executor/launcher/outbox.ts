import type { Socket } from 'node:net'
import { FrameWriter } from './wire.ts'

/** Frames on their way out of one end of a launcher's socket: all of one turn of the event loop go out in one write. */
export class Outbox {
  readonly #socket: Socket
  readonly #writer: FrameWriter = new FrameWriter()
  #scheduled = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Bytes that the other end has not taken yet. */
  get backlog(): number {
    return this.#socket.writableLength + this.#writer.length
  }

  /** Appends frames; they go out at the end of this turn at the latest. */
  send(write: (out: FrameWriter) => void): void {
    write(this.#writer)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#flushLater)
  }

  /** Sends what is there now. */
  flush(): void {
    if (this.#writer.length === 0 || !this.#socket.writable) return
    const bytes = this.#writer.take()
    this.#socket.write(bytes, () => this.#writer.recycle(bytes))
  }

  readonly #flushLater = (): void => {
    this.#scheduled = false
    this.flush()
  }
}
