import type { Clock } from '../../lib/index.ts'
import type { WorkerEvent } from '../../model/index.ts'
import type { Counts, Rates, WorkerStatus } from './protocol.ts'

/** What a status shows that is in no view: what was said, and how often. */
export interface StatusBook {
  readonly listen: (event: WorkerEvent) => void
  readonly types: readonly WorkerEvent['type'][]
  launchers(): WorkerStatus['launchers']
  rates(): Rates
  counts(): Counts
}

/** Rates are over this. */
const SECONDS = 30

interface Second {
  at: number
  messages: number
  tasks: number
  failed: number
}

/** Counts by the second, in a ring. */
export function createStatusBook(clock: Clock): StatusBook {
  const launchers = new Map<number, { index: number; kind: string; pid: number }>()
  const ring: Second[] = Array.from({ length: SECONDS + 1 }, () => ({ at: -1, messages: 0, tasks: 0, failed: 0 }))
  const counts = { messages: 0, tasks: 0, failed: 0 }
  const begun = clock.monotonic()
  const current = (): Second => {
    const at = Math.floor(clock.monotonic() / 1000)
    const second = ring[at % ring.length] as Second
    if (second.at !== at) Object.assign(second, { at, messages: 0, tasks: 0, failed: 0 })
    return second
  }
  return {
    types: ['message_ended', 'task_finished', 'launcher_started', 'launcher_lost'],
    listen(event) {
      if (event.type === 'message_ended') {
        counts.messages += 1
        current().messages += 1
      } else if (event.type === 'task_finished') {
        const failed = event.failed ? 1 : 0
        for (const count of [counts, current()]) {
          count.tasks += 1
          count.failed += failed
        }
      } else if (event.type === 'launcher_started')
        launchers.set(event.index, { index: event.index, kind: event.kind, pid: event.pid })
      else if (event.type === 'launcher_lost') launchers.delete(event.index)
    },
    launchers: () => [...launchers.values()].toSorted((a, b) => a.index - b.index),
    counts: () => ({ ...counts }),
    rates() {
      const now = clock.monotonic()
      const seconds = Math.max(1, Math.min(SECONDS, (now - begun) / 1000))
      const from = Math.floor(now / 1000) - SECONDS
      const sum = (of: (second: Second) => number): number =>
        ring.reduce((total, second) => (second.at > from ? total + of(second) : total), 0) / seconds
      return {
        seconds: Math.round(seconds),
        messages: sum((second) => second.messages),
        tasks: sum((second) => second.tasks),
        failed: sum((second) => second.failed),
      }
    },
  }
}
