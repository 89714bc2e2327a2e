import type { ScriptCall } from './script-calls.ts'

/** The way to the servers, whatever their kind; one connection to each. */
export interface RedisLink {
  /** In a cluster a script reaches the keys of one slot only. */
  readonly cluster: boolean
  /** Rejects with the reason where nobody takes writes there, within the connect time-out. */
  connect(): Promise<void>
  /** Sends all calls at once, in order; for each its answer or its error. */
  run(calls: readonly ScriptCall[]): Promise<readonly unknown[]>
  /** How many replicas have everything that was written, once `replicas` have it or `timeoutMs` is over. */
  replicated(replicas: number, timeoutMs: number): Promise<number>
  close(): Promise<void>
}
