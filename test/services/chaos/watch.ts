import type { GroupOffsets, Stored, TopicReader } from './reader.ts'
import type { Stage } from './stage.ts'

/** Place of the source message that a dead letter stands for. */
export function letterPlace({ headers }: Stored): { readonly partition: number; readonly offset: number } {
  const header = (name: string): number => Number(headers.findLast(([key]) => key === `drakkar-dl-${name}`)?.[1])
  return { partition: header('partition'), offset: header('offset') }
}

/**
 * Looks at a group while it works. At each `look`: nothing that is committed may lie above a message without an end, and
 * no commit may go back. What a worker commits past an open message and mends later is seen only so.
 */
export class GroupWatch {
  /** Everything that was wrong at some time. */
  readonly violations: string[] = []
  readonly results: Stored[] = []
  readonly letters: Stored[] = []
  readonly #stage: Stage
  readonly #reader: TopicReader
  readonly #offsets: GroupOffsets
  readonly #ended: Set<number>[]
  /** Per partition: everything below has ended. */
  readonly #solid: number[]
  #committed: readonly (number | null)[] = []
  #outputs = 0

  private constructor(stage: Stage, reader: TopicReader, offsets: GroupOffsets) {
    this.#stage = stage
    this.#reader = reader
    this.#offsets = offsets
    this.#ended = Array.from({ length: stage.partitions }, () => new Set<number>())
    this.#solid = this.#ended.map(() => 0)
  }

  static async open(stage: Stage): Promise<GroupWatch> {
    return new GroupWatch(stage, await stage.reader(['out', 'dlq']), await stage.offsets())
  }

  /** Messages that have a result or a dead letter. */
  get done(): number {
    return this.#outputs
  }

  get committed(): readonly (number | null)[] {
    return this.#committed
  }

  async look(): Promise<void> {
    // First the commits, then the topics: what was committed then must have had its end before.
    const committed = await this.#offsets.committed(this.#stage.topics.in, this.#stage.partitions)
    for (const record of await this.#reader.read()) this.#take(record)
    committed.forEach((offset, partition) => this.#check(partition, offset ?? 0))
    this.#committed = committed
  }

  #take(record: Stored): void {
    const isLetter = record.topic === this.#stage.topics.dlq
    ;(isLetter ? this.letters : this.results).push(record)
    const { partition, offset } = isLetter
      ? letterPlace(record)
      : (JSON.parse(String(record.value)) as { partition: number; offset: number })
    const ended = this.#ended[partition]
    if (ended === undefined || ended.has(offset)) return
    ended.add(offset)
    this.#outputs += 1
  }

  #check(partition: number, committed: number): void {
    const before = this.#committed[partition] ?? 0
    if (committed < before)
      this.violations.push(`partition ${partition}: the commit went back from ${before} to ${committed}`)
    const ended = this.#ended[partition] as Set<number>
    let solid = this.#solid[partition] as number
    while (ended.has(solid)) solid += 1
    this.#solid[partition] = solid
    if (committed > solid)
      this.violations.push(`partition ${partition}: ${committed} is committed, but ${solid} has no end`)
  }
}
