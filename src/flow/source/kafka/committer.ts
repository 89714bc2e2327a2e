import { type BackoffOptions, backoffMs, type Clock, type Random, sleep, type Timer } from '../../../lib/index.ts'
import { type Announce, partitionKey, reasonOf, type TopicPartition } from '../../../model/index.ts'
import { type EncodedMetadata, encodeMetadata, SMALLEST_METADATA_BUDGET, type Snapshot } from '../../ledger/index.ts'
import { UNCOMMITTED_MS } from './bounds.ts'
import { type CommitVerdict, commitVerdict } from './commit-verdict.ts'
import type { CommitRequest, KafkaConsumer } from './driver.ts'
import type { Partition } from './partition.ts'
import { within } from './repeat.ts'
import type { Transactor } from './transactions/transactor.ts'

const BACKOFF: BackoffOptions = { initialMs: 100, maxMs: 5000 }
/** Between attempts of a stop while a rebalance goes on. */
const STRANGER_PAUSE_MS = 250
/**
 * Where the group does not know us, either a call about lost partitions is on its way, or a rebalance that leaves us the
 * partition has just begun another generation (usual with cooperative rebalances): committing is tried again after this.
 */
const SUSPEND_MS = 1000

export interface CommitterParts {
  readonly consumer: Pick<KafkaConsumer, 'commit'>
  /** Makes transactions of the commits. Default: none. */
  readonly transactor?: Pick<Transactor, 'begin' | 'word' | 'owes' | 'lacks' | 'commit'>
  readonly partitions: () => Iterable<Partition>
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly every: number
  readonly ageMs: number
  /** The broker acknowledged the owner counter of this assignment. */
  readonly claimed: (partition: Partition) => void
  /** The map of this partition takes this share of the budget. */
  readonly filled: (partition: Partition, fill: number) => void
  readonly failed: (error: unknown) => void
  /** The broker took what a commit says of a partition. */
  readonly taken: () => void
  /** A commit of the partition was taken (0), or none has been for so long, milliseconds. */
  readonly overdue: (partition: Partition, forMs: number) => void
}

interface Entry {
  readonly partition: Partition
  readonly snapshot: Snapshot
  readonly request: CommitRequest
}

/**
 * Makes durable what was ended. One commit is under way at a time; what ends meanwhile goes with the next. Only the
 * broker's own answer counts as done. The first commit of an assignment is its claim: the owner counter, at the offset
 * where it begins. What fails is repeated, with waits, as long as the assignment lives.
 */
export class Committer {
  readonly #parts: CommitterParts
  #flight: Promise<void> | null = null
  #flightBegan = 0
  #timer: Timer | null = null
  #due = Number.POSITIVE_INFINITY
  #ends = 0
  #failures = 0
  #stopped = false

  constructor(parts: CommitterParts) {
    this.#parts = parts
  }

  /** For how long the commit that is under way has had no answer, milliseconds; 0 where none is. */
  get awaitsMs(): number {
    return this.#flight === null ? 0 : this.#parts.clock.monotonic() - this.#flightBegan
  }

