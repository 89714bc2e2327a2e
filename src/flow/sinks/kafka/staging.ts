import type { Assignment } from '../../../model/index.ts'
import type { OutgoingRecord, RecordProducer } from '../record-producer.ts'

/** A record that waits for the transaction of its messages' ends. */
export interface StagedRecord {
  /** The same after every replay. */
  readonly id: string
  /** Staged again with the same object it takes the place of the first. */
  readonly token: object
  readonly assignment: Assignment
  /** All messages that end together with it. */
  readonly offsets: readonly number[]
  readonly record: OutgoingRecord
  /** Puts it elsewhere where the broker refuses it for good; answers where. Default: its partition is held. */
  readonly elsewhere?: (error: Error) => Promise<string>
}

/** Where records wait for the transaction that makes them visible. Shared: each user connects and closes it once. */
export interface Staging extends Pick<RecordProducer, 'connect' | 'describe' | 'close'> {
  /** To be called before the end of their messages is told. For each null, or why it can never be sent. */
  stage(records: readonly StagedRecord[]): Promise<readonly (Error | null)[]>
  /** The message dies: what was staged with it must never become visible. */
  discard(assignment: Assignment, offset: number): void
}
