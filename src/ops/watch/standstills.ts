import { type PartitionView, type WorkerView, whyOf } from '../../model/index.ts'

/** Something to tell of a partition. */
export interface Standstill {
  readonly at: PartitionView
  readonly forMs: number
  /** True: it was told, and it moves again. */
  readonly over: boolean
}

interface Seen {
  readonly epoch: number
  position: number
  since: number
  /** It is told when it has stood for so long. */
  due: number
}

/**
 * Finds partitions that have something to do and do not move: the first unfinished offset stays the same. Each is told
 * after the limit, then each time that it has lasted twice as long, and once more when it moves. Pure but for its memory.
 */
export class Standstills {
  readonly #limitMs: number
  readonly #seen = new Map<string, Seen>()

  constructor(limitMs: number) {
    this.#limitMs = limitMs
  }

  look(view: WorkerView, now: number): readonly Standstill[] {
    const tell: Standstill[] = []
    const present = new Set<string>()
    for (const at of view.partitions) {
      const key = `${at.topic}:${at.partition}`
      present.add(key)
      const seen = this.#seen.get(key)
      const rests = view.phase !== 'ready' || whyOf(view, at).kind === 'idle'
      if (seen === undefined || seen.epoch !== at.epoch || rests || seen.position !== at.position) {
        if (seen !== undefined && seen.due > this.#limitMs && seen.epoch === at.epoch && view.phase === 'ready')
          tell.push({ at, forMs: now - seen.since, over: true })
        this.#seen.set(key, { epoch: at.epoch, position: at.position, since: now, due: this.#limitMs })
        continue
      }
      const forMs = now - seen.since
      if (forMs < seen.due) continue
      while (seen.due <= forMs) seen.due *= 2
      tell.push({ at, forMs, over: false })
    }
    for (const key of this.#seen.keys()) if (!present.has(key)) this.#seen.delete(key)
    return tell
  }
}
