const NOTHING: Buffer = Buffer.alloc(0)

/** Bytes of one stream as they come, in one buffer that doubles; `limit` keeps the last so many (0 = all). */
export class Capture {
  readonly #limit: number
  #buffer: Buffer = NOTHING
  #length = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  push(bytes: Buffer): void {
    const needed = this.#length + bytes.length
    if (needed > this.#buffer.length) {
      // The first chunk mostly is the only one. Nothing here may keep the socket's read buffer alive.
      const grown = Buffer.allocUnsafeSlow(this.#length === 0 ? needed : Math.max(needed, this.#buffer.length * 2))
      this.#buffer.copy(grown, 0, 0, this.#length)
      this.#buffer = grown
    }
    bytes.copy(this.#buffer, this.#length)
    this.#length = needed
    // At most twice the limit is held, and each byte moves once per `limit` bytes.
    if (this.#limit > 0 && needed >= 2 * this.#limit) this.#keepLast()
  }

  /** What was kept. */
  take(): Buffer {
    if (this.#limit > 0 && this.#length > this.#limit) this.#keepLast()
    const kept = this.#buffer.subarray(0, this.#length)
    return this.#length * 2 < this.#buffer.length ? Buffer.from(kept) : kept
  }

  #keepLast(): void {
    this.#buffer.copyWithin(0, this.#length - this.#limit, this.#length)
    this.#length = this.#limit
  }
}

/** Without the incomplete UTF-8 character at its end, where it was cut inside one. */
export function cutAtCharacterEnd(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] as number
    if ((byte & 0b1100_0000) === 0b1000_0000) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes
  }
  return bytes
}

/** Without the rest of a UTF-8 character at its beginning, where it was cut inside one. */
export function cutAtCharacterStart(bytes: Buffer): Buffer {
  let at = 0
  while (at < 3 && at < bytes.length && ((bytes[at] as number) & 0b1100_0000) === 0b1000_0000) at += 1
  return bytes.subarray(at)
}
