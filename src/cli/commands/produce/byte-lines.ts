const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** One line of the input: its bytes without the line end, or null where it is longer than allowed and was thrown away. */
export interface ByteLine {
  /** From 1. */
  readonly number: number
  readonly bytes: Buffer | null
  /** Bytes of the input so far, this line and its end included. */
  readonly readBytes: number
}

/**
 * Cuts bytes into lines that end with LF or CRLF; the last one may lack it. Bytes stay as they are: a line may hold
 * anything else, also the separators that text functions would cut at (U+2028). At most `maxBytes` of a line are held.
 */
export async function* byteLines(chunks: AsyncIterable<Buffer | string>, maxBytes: number): AsyncGenerator<ByteLine> {
  const line = new OpenLine(maxBytes)
  let number = 0
  let readBytes = 0
  for await (const chunk of chunks) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    let from = 0
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, from)) {
      line.add(bytes.subarray(from, end))
      number += 1
      yield { number, bytes: line.take(), readBytes: readBytes + end + 1 }
      from = end + 1
    }
    line.add(bytes.subarray(from))
    readBytes += bytes.length
  }
  if (!line.empty) yield { number: number + 1, bytes: line.take(), readBytes }
}

/** The line that has begun: parts of it, as they came. */
class OpenLine {
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get empty(): boolean {
    return this.#bytes === 0
  }

  add(part: Buffer): void {
    this.#bytes += part.length
    if (this.#bytes > this.#maxBytes + 1) this.#parts = []
    else if (part.length > 0) this.#parts.push(part)
  }

  take(): Buffer | null {
    const whole = Buffer.concat(this.#parts)
    const cut = whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole
    const tooLong = this.#bytes > this.#maxBytes + 1 || cut.length > this.#maxBytes
    this.#parts = []
    this.#bytes = 0
    return tooLong ? null : cut
  }
}
