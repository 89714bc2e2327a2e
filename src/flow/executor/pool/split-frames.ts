import { shown, Violation } from './rules.ts'
import type { Splitter, Take } from './split-lines.ts'

/** Of a header; results belong into the body. */
export const MAX_HEADER = 1_048_576

/** `u32 length, JSON` and `u32 length, bytes`, little endian. Holds one incomplete frame at most, of at most `maxBytes`. */
export class FrameSplitter implements Splitter {
  readonly #maxBytes: number
  readonly #take: Take
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** Bytes that must be there before it is worth looking again. */
  #wanted = 4

  constructor(maxBytes: number, take: Take) {
    this.#maxBytes = maxBytes
    this.#take = take
  }

  push(chunk: Buffer): void {
    let bytes = chunk
    if (this.#pendingBytes > 0) {
      this.#pending.push(chunk)
      this.#pendingBytes += chunk.length
      if (this.#pendingBytes < this.#wanted) return
      bytes = Buffer.concat(this.#pending, this.#pendingBytes)
      this.#pending = []
    }
    let at = 0
    while (this.#isWhole(bytes, at)) at = this.#frame(bytes, at)
    this.#pendingBytes = bytes.length - at
    if (this.#pendingBytes > 0) this.#pending.push(at === 0 ? bytes : bytes.subarray(at))
  }

  end(): void {
    if (this.#pendingBytes === 0) return
    throw new Violation('whole', `ended inside a frame, after ${this.#pendingBytes} bytes of it`)
  }

  #isWhole(bytes: Buffer, at: number): boolean {
    const there = bytes.length - at
    this.#wanted = 4
    if (there < 4) return false
    const header = bytes.readUInt32LE(at)
    if (header > Math.min(MAX_HEADER, this.#maxBytes)) throw tooLong('header', header, bytes.subarray(at))
    this.#wanted = 8 + header
    if (there < this.#wanted) return false
    const body = bytes.readUInt32LE(at + 4 + header)
    if (body > this.#maxBytes) throw tooLong('body', body, bytes.subarray(at + 4 + header))
    this.#wanted += body
    return there >= this.#wanted
  }

  /** Where the next one begins. */
  #frame(bytes: Buffer, at: number): number {
    const headerEnd = at + 4 + bytes.readUInt32LE(at)
    const end = at + this.#wanted
    const text = bytes.toString('utf8', at + 4, headerEnd)
    let header: unknown
    try {
      header = text === '' ? {} : JSON.parse(text)
    } catch {
      throw new Violation('framing', `wrote a frame whose header is not JSON: ${shown(text)}`)
    }
    this.#take(header, bytes.subarray(headerEnd + 4, end))
    return end
  }
}

/** Who prints to stdout by mistake announces a frame of a gigabyte. */
function tooLong(part: string, length: number, bytes: Buffer): Violation {
  const text = /^[\t\n\r\u0020-\u007E]{4}/.test(bytes.toString('latin1', 0, 4))
  if (text) return new Violation('framing', `wrote text where a frame should begin: ${shown(bytes.subarray(0, 80))}`)
  return new Violation('size', `announced a ${part} of ${length} bytes`)
}
