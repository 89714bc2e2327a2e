import type { RoutedRecord } from '../sinks/index.ts'
import type { Partition } from './partition.ts'
import type { TrackedMessage, TrackedTask } from './tracked.ts'

/**
 * Messages whose payloads are delivered together or not at all (`delivery: atomic`): one, or several that share tasks,
 * directly or through others, as a shared payload cannot be there for one of them and not for the other.
 */
export class AtomicGroup {
  readonly messages: TrackedMessage[]
  /** Their offsets; the payloads know them by this list. */
  readonly offsets: number[]
  /** Payloads that wait for the last task of all the messages. */
  held: RoutedRecord[] = []
  /** Of them; counted in the partition's account. */
  bytes = 0
  /** Messages that have come to their completion. */
  finished = 0

  constructor(messages: TrackedMessage[]) {
    this.messages = messages
    this.offsets = messages.map(({ raw }) => raw.offset)
  }

  /** Every message is through; with the last one the group ends. */
  get complete(): boolean {
    return this.finished === this.messages.length
  }
}

/** The group of a message; one of its own unless tasks join it with others. */
export function groupOfMessage(message: TrackedMessage): AtomicGroup {
  message.group ??= new AtomicGroup([message])
  return message.group
}

/** Joins the messages that tasks share. Before any task runs: nothing is held yet. */
export function joinGroups(tasks: readonly TrackedTask[]): void {
  for (const { messages } of tasks) {
    const [first, ...others] = messages
    if (first === undefined || others.length === 0) continue
    const group = groupOfMessage(first)
    for (const other of others) {
      const joined = groupOfMessage(other)
      if (joined === group) continue
      for (const message of joined.messages) {
        message.group = group
        group.messages.push(message)
        group.offsets.push(message.raw.offset)
      }
    }
  }
}

/** Keeps payloads until the messages' group is complete. They share a group, as they share what made the payloads. */
export function hold(
  partition: Partition,
  messages: readonly TrackedMessage[],
  records: readonly RoutedRecord[],
): void {
  const group = groupOfMessage(messages[0] as TrackedMessage)
  const bytes = records.reduce((sum, record) => sum + (record.size ?? 0), 0)
  group.held.push(...records)
  group.bytes += bytes
  partition.account.add(0, bytes)
}

/** Forgets what is held: it is delivered, or will never be. */
export function letGo(partition: Partition, group: AtomicGroup): void {
  partition.account.add(0, -group.bytes)
  group.bytes = 0
  group.held = []
}
