import type { TopicPartition } from './message.ts'

/** Who asks, for the audit: `cli (uid 1000)`. */
export type Actor = string

/** What became of a request: what was done, or why it was not. */
export type Answered = { readonly ok: true; readonly said: string } | { readonly ok: false; readonly why: string }

/**
 * What an operator may ask of a running worker. Everything outside of the flow acts through this and through nothing
 * else. Each request is audited: an event, with who asked and what became of it.
 */
export interface Control {
  /**
   * Ends a task: one that runs is ended as at a time-out, one that waits never starts. Its verdict is `cancelled`; without
   * an `onError` that says otherwise it is not tried again, and its messages are dead-lettered.
   */
  cancelTask(id: string, by: Actor): Answered
  /**
   * How many tasks run at once, from now on; what runs above a smaller number runs to its end. The marks of backpressure follow,
   * and persistent processes and threads whose number is not configured.
   */
  setMaxExecutors(count: number, by: Actor): Answered
  /** Takes in nothing more of a partition until `resume`, or until it is assigned anew. What is in flight goes on. */
  pause(at: TopicPartition, by: Actor): Answered
  resume(at: TopicPartition, by: Actor): Answered
}
