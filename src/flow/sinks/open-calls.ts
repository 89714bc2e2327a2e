import type { Ticket } from './item.ts'

/**
 * The calls of `deliver` under one signal that are not answered yet. (A list with places and not a `Set`: a set that
 * grows and shrinks leaves old tables behind that keep answered calls alive until the next full collection.)
 */
export class OpenCalls {
  readonly #tickets: Ticket[] = []

  add(ticket: Ticket): void {
    ticket.place = this.#tickets.length
    this.#tickets.push(ticket)
  }

  remove(ticket: Ticket): void {
    const last = this.#tickets.pop()
    if (last === undefined || last === ticket) return
    this.#tickets[ticket.place] = last
    last.place = ticket.place
  }

  /** Their partition is given up: their queued records go, and each call is answered with what is known. */
  abort(): void {
    for (const ticket of this.#tickets.slice()) {
      for (const item of ticket.items) {
        if (item.done) continue
        item.record.lane.abandon(item)
        ticket.settle()
      }
    }
  }
}
