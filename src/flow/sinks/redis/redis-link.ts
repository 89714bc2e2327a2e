import type { ScriptCall } from './script-calls.ts'

/** Replicas that must have what was written, and how long that may take, milliseconds. */
export interface ReplicaWait {
  readonly replicas: number
  readonly timeoutMs: number
}

export interface RunAnswers {
  readonly answers: readonly unknown[]
  /** How many replicas have all of it, or the error instead; null where nobody asked. */
  readonly replicas: unknown
}

/** The way to the servers, whatever their kind; one connection to each. */
export interface RedisLink {
  /** In a cluster a script reaches the keys of one slot only. */
  readonly cluster: boolean
  /** Rejects with the reason where nobody takes writes there, within the connect time-out. */
  connect(): Promise<void>
  /**
   * Sends all calls at once, in order; for each its answer or its error. With `wait` the question for the replicas goes out
   * right behind them, on the same connection: asked on another one it could be another master that answers.
   */
  run(calls: readonly ScriptCall[], wait: ReplicaWait | null): Promise<RunAnswers>
  close(): Promise<void>
}
