/** Bytes that `writeVarint` needs for a non-negative safe integer. */
export function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size += 1
  return size
}

/** Writes seven bits a byte, lowest first; returns the place after the last. */
export function writeVarint(into: Buffer, at: number, value: number): number {
  let place = at
  let rest = value
  while (rest >= 128) {
    into[place] = (rest % 128) + 128
    rest = Math.floor(rest / 128)
    place += 1
  }
  into[place] = rest
  return place + 1
}

/** Reads varints one after the other; at most eight bytes each, which is what a safe integer needs. */
export class VarintReader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** The next number; undefined where there is none, or where it is no safe integer. */
  next(): number | undefined {
    let value = 0
    let scale = 1
    for (let read = 0; read < 8; read += 1) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) return undefined
      this.#at += 1
      value += (byte & 127) * scale
      if (byte < 128) return Number.isSafeInteger(value) ? value : undefined
      scale *= 128
    }
    return undefined
  }
}
