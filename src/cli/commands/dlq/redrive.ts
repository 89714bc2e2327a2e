import { rename } from 'node:fs/promises'
import { basename } from 'node:path'
import { writeLetterFile } from '../../../flow/ends/index.ts'
import type { OutgoingRecord } from '../../../flow/sinks/index.ts'
import { type Clock, sleep } from '../../../lib/index.ts'
import { type RawMessage, reasonOf } from '../../../model/index.ts'
import type { LetterFilter } from './filter.ts'
import { type Letter, placeText, readLetter, type StoredLetter } from './letter.ts'
import { planRedrive } from './redrive-record.ts'
import type { Histogram } from './stats.ts'
import { storedRecord, type TopicReader } from './topic-reader.ts'

/** Letters that may be acknowledged and not yet committed: what a crash can send twice. */
export const BATCH = 100

export interface RedriveOptions {
  readonly filter: LetterFilter
  /** Another topic than the messages' own. */
  readonly to?: string
  readonly maxRedrives: number
  /** Letters a second. Default: as fast as they are acknowledged. */
  readonly rate?: number
  /** Most letters to put back. */
  readonly limit: number
  /** Resolves when the letter is durable where it goes. */
  readonly send: (record: OutgoingRecord, letter: Letter) => Promise<unknown>
  /** Only counts: nothing is sent, nothing committed. */
  readonly dryRun: boolean
  readonly histogram: Histogram
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** What a redrive did; it counts while it goes on. */
export interface RedriveTally {
  sent: number
  /** The filter does not want them. */
  passedOver: number
  /** They were put back too often. */
  looping: number
  /** Nobody knows where they came from. */
  noSource: number
  /** They were sent, and nothing says so where they are: the next redrive sends them again. */
  unmarked: number
  /** Why it ended before the end. */
  failure?: string
}

/** Puts letters back. What is done of a batch is remembered only after the broker has acknowledged all before it. */
export class Redrive {
  readonly tally: RedriveTally = { sent: 0, passedOver: 0, looping: 0, noSource: 0, unmarked: 0 }
  readonly #options: RedriveOptions
  readonly #begin: number
  #started = 0

  constructor(options: RedriveOptions) {
    this.#options = options
    this.#begin = options.clock.monotonic()
  }

  /** Letters of a topic, in batches; the group of the reader remembers how far it is. */
  async fromTopic(reader: TopicReader): Promise<RedriveTally> {
    const { signal, dryRun, rate } = this.#options
    // A batch must not take longer than the group waits for its member.
    const batch = rate === undefined ? BATCH : Math.max(1, Math.min(BATCH, Math.floor(rate * 10)))
    while (!this.#over) {
      const records = await reader.next(batch, signal).catch((error: unknown) => {
        this.tally.failure ??= reasonOf(error)
        return null
      })
      if (records === null) break
      await reader.working(async () => {
        const done = await this.#batch(records)
        if (dryRun) return
        await reader.commit(done).catch((error: unknown) => {
          this.tally.failure ??= `the group cannot remember what is done: ${reasonOf(error)}`
        })
      })
    }
    return this.tally
  }

  /** Letters of a folder, one after the other; a letter that is back has `.done` at the end of its name. */
  async fromFolder(letters: AsyncIterable<StoredLetter>): Promise<RedriveTally> {
    for await (const stored of letters) {
      if (this.#over) break
      await this.#pace()
      const handled = await this.#one(readLetter(stored))
      if (handled === 'sent' && stored.place.kind === 'file' && !this.#options.dryRun)
        await this.#mark(stored.place.path)
    }
    return this.tally
  }

  /** Where one file cannot be renamed the next one rarely can: to go on would send all of them twice. */
  async #mark(path: string): Promise<void> {
    try {
      await rename(path, `${path}.done`)
    } catch (error) {
      this.tally.unmarked += 1
      this.tally.failure ??= `${path} went back, but its file could not be named ${basename(path)}.done: ${reasonOf(error)}. Give it that name, or the next redrive sends it again.`
    }
  }

  get #over(): boolean {
    const { limit, signal } = this.#options
    return this.tally.failure !== undefined || signal.aborted || this.#started >= limit
  }

  /** Answers for each partition the first offset that is not done. */
  async #batch(records: readonly RawMessage[]): Promise<ReadonlyMap<number, number>> {
    const outcomes: Promise<boolean>[] = []
    for (const record of records) {
      if (this.#over) break
      await this.#pace()
      outcomes.push(this.#one(readLetter(storedRecord(record))).then((handled) => handled !== 'failed'))
    }
    const settled = await Promise.all(outcomes)
    const done = new Map<number, number>()
    const stopped = new Set<number>()
    records.forEach(({ partition, offset }, index) => {
      if (settled[index] !== true) stopped.add(partition)
      if (!stopped.has(partition)) done.set(partition, offset + 1)
    })
    return done
  }

  async #one(letter: Letter): Promise<'sent' | 'left' | 'failed'> {
    const { filter, to, maxRedrives, send, dryRun, histogram } = this.#options
    if (!filter(letter)) {
      this.tally.passedOver += 1
      return 'left'
    }
    const plan = planRedrive(letter, to, maxRedrives)
    if (plan.kind === 'leave') {
      if (plan.why === 'looping') this.tally.looping += 1
      else this.tally.noSource += 1
      return 'left'
    }
    this.#started += 1
    try {
      if (!dryRun) await send(plan.record, letter)
      this.tally.sent += 1
      histogram.add(letter)
      return 'sent'
    } catch (error) {
      this.tally.failure ??= `letter ${placeText(letter.stored.place)}: ${reasonOf(error)}`
      return 'failed'
    }
  }

  /** Waits until the rate allows one letter more. */
  async #pace(): Promise<void> {
    const { rate, clock, signal, dryRun } = this.#options
    if (rate === undefined || dryRun) return
    const early = this.#begin + (this.#started / rate) * 1000 - clock.monotonic()
    if (early > 1) await sleep(clock, early, signal)
  }
}

/** Sends a letter into a folder: whole, as the files of workers without a topic. */
export function intoFolder(folder: string): RedriveOptions['send'] {
  return async (_, letter) => {
    const { stored, source, facts } = letter
    const { topic, partition, offset } =
      source ?? (stored.place.kind === 'topic' ? stored.place : { topic: 'unknown', partition: 0, offset: 0 })
    const sent = Number(facts.get('timestamp')?.toString('latin1') ?? Number.NaN)
    const message = {
      topic,
      partition,
      offset,
      timestamp: Number.isSafeInteger(sent) ? sent : null,
      key: null,
      value: null,
      headers: [],
    }
    const letterOf = { assignment: { topic, partition, epoch: 0, owner: 0 }, message, deaths: [] }
    await writeLetterFile(folder, letterOf, {
      topic: '',
      key: stored.key,
      value: stored.value,
      headers: stored.headers,
    })
  }
}
