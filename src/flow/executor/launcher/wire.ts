/** What came is not a frame of this protocol; the connection cannot be trusted any more. */
export class FrameError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'FrameError'
  }
}

const FIRST_BUFFER = 16 * 1024
const KEEP_BUFFERS = 4
const KEEP_UP_TO = 256 * 1024

/** Appends frames to one buffer, so that many of them go out in one write. */
export class FrameWriter {
  #buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BUFFER)
  #at = 0
  #start = 0
  readonly #free: Buffer[] = []

  /** Bytes written since the last `take`. */
  get length(): number {
    return this.#at
  }

  begin(type: number): this {
    this.#start = this.#at
    this.#room(5)
    this.#at += 4
    this.#buffer[this.#at] = type
    this.#at += 1
    return this
  }

  end(): void {
    this.#buffer.writeUInt32LE(this.#at - this.#start - 4, this.#start)
  }

  u8(value: number): this {
    this.#room(1)
    this.#buffer[this.#at] = value
    this.#at += 1
    return this
  }

  u16(value: number): this {
    this.#room(2)
    this.#at = this.#buffer.writeUInt16LE(value, this.#at)
    return this
  }

  u32(value: number): this {
    this.#room(4)
    this.#at = this.#buffer.writeUInt32LE(value, this.#at)
    return this
  }

  i32(value: number): this {
    this.#room(4)
    this.#at = this.#buffer.writeInt32LE(value, this.#at)
    return this
  }

  /** A whole number up to 2^53. */
  u64(value: number): this {
    return this.u32(value % 4_294_967_296).u32(Math.floor(value / 4_294_967_296))
  }

  string(text: string): this {
    this.#room(4 + text.length * 3)
    const written = this.#buffer.write(text, this.#at + 4, 'utf8')
    this.#buffer.writeUInt32LE(written, this.#at)
    this.#at += 4 + written
    return this
  }

  /** Bytes with their length, like a string. */
  bytes(bytes: Uint8Array): this {
    return this.u32(bytes.length).rest(bytes)
  }

  /** Bytes up to the end of the frame; without a length, so only as the last field. */
  rest(bytes: Uint8Array): this {
    this.#room(bytes.length)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
    return this
  }

  /** Everything written so far. Hand the buffer back with `recycle` when it has gone out. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#at)
    this.#buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(FIRST_BUFFER)
    this.#at = 0
    return taken
  }

  recycle(taken: Buffer): void {
    const whole = Buffer.from(taken.buffer)
    if (whole.length <= KEEP_UP_TO && this.#free.length < KEEP_BUFFERS) this.#free.push(whole)
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#at)
    this.#buffer = grown
  }
}

const NO_BYTES: Buffer = Buffer.alloc(0)

/**
 * Reads the fields of one frame; every read past its end is a `FrameError`. One reader serves for many frames: a view of the
 * bytes for each of them costs more than the reading.
 */
export class FieldReader {
  #bytes: Buffer = NO_BYTES
  #at = 0
  #end = 0

  /** The fields are the bytes from `from` up to `end`. */
  of(bytes: Buffer, from: number = 0, end: number = bytes.length): this {
    this.#bytes = bytes
    this.#at = from
    this.#end = end
    return this
  }

  u8(): number {
    return this.#bytes[this.#step(1)] as number
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#step(2))
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#step(4))
  }

  i32(): number {
    return this.#bytes.readInt32LE(this.#step(4))
  }

  u64(): number {
    const low = this.u32()
    return low + this.u32() * 4_294_967_296
  }

  string(): string {
    const length = this.u32()
    const from = this.#step(length)
    return this.#bytes.toString('utf8', from, from + length)
  }

  /** Bytes with their length; a view, not a copy. */
  bytes(): Buffer {
    const length = this.u32()
    const from = this.#step(length)
    return this.#bytes.subarray(from, from + length)
  }

  /** How many entries follow, each of at least `entryBytes`: a count that cannot fit is refused before anything is allocated. */
  count(entryBytes: number): number {
    const count = this.u32()
    if (count * entryBytes > this.#end - this.#at) throw new FrameError(`a list of ${count} entries does not fit`)
    return count
  }

  rest(): Buffer {
    const from = this.#at
    this.#at = this.#end
    return this.#bytes.subarray(from, this.#end)
  }

  end(): void {
    if (this.#at !== this.#end) throw new FrameError(`${this.#end - this.#at} bytes too many`)
  }

  #step(bytes: number): number {
    const from = this.#at
    if (from + bytes > this.#end) throw new FrameError('a frame ends inside a field')
    this.#at = from + bytes
    return from
  }
}

/** Cuts a stream of chunks, however they fall, into frames. Holds one incomplete frame at most. */
export class FrameSplitter {
  readonly #maxFrame: number
  readonly #onFrame: (type: number, fields: FieldReader) => void
  readonly #fields: FieldReader = new FieldReader()
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** Bytes that must be there before it is worth looking again. */
  #wanted = 4

  /**
   * `maxFrame`: frames announced longer than this are refused before a byte of them is kept. `onFrame` has to read the
   * fields before it returns.
   */
  constructor(maxFrame: number, onFrame: (type: number, fields: FieldReader) => void) {
    this.#maxFrame = maxFrame
    this.#onFrame = onFrame
  }

  get bufferedBytes(): number {
    return this.#pendingBytes
  }

  /** Throws a `FrameError`; after that the splitter must not be used again. */
  push(chunk: Buffer): void {
    let bytes = chunk
    if (this.#pendingBytes > 0) {
      this.#pending.push(chunk)
      this.#pendingBytes += chunk.length
      if (this.#pendingBytes < this.#wanted) return
      bytes = Buffer.concat(this.#pending, this.#pendingBytes)
      this.#pending = []
      this.#pendingBytes = 0
    }
    let at = 0
    this.#wanted = 4
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32LE(at)
      if (length < 1 || length > this.#maxFrame) throw new FrameError(`a frame of ${length} bytes`)
      if (bytes.length - at - 4 < length) {
        this.#wanted = 4 + length
        break
      }
      const from = at + 4
      at = from + length
      this.#onFrame(bytes[from] as number, this.#fields.of(bytes, from + 1, at))
    }
    if (at === bytes.length) return
    this.#pending.push(at === 0 ? bytes : bytes.subarray(at))
    this.#pendingBytes = bytes.length - at
  }
}
