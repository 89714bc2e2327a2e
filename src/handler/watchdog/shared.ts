/**
 * Memory that the main thread writes and the watchdog thread reads: a beat, and what user code the main thread is in.
 * Names are bytes in a table, because a thread that is blocked cannot be asked for a string.
 */
const NAMES = 256
const NAME_BYTES = 64

/** Places in `Board.numbers`. */
const BEAT = 0
const HOOK = 1
const SUBJECT = 2
const PARTITION = 3
const COUNT = 4
const LAST_HOOK = 5

export interface Board {
  readonly numbers: Int32Array<SharedArrayBuffer>
  readonly offset: Float64Array<SharedArrayBuffer>
  readonly names: Uint8Array<SharedArrayBuffer>
}

export function createBoard(): Board {
  return {
    numbers: new Int32Array(new SharedArrayBuffer(6 * Int32Array.BYTES_PER_ELEMENT)),
    offset: new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)),
    names: new Uint8Array(new SharedArrayBuffer(NAMES * NAME_BYTES)),
  }
}

/** What the main thread is in, as the watchdog sees it. */
export interface Seen {
  /** Null where no hook is running synchronously. */
  readonly hook: string | null
  /** The last hook that ran; null before the first. */
  readonly lastHook: string | null
  /** `jobs/0 offset 17 and 3 more`, the name of a periodic task, or ''. */
  readonly subject: string
}

/** The main thread's side. */
export class BoardWriter {
  readonly #board: Board
  readonly #ids = new Map<string, number>()
  #depth = 0

  constructor(board: Board) {
    this.#board = board
  }

  beat(): void {
    Atomics.add(this.#board.numbers, BEAT, 1)
  }

  /** `partition` −1: the subject is a name, not a topic. */
  enter(hook: string, subject: string, partition: number, offset: number, count: number): void {
    const { numbers } = this.#board
    const id = this.#id(hook)
    this.#depth += 1
    numbers[SUBJECT] = subject === '' ? 0 : this.#id(subject)
    numbers[PARTITION] = partition
    numbers[COUNT] = count
    this.#board.offset[0] = offset
    numbers[LAST_HOOK] = id
    // The atomic store comes last, and makes the others visible with it.
    Atomics.store(numbers, HOOK, id)
  }

  leave(): void {
    this.#depth -= 1
    if (this.#depth === 0) Atomics.store(this.#board.numbers, HOOK, 0)
  }

  /** Ids begin at 1. The table is bounded: what does not fit any more shares the last entry, `…`. */
  #id(name: string): number {
    const known = this.#ids.get(name)
    if (known !== undefined) return known
    const id = this.#ids.size + 1
    if (id >= NAMES - 1) {
      this.#write(NAMES - 1, '…')
      return NAMES - 1
    }
    this.#write(id, name)
    this.#ids.set(name, id)
    return id
  }

  #write(id: number, name: string): void {
    const at = id * NAME_BYTES
    // TextEncoder cannot write to shared memory; a character that does not fit whole is left out.
    const bytes = new Uint8Array(NAME_BYTES - 1)
    const { written } = new TextEncoder().encodeInto(name, bytes)
    this.#board.names.set(bytes, at + 1)
    this.#board.names[at] = written
  }
}

export function readBeat(board: Board): number {
  return Atomics.load(board.numbers, BEAT)
}

export function readSeen(board: Board): Seen {
  const hook = Atomics.load(board.numbers, HOOK)
  const last = board.numbers[LAST_HOOK] as number
  const subject = nameOf(board, board.numbers[SUBJECT] as number)
  return {
    hook: hook === 0 ? null : nameOf(board, hook),
    lastHook: last === 0 ? null : nameOf(board, last),
    subject: subject === '' ? '' : describe(board, subject),
  }
}

function describe(board: Board, subject: string): string {
  const partition = board.numbers[PARTITION] as number
  if (partition < 0) return subject
  const count = board.numbers[COUNT] as number
  const offset = board.offset[0] as number
  const where = `${subject}/${partition}`
  if (offset < 0) return count > 1 ? `${where} and ${count - 1} more` : where
  return `${where} offset ${offset}${count > 1 ? ` and ${count - 1} more` : ''}`
}

function nameOf(board: Board, id: number): string {
  if (id === 0) return ''
  const at = id * NAME_BYTES
  const length = board.names[at] as number
  return new TextDecoder().decode(board.names.slice(at + 1, at + 1 + length))
}
