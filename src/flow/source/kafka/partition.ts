import {
  type Assignment,
  messageBytes,
  type PauseReason,
  type RawMessage,
  type TopicPartition,
} from '../../../model/index.ts'
import type { Ledger } from '../../ledger/index.ts'
import { LeaderEpochs } from './leader-epochs.ts'

/** One assignment while it is owned. Its parts act on it from outside; it only keeps what they must agree on. */
export class Partition {
  readonly assignment: Assignment
  readonly ledger: Ledger
  readonly at: TopicPartition
  readonly leaderEpochs: LeaderEpochs = new LeaderEpochs()
  /** Why the intake is paused. */
  readonly reasons: Set<PauseReason> = new Set()
  readonly #gone = new AbortController()
  /** The start is a number. Until then nothing is committed and nothing handed on. */
  resolved: boolean
  /** The broker acknowledged the owner counter. Until then nothing is handed on. */
  claimed = false
  /** Being given up: what still arrives is dropped. */
  draining = false
  /** The client took the partition on, so that pausing works. */
  attached = false
  /** What the client was told last. */
  shut = false
  /** A poll with this number or a smaller one may bring records of an earlier assignment. */
  staleUntil = 0
  /** The log does not hold the next offset, and somebody sees to it. */
  gap = false
  /** The broker called our commit a stranger's; no other is sent before this time (monotonic). */
  suspendedUntil = 0
  /** Why the last commit was not taken, and since when (monotonic) none has been; null where they are. */
  commitFailure: { readonly error: string; readonly since: number } | null = null
  /** When records came last (monotonic); null before the first. */
  fetchedAt: number | null = null
  /** The offset after the log's last record, as far as the client has told; null before. */
  logEnd: number | null = null
  /** Nobody knows whether commits of it are taken: one is sent also where there is nothing new to say. */
  doubted = false
  /** Characters of metadata that the broker takes. */
  metadataBudget: number
  /** Records of the poll at hand. */
  batch: RawMessage[] = []
  /** Records that came before the claim was acknowledged, or while the intake was paused. */
  waiting: RawMessage[] = []
  /** Of them. */
  waitingBytes = 0

  constructor(of: { assignment: Assignment; ledger: Ledger; resolved: boolean; metadataBudget: number }) {
    this.assignment = of.assignment
    this.at = { topic: of.assignment.topic, partition: of.assignment.partition }
    this.ledger = of.ledger
    this.resolved = of.resolved
    this.metadataBudget = of.metadataBudget
  }

  get alive(): boolean {
    return !this.#gone.signal.aborted
  }

  /** Aborts when the assignment ends. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** One above the last record that came. */
  get afterLast(): number {
    const last = this.waiting.at(-1)
    return last === undefined ? this.ledger.next : last.offset + 1
  }

  keep(records: readonly RawMessage[]): void {
    for (const record of records) {
      this.waiting.push(record)
      this.waitingBytes += messageBytes(record)
    }
  }

  /** What waited; nothing does from now on. */
  takeWaiting(): RawMessage[] {
    const records = this.waiting
    this.waiting = []
    this.waitingBytes = 0
    return records
  }

  /** The assignment ends: nothing is committed, handed on or accepted for it any more. */
  end(): void {
    this.#gone.abort()
    this.takeWaiting()
  }
}