  /** So many messages ended: a commit goes out when there are enough, or when the first is old enough. */
  ended(count: number): void {
    this.#ends += count
    if (this.#ends >= this.#parts.every) this.commitSoon()
    else this.#wakeIn(this.#parts.ageMs)
  }

  /** Commits now, or right after the commit that is under way, or when the wait after a failure is over. */
  commitSoon(): void {
    this.#ends = Math.max(this.#ends, this.#parts.every)
    if (this.#failures === 0) this.#start(new Set())
    // After a failure there is a timer, unless what had failed is gone and there was nothing to try again.
    else if (this.#flight === null) this.#reschedule()
  }

  /**
   * The brokers forbade something: commits are sent for all partitions, as often as it takes, until they are taken again.
   * Nothing else would tell of it where no messages come.
   */
  doubt(): void {
    for (const partition of this.#parts.partitions()) partition.doubted = true
    this.commitSoon()
  }

  /**
   * Commits until nothing of these is left to commit, or the deadline (monotonic) is there. True where all that was
   * ended is acknowledged. An assignment that has not been claimed has nothing to commit.
   *
   * `stranger` says what to do where the group knows us in another generation: within a rebalance that waits for this
   * flush that cannot change (`give up`, after one refusal each); at a stop the client goes on joining, and the rebalance
   * that has just begun lets us in again (`wait`).
   */
  async flush(partitions: readonly Partition[], deadline: number, stranger: 'give up' | 'wait'): Promise<boolean> {
    const { clock, random } = this.#parts
    const refused = new Set<Partition>()
    for (;;) {
      const left = partitions.filter((partition) => partition.alive && partition.claimed && this.#isDirty(partition))
      if (left.length === 0) return !partitions.some((partition) => this.#parts.transactor?.lacks(partition))
      const now = clock.monotonic()
      if (now >= deadline || left.every((partition) => refused.has(partition))) return false
      if (this.#failures > 0) {
        await sleep(clock, Math.min(backoffMs(this.#failures, BACKOFF, random), deadline - now))
      }
      const mine = this.#flight === null
      if (mine) this.#start(new Set(left))
      if (this.#flight === null) return false
      await within(clock, deadline - clock.monotonic(), this.#flight)
      if (!mine) continue
      const unknown = left.filter((one) => one.suspendedUntil > clock.monotonic())
      if (stranger === 'give up') for (const one of unknown) refused.add(one)
      else if (unknown.length > 0) await sleep(clock, Math.min(STRANGER_PAUSE_MS, deadline - clock.monotonic()))
    }
  }

  /** No commit is sent any more. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #wakeIn(ms: number): void {
    const { clock } = this.#parts
    const due = clock.monotonic() + ms
    if (this.#stopped || due >= this.#due) return
    this.#timer?.cancel()
    this.#due = due
    this.#timer = clock.timer(ms, () => {
      this.#due = Number.POSITIVE_INFINITY
      this.#start(new Set())
    })
  }

  #start(forced: ReadonlySet<Partition>): void {
    if (this.#stopped || this.#flight !== null) return
    this.#timer?.cancel()
    this.#due = Number.POSITIVE_INFINITY
    this.#ends = 0
    const entries = this.#collect(forced)
    if (entries.length === 0) {
      this.#reschedule()
      return
    }
    this.#flightBegan = this.#parts.clock.monotonic()
    this.#flight = this.#send(entries).then(
      () => this.#landed(),
      (error: unknown) => {
        this.#failures += 1
        this.#parts.failed(error)
        this.#landed()
      },
    )
  }

  #landed(): void {
    this.#flight = null
    this.#reschedule()
  }

  /** Something may be left: failed, ended meanwhile, claimed meanwhile, or suspended. */
  #reschedule(): void {
    const { clock, random, every, ageMs } = this.#parts
    const now = clock.monotonic()
    let wait = Number.POSITIVE_INFINITY
    for (const partition of this.#parts.partitions()) {
      if (!partition.alive || !partition.resolved || !this.#isWanted(partition)) continue
      if (partition.suspendedUntil > now) wait = Math.min(wait, partition.suspendedUntil - now)
      else wait = Math.min(wait, partition.claimed && this.#ends < every ? ageMs : 0)
    }
    if (wait === Number.POSITIVE_INFINITY) return
    this.#wakeIn(this.#failures > 0 ? Math.max(wait, backoffMs(this.#failures, BACKOFF, random)) : wait)
  }

  /** Something has ended that no acknowledged commit says and the next one can. */
  #isDirty(partition: Partition): boolean {
    return partition.ledger.dirty || this.#parts.transactor?.owes(partition) === true
  }

  #isWanted(partition: Partition): boolean {
    return partition.doubted || this.#isDirty(partition)
  }

  /** Offset and metadata of each request come from one snapshot. */
  #collect(forced: ReadonlySet<Partition>): Entry[] {
    const { clock, filled, transactor } = this.#parts
    const now = clock.monotonic()
    const entries: Entry[] = []
    transactor?.begin()
    for (const partition of this.#parts.partitions()) {
      if (!partition.alive || !partition.resolved || !this.#isWanted(partition)) continue
      if (partition.suspendedUntil > now && !forced.has(partition)) continue
      const snapshot = partition.ledger.snapshot()
      const { offset, metadata, fill } = transactor?.word(partition, snapshot) ?? plainWord(partition, snapshot)
      filled(partition, fill)
      const leaderEpoch = partition.leaderEpochs.below(offset)
      const request = { ...partition.at, offset, metadata, ...(leaderEpoch === undefined ? {} : { leaderEpoch }) }
      entries.push({ partition, snapshot: { ...snapshot, offset }, request })
    }
    return entries
  }

  async #send(entries: readonly Entry[]): Promise<void> {
    const { consumer, clock, failed, overdue, transactor } = this.#parts
    const begun = clock.monotonic()
    const late = clock.timer(UNCOMMITTED_MS, () => {
      for (const { partition } of entries) overdue(partition, UNCOMMITTED_MS)
    })
    let answers
    try {
      answers = await (transactor?.commit(entries) ?? consumer.commit(entries.map((entry) => entry.request)))
    } catch (error) {
      this.#failures += 1
      this.#refuse(entries, reasonOf(error), begun)
      failed(error)
      return
    } finally {
      late.cancel()
    }
    const durationMs = clock.monotonic() - begun
    const byKey = new Map(answers.map((answer) => [partitionKey(answer), answer]))
    const refused = new Map<string, Entry[]>()
    let again = false
    for (const entry of entries) {
      const answer = byKey.get(partitionKey(entry.request))
      const verdict = commitVerdict(entry.request, answer)
      if (verdict === 'again') again = true
      if (this.#apply(entry, verdict, durationMs)) continue
      const error = answer?.error ?? null
      if (error?.fatal) failed(error)
      const reason = error?.message ?? 'the broker gave no answer for this offset'
      refused.set(reason, [...(refused.get(reason) ?? []), entry])
    }
    this.#failures = again ? this.#failures + 1 : 0
    for (const [reason, some] of refused) this.#refuse(some, reason, begun)
  }

  /** False where the commit was not taken. */
  #apply(entry: Entry, verdict: CommitVerdict, durationMs: number): boolean {
    const { partition, snapshot, request } = entry
    const { clock, announce, claimed, overdue, taken } = this.#parts
    if (verdict === 'stranger') partition.suspendedUntil = clock.monotonic() + SUSPEND_MS
    if (verdict === 'too-long') {
      partition.metadataBudget = Math.max(SMALLEST_METADATA_BUDGET, Math.floor(partition.metadataBudget / 2))
    }
    if (verdict !== 'done') return false
    partition.ledger.acknowledged(snapshot)
    partition.suspendedUntil = 0
    partition.doubted = false
    partition.commitFailure = null
    overdue(partition, 0)
    taken()
    announce({
      type: 'committed',
      at: partition.at,
      offset: request.offset,
      metadataBytes: request.metadata.length,
      durationMs,
    })
    if (partition.alive && !partition.claimed) {
      partition.claimed = true
      claimed(partition)
    }
    return true
  }

  #refuse(entries: readonly Entry[], error: string, begun: number): void {
    const at: TopicPartition[] = entries.map((entry) => entry.partition.at)
    for (const { partition } of entries) {
      const since = partition.commitFailure?.since ?? begun
      partition.commitFailure = { error, since }
      this.#parts.overdue(partition, this.#parts.clock.monotonic() - since)
    }
    const willRetry = entries.some((entry) => entry.partition.alive)
    this.#parts.announce({ type: 'commit_failed', at, error, willRetry })
  }
}

/** What the snapshot says, as far as it fits. */
function plainWord(partition: Partition, snapshot: Snapshot): EncodedMetadata & { readonly offset: number } {
  const { at, assignment, metadataBudget } = partition
  return { ...encodeMetadata(at, assignment.owner, snapshot, metadataBudget), offset: snapshot.offset }
}
