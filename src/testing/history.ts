import type { TopicPartition, Verdict } from '../model/index.ts'

/** A place in a log. */
export interface RecordAt extends TopicPartition {
  readonly offset: number
}

/** What happens at the broker, as the broker sees it. `client` is the worker, `member` its name in the group. */
export type BrokerEvent =
  | { readonly type: 'produced'; readonly client: string; readonly record: RecordAt }
  /** Offsets that hold no record (compaction, transaction markers): `from` inclusive, `to` exclusive. */
  | { readonly type: 'gap'; readonly at: TopicPartition; readonly from: number; readonly to: number }
  /** The log begins at `low` from now on. */
  | { readonly type: 'truncated'; readonly at: TopicPartition; readonly low: number }
  | { readonly type: 'recreated'; readonly topic: string }
  | {
      readonly type: 'member'
      readonly what: 'joined' | 'left' | 'expired' | 'thrown-out' | 'fenced'
      readonly group: string
      readonly client: string
      readonly member: string
    }
  | {
      readonly type: 'generation'
      readonly group: string
      readonly generation: number
      readonly assignment: readonly { readonly client: string; readonly partitions: readonly TopicPartition[] }[]
    }
  /** The client took the partition; `committed` is what the group held at this moment. */
  | {
      readonly type: 'owned'
      readonly client: string
      readonly at: TopicPartition
      readonly start: number
      readonly committed: number | null
    }
  /** The client was asked to give the partitions up, or told that it lost them. */
  | {
      readonly type: 'revoking'
      readonly client: string
      readonly partitions: readonly TopicPartition[]
      readonly lost: boolean
    }
  | { readonly type: 'released'; readonly client: string; readonly at: TopicPartition; readonly lost: boolean }
  /** The record was handed to the client. */
  | { readonly type: 'polled'; readonly client: string; readonly record: RecordAt }
  | {
      readonly type: 'commit-sent'
      readonly client: string
      readonly request: number
      readonly at: TopicPartition
      readonly offset: number
      readonly metadata: string
    }
  /** The broker's decision, whether or not its answer arrives. */
  | {
      readonly type: 'commit'
      readonly client: string
      readonly group: string
      readonly member: string
      readonly generation: number
      readonly request: number
      readonly at: TopicPartition
      readonly offset: number
      readonly metadata: string
      readonly error: string | null
    }
  | {
      readonly type: 'commit-answered'
      readonly client: string
      readonly request: number
      readonly error: string | null
    }
  /** The client did what no correct user of the port does. */
  | { readonly type: 'misuse'; readonly client: string; readonly what: string }

/** What happens at the other ends of a worker: its programs, its sinks, the hooks of its handler, its life. */
export type WorkEvent =
  | {
      readonly type: 'run-started'
      readonly client: string
      readonly task: string
      /** Of the assignment that waits for it; null where nobody said. */
      readonly epoch: number | null
      readonly run: number
      readonly messages: readonly RecordAt[]
    }
  | {
      readonly type: 'run-ended'
      readonly client: string
      readonly task: string
      readonly epoch: number | null
      readonly run: number
      readonly messages: readonly RecordAt[]
      readonly verdict: Verdict
    }
  | {
      readonly type: 'acknowledged'
      readonly client: string
      readonly sink: string
      readonly id: string
      readonly payload: unknown
    }
  | {
      readonly type: 'hook'
      readonly client: string
      readonly hook: string
      /** Of the assignment that its messages came with; null where nobody said. */
      readonly epoch: number | null
      /** Id of its task; '' for hooks of messages. */
      readonly task: string
      readonly messages: readonly RecordAt[]
      /** What it answered: `ok`, `threw`, or the action. */
      readonly answer: string
    }
  /** The worker says that the message has ended. */
  | {
      readonly type: 'ended'
      readonly client: string
      readonly epoch: number
      readonly record: RecordAt
      readonly kind: 'delivered' | 'retried' | 'dead' | 'dropped'
      readonly detail: string
    }
  | {
      readonly type: 'worker'
      readonly client: string
      readonly what: 'started' | 'stopping' | 'stopped' | 'crashed' | 'failed'
      readonly detail?: string
    }
  | { readonly type: 'fault'; readonly what: string }

export type HistoryEvent = BrokerEvent | WorkEvent

/** An event with its place in the order of everything, and the virtual time. */
export type HistoryEntry = HistoryEvent & { readonly seq: number; readonly time: number }

/** Everything that happened in a world, in order. Nothing is ever taken out. */
export class History {
  readonly entries: HistoryEntry[] = []
  readonly #time: () => number

  constructor(time: () => number) {
    this.#time = time
  }

  add(event: HistoryEvent): void {
    this.entries.push({ ...event, seq: this.entries.length, time: this.#time() })
  }
}
