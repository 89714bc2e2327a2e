import {
  type EventOf,
  type Message,
  partitionKey,
  type RawMessage,
  type Task,
  type TopicPartition,
  type WorkerEvent,
} from '../../model/index.ts'
import type { Fields } from './fields.ts'
import type { LogLevel } from './level.ts'

/** A line before it is written. */
export interface Line {
  readonly level: LogLevel
  readonly event: string
  readonly fields: Fields
}

export type OrFrom<Event, Value> = Value | ((event: Event) => Value)

/** How an event becomes a line. Level first: the rest is only asked where the level is on. */
export interface Row<Event> {
  readonly level: OrFrom<Event, LogLevel>
  /** What operators grep; py-drakkar's name where it has one. */
  readonly event: OrFrom<Event, string>
  readonly category: string
  readonly fields: (event: Event) => Fields
  /** Where lines of this kind may come by the thousand: what makes two of them the same. */
  readonly repeat?: (event: Event) => string
}

export type Rows = { readonly [Type in WorkerEvent['type']]: Row<EventOf<Type>> }

const MAX_LISTED = 100

export const place = (at: TopicPartition): Fields => ({ topic: at.topic, partition: at.partition })
export const record = (message: RawMessage): Fields => ({ ...place(message), offset: message.offset })
export const offsets = (messages: readonly Message[]): number[] =>
  messages.slice(0, MAX_LISTED).map(({ offset }) => offset)
export const listed = (all: readonly TopicPartition[]): Fields => ({
  partitions: all.slice(0, MAX_LISTED).map(partitionKey),
  count: all.length,
})
export const sinkOf = (event: { readonly kind: string; readonly sink: string }): Fields => ({
  sink_type: event.kind,
  sink_name: event.sink,
})
export const sinkKey = (event: { readonly kind: string; readonly sink: string }): string =>
  `${event.kind}:${event.sink}`
export const taskOf = (task: Task): Fields => ({
  task_id: task.id,
  ...(task.messages[0] === undefined ? {} : place(task.messages[0])),
  offsets: offsets(task.messages),
})
export const failed = (error: unknown): boolean => error !== null && error !== undefined
/** Reasons that differ in numbers only are one kind. */
export const kindOf = (reason: string): string => reason.replaceAll(/\d+/g, '#').slice(0, 200)
export const atReason = (event: { readonly at: TopicPartition }, reason: string): string =>
  `${partitionKey(event.at)} ${kindOf(reason)}`
export const isBackpressure = (reason: string): boolean => reason.startsWith('backpressure')
export const pauseLevel = ({ reason }: { readonly reason: string }): LogLevel =>
  isBackpressure(reason) ? 'debug' : 'info'
