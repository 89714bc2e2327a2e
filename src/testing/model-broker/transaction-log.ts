import type { CommitRequest, ProducerRecord } from '../../flow/source/index.ts'
import type { Clock, Timer } from '../../lib/index.ts'
import { partitionKey, type TopicPartition } from '../../model/index.ts'
import { driverError } from './errors.ts'

/** A transaction of which nothing is heard is aborted after this, milliseconds. */
const TIMEOUT_MS = 8_000

/** Who sends offsets, as the group knows it. */
export interface Signature {
  readonly group: string
  readonly member: string
  readonly generation: number
  readonly request: number
}

/** What becomes visible when a transaction is committed. */
export interface Transaction {
  readonly client: string
  readonly records: ProducerRecord[]
  readonly offsets: { readonly at: CommitRequest; readonly by: Signature }[]
}

interface Id {
  epoch: number
  open: Transaction | null
  timer: Timer | null
  /** How the last one of this epoch ended; a client that never heard may ask again. */
  last: 'committed' | 'aborted' | null
}

/** The broker's side of transactions: one for each transactional id, and what is not decided yet. */
export class TransactionLog {
  readonly #clock: Clock
  readonly #apply: (transaction: Transaction) => void
  readonly #ids = new Map<string, Id>()

  constructor(clock: Clock, apply: (transaction: Transaction) => void) {
    this.#clock = clock
    this.#apply = apply
  }

  /** A producer takes the id: it gets the next epoch, and what is open of a former one is aborted. */
  init(id: string): number {
    const known = this.#ids.get(id) ?? { epoch: 0, open: null, timer: null, last: null }
    this.#ids.set(id, known)
    this.#end(known, 'aborted')
    known.epoch += 1
    known.last = null
    return known.epoch
  }

  /** The open transaction of this producer, begun where there is none. */
  open(id: string, epoch: number, client: string): Transaction {
    const known = this.#current(id, epoch)
    known.open ??= { client, records: [], offsets: [] }
    known.timer ??= this.#clock.timer(TIMEOUT_MS, () => {
      this.#end(known, 'aborted')
      known.epoch += 1
    })
    return known.open
  }

  end(id: string, epoch: number, how: 'committed' | 'aborted'): void {
    const known = this.#current(id, epoch)
    if (known.open === null && known.last === how) return
    if (known.open === null && how === 'committed') throw driverError('ERR__STATE', 'no transaction is open', true)
    this.#end(known, how)
  }

  /** The client begins anew: answers to questions about the one before are over. */
  begin(id: string, epoch: number): void {
    this.#current(id, epoch).last = null
  }

  /** Offsets of this partition are in a transaction that nobody has ended. */
  isUndecided(group: string, at: TopicPartition): boolean {
    const key = partitionKey(at)
    return [...this.#ids.values()].some(({ open }) =>
      open?.offsets.some((each) => each.by.group === group && partitionKey(each.at) === key),
    )
  }

  #current(id: string, epoch: number): Id {
    const known = this.#ids.get(id)
    if (known?.epoch !== epoch) throw driverError('ERR__FENCED', `${id} was taken by a newer producer`, true)
    return known
  }

  #end(known: Id, how: 'committed' | 'aborted'): void {
    known.timer?.cancel()
    known.timer = null
    const { open } = known
    known.open = null
    known.last = how
    if (open !== null && how === 'committed') this.#apply(open)
  }
}
