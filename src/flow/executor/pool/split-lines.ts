import { isUtf8 } from 'node:buffer'
import { shown, Violation } from './rules.ts'

/** Takes what a process says: the JSON of it, and the raw body of a frame. */
export type Take = (header: unknown, body: Buffer | null) => void

/** Cuts a stream of bytes, however they fall, into what was said. Both throw a `Violation`; then it is of no use any more. */
export interface Splitter {
  push(chunk: Buffer): void
  /** The stream is at its end. */
  end(): void
}

const NEWLINE = 10

/** One JSON object a line. Holds one incomplete line at most, of at most `maxBytes`. */
export class LineSplitter implements Splitter {
  readonly #maxBytes: number
  readonly #take: Take
  #pending: Buffer[] = []
  #pendingBytes = 0

  constructor(maxBytes: number, take: Take) {
    this.#maxBytes = maxBytes
    this.#take = take
  }

  push(chunk: Buffer): void {
    const last = chunk.lastIndexOf(NEWLINE)
    if (last === -1) return this.#keep(chunk)
    let bytes = chunk.subarray(0, last)
    if (this.#pendingBytes > 0) {
      bytes = Buffer.concat([...this.#pending, bytes], this.#pendingBytes + last)
      this.#pending = []
      this.#pendingBytes = 0
    }
    if (!isUtf8(bytes)) throw new Violation('framing', `wrote bytes that are no text: ${shown(bytes)}`)
    // One string for all lines of the chunk: cutting it is much cheaper than decoding each line.
    const text = bytes.toString('utf8')
    let from = 0
    for (let to = text.indexOf('\n'); to !== -1; to = text.indexOf('\n', from)) {
      this.#line(text.slice(from, to))
      from = to + 1
    }
    this.#line(from === 0 ? text : text.slice(from))
    if (last + 1 < chunk.length) this.#keep(chunk.subarray(last + 1))
  }

  end(): void {
    if (this.#pendingBytes === 0) return
    throw new Violation('whole', `ended inside a line: ${shown(Buffer.concat(this.#pending))}`)
  }

  #keep(bytes: Buffer): void {
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    if (this.#pendingBytes > this.#maxBytes) {
      const begins = shown(this.#pending[0] ?? '')
      throw new Violation(
        'size',
        `wrote more than ${this.#maxBytes} bytes without a newline, which begin with ${begins}`,
      )
    }
  }

  #line(line: string): void {
    if (line.length > this.#maxBytes) {
      throw new Violation('size', `wrote a line of ${line.length} characters, more than ${this.#maxBytes}`)
    }
    if (line === '' || line === '\r') return
    let header: unknown
    try {
      header = JSON.parse(line)
    } catch {
      throw new Violation('framing', `wrote a line that is not JSON: ${shown(line)}`)
    }
    this.#take(header, null)
  }
}
