import { Heap } from '../../lib/index.ts'

/** Smaller goes first; arrays are compared element by element, a number is an array of one. */
export type Priority = number | readonly number[]

/** One place in the queue. */
export interface Ticket<T> {
  readonly priority: Priority
  /** Order of arrival; breaks ties. */
  readonly seq: number
  /** Null once it was admitted or withdrawn. */
  item: T | null
}

export interface Admitted<T> {
  readonly item: T
  /** The lowest id that was free. */
  readonly slot: number
}

/** A NaN would make the order inconsistent; it goes last. */
function rank(value: number): number {
  return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value
}

/** Negative where `a` goes first. An array that is the beginning of another one goes before it. */
export function comparePriority(a: Priority, b: Priority): number {
  if (typeof a === 'number' && typeof b === 'number') {
    const left = rank(a)
    const right = rank(b)
    return left < right ? -1 : left > right ? 1 : 0
  }
  const left = typeof a === 'number' ? [a] : a
  const right = typeof b === 'number' ? [b] : b
  const shared = Math.min(left.length, right.length)
  for (let at = 0; at < shared; at += 1) {
    const difference = comparePriority(left[at] as number, right[at] as number)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

/** The order of the queue: priority, then arrival. */
export function goesBefore(
  a: { readonly priority: Priority; readonly seq: number },
  b: { readonly priority: Priority; readonly seq: number },
): boolean {
  // Nearly always: an offset each.
  if (typeof a.priority === 'number' && typeof b.priority === 'number') {
    if (a.priority < b.priority) return true
    if (a.priority > b.priority) return false
  }
  return (comparePriority(a.priority, b.priority) || a.seq - b.seq) < 0
}

/** Withdrawn tickets stay in the heap until they come up; past this many (and half of it) the heap is rebuilt. */
const TOMBSTONES = 1_024

/**
 * Who runs next, and on which slot. Pure bookkeeping: no clock, no I/O, nothing runs here.
 *
 * At every instant `running <= slots`, except that slots taken away by `setSlots` stay busy until they are released.
 */
export class Gate<T> {
  #slots = 0
  #running = 0
  #waiting = 0
  #seq = 0
  /** Ids 0 up to here exist; each is free or taken. */
  #created = 0
  readonly #free: Heap<number> = new Heap<number>((a, b) => a < b)
  #queue: Heap<Ticket<T>> = new Heap<Ticket<T>>(goesBefore)

  constructor(slots: number) {
    this.setSlots(slots)
  }

  get slots(): number {
    return this.#slots
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting
  }

  /** From now on so many may run. What runs above a smaller number runs to its end. Throws below 1. */
  setSlots(slots: number): void {
    if (!Number.isInteger(slots) || slots < 1) throw new RangeError(`slots must be a whole number from 1, not ${slots}`)
    this.#slots = slots
    while (this.#created < slots) {
      this.#free.push(this.#created)
      this.#created += 1
    }
  }

  /** Queues an item. Give `seq` to put something back where it stood before. */
  enter(item: T, priority: Priority, seq?: number): Ticket<T> {
    const ticket: Ticket<T> = { item, priority, seq: seq ?? this.#seq }
    if (seq === undefined) this.#seq += 1
    this.#queue.push(ticket)
    this.#waiting += 1
    return ticket
  }

  /** Takes a waiting item out again. False where it was admitted or withdrawn before. */
  withdraw(ticket: Ticket<T>): boolean {
    if (ticket.item === null) return false
    ticket.item = null
    this.#waiting -= 1
    const tombstones = this.#queue.size - this.#waiting
    if (tombstones > TOMBSTONES && tombstones > this.#waiting) this.#rebuild()
    return true
  }

  /** Admits the first of the queue on the lowest free slot; null where nobody waits or no slot is free. */
  admit(): Admitted<T> | null {
    if (this.#waiting === 0 || this.#running >= this.#slots) return null
    const slot = this.#free.peek()
    if (slot === undefined || slot >= this.#slots) return null
    for (let ticket = this.#queue.pop(); ticket !== undefined; ticket = this.#queue.pop()) {
      const { item } = ticket
      if (item === null) continue
      ticket.item = null
      this.#waiting -= 1
      this.#running += 1
      this.#free.pop()
      return { item, slot }
    }
    return null
  }

  /** Gives an admitted slot back. */
  release(slot: number): void {
    this.#running -= 1
    this.#free.push(slot)
  }

  #rebuild(): void {
    const queue = new Heap<Ticket<T>>(goesBefore)
    for (let ticket = this.#queue.pop(); ticket !== undefined; ticket = this.#queue.pop()) {
      if (ticket.item !== null) queue.push(ticket)
    }
    this.#queue = queue
  }
}
