import { Family, Spread, Tally } from './cells.ts'
import { COUNTED } from './table.ts'

type Rows = typeof COUNTED

/** The family of each counted row: of tallies for counters, of spreads for histograms. */
export type Counted = {
  readonly [Name in keyof Rows]: Rows[Name]['type'] extends 'counter' ? Family<Tally> : Family<Spread>
}

/** Rules, reasons and names come from configuration and handlers; so many of them are told apart. */
const MAX_NAMED = 200
const NAMED: ReadonlySet<string> = new Set(['rule', 'name', 'kind', 'verdict'])

/** Label values that are known beforehand start at zero, so that the first increase is visible to `rate()`. */
const KNOWN: { readonly [Name in keyof Rows]?: readonly string[] } = {
  tasks: ['started', 'completed', 'failed'],
  rebalances: ['assign', 'revoke'],
  transactions: ['committed', 'aborted'],
  truncated: ['stdout', 'stderr'],
}

/** Fresh families for all rows of the table. */
export function createCounted(): Counted {
  const families = Object.entries(COUNTED).map(([name, row]) => {
    const max = row.labels.some((label) => NAMED.has(label)) ? MAX_NAMED : undefined
    const family =
      row.type === 'counter'
        ? new Family(row.labels, () => new Tally(), max)
        : new Family(row.labels, () => new Spread(row.buckets ?? []), max)
    if (row.labels.length === 0) family.cell()
    for (const value of KNOWN[name as keyof Rows] ?? []) family.cell(value)
    return [name, family]
  })
  return Object.fromEntries(families) as Counted
}

/** The cells of one partition, looked up once. */
export class PartitionCells {
  readonly #counted: Counted
  readonly #topic: string
  readonly #partition: string
  readonly consumed: Tally
  readonly consumedBytes: Tally
  readonly committed: Tally
  readonly delivered: Tally

  constructor(counted: Counted, topic: string, partition: number) {
    this.#counted = counted
    this.#topic = topic
    this.#partition = String(partition)
    this.consumed = counted.consumed.cell(topic, this.#partition)
    this.consumedBytes = counted.consumedBytes.cell(topic, this.#partition)
    this.committed = counted.committed.cell(topic, this.#partition)
    this.delivered = this.ended('delivered')
  }

  ended(end: string): Tally {
    return this.#counted.ended.cell(this.#topic, this.#partition, end)
  }

  /** The cell of a family that is rarely touched. */
  of(family: Family<Tally>): Tally {
    return family.cell(this.#topic, this.#partition)
  }
}

/** Finds the cells of a partition without building a key. */
export class PartitionIndex {
  readonly #counted: Counted
  readonly #topics = new Map<string, PartitionCells[]>()

  constructor(counted: Counted) {
    this.#counted = counted
  }

  at(topic: string, partition: number): PartitionCells {
    let partitions = this.#topics.get(topic)
    if (partitions === undefined) {
      partitions = []
      this.#topics.set(topic, partitions)
    }
    const known = partitions[partition]
    if (known !== undefined) return known
    const cells = new PartitionCells(this.#counted, topic, partition)
    partitions[partition] = cells
    return cells
  }
}
