/**
 * How a message ended; each with the receipt that proves it. Only with one of these may its offset count as done.
 * (A message that is handed back, because its partition was revoked or the worker stops, has no end here.)
 */
export type End =
  /** Every sink acknowledged every payload of the message. */
  | { readonly kind: 'delivered' }
  /** The broker acknowledged the copy in the retry topic. */
  | { readonly kind: 'retried'; readonly topic: string; readonly offset: number }
  /** The dead letter is written: to a topic (acknowledged), or to a file (flushed to disk). */
  | { readonly kind: 'dead'; readonly to: string; readonly offset: number | null }
  /** A rule in the configuration or an answer of a hook says so; counted under its name. */
  | { readonly kind: 'dropped'; readonly rule: string }

/**
 * Where a message died. `chunk`: it is part of a message that never became whole; `poison`: it ended workers again and
 * again. Also the `drakkar-dl-stage` header of its dead letter.
 */
export type DeathStage =
  | 'parse'
  | 'arrange'
  | 'task'
  | 'on_task_complete'
  | 'on_message_complete'
  | 'on_window_complete'
  | 'on_error'
  | 'delivery'
  | 'chunk'
  | 'poison'

/** One reason for which a message dies; a message with several tasks can have several. */
export interface Death {
  readonly stage: DeathStage
  /** One line: what happened. */
  readonly reason: string
  readonly taskId?: string
  readonly verdict?: string
  readonly exitCode?: number | null
  readonly signal?: string | null
  /** Last bytes of the program's stderr. */
  readonly stderrTail?: Buffer
  readonly attempts?: number
  /** Of a delivery: `kafka:output`. */
  readonly sink?: string
  /** Of a delivery: ids of the payloads that were refused. */
  readonly payloadIds?: readonly string[]
}
