/** Keeps the last `size` bytes of what is pushed; the memory is taken once. */
export class TailRing {
  readonly #ring: Buffer
  #at = 0
  #full = false

  constructor(size: number) {
    this.#ring = Buffer.allocUnsafeSlow(size)
  }

  push(bytes: Uint8Array): void {
    const size = this.#ring.length
    const last = bytes.length > size ? bytes.subarray(bytes.length - size) : bytes
    const first = Math.min(last.length, size - this.#at)
    this.#ring.set(last.subarray(0, first), this.#at)
    this.#ring.set(last.subarray(first), 0)
    if (this.#at + last.length >= size) this.#full = true
    this.#at = (this.#at + last.length) % size
  }

  /** What is kept, oldest first. */
  parts(): Buffer[] {
    const newest = this.#ring.subarray(0, this.#at)
    return this.#full ? [this.#ring.subarray(this.#at), newest] : [newest]
  }
}
