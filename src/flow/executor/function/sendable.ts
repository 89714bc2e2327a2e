import type { Message, Task } from '../../../model/index.ts'

/** A task as a thread gets it: the same, with its own copies of the bytes. */
export interface Sendable {
  readonly task: Task
  /** Memory that moves to the thread instead of being copied once more. */
  readonly transfer: ArrayBuffer[]
}

/**
 * What of a task can go to a thread. Bytes are copied first: a view of a shared buffer would take the whole buffer along.
 * What cannot be cloned (a function in `metadata`, say) is found only when it is sent.
 */
export function sendable(task: Task): Sendable {
  const transfer: ArrayBuffer[] = []
  const own = (bytes: Uint8Array): Buffer => {
    const copy = new Uint8Array(bytes)
    transfer.push(copy.buffer)
    return copy as Buffer
  }
  const messages = task.messages.map(
    (message): Message => ({
      topic: message.topic,
      partition: message.partition,
      offset: message.offset,
      key: message.key === null ? null : own(message.key),
      value: message.value === null ? null : own(message.value),
      timestamp: message.timestamp,
      headers: message.headers.map(([name, value]) => [name, value === null ? null : own(value)]),
      payload: message.payload,
      label: message.label,
    }),
  )
  return {
    task: { ...task, messages, ...(task.stdin instanceof Uint8Array ? { stdin: own(task.stdin) } : {}) },
    transfer,
  }
}
