import { DriverError, type KafkaProducer } from '../../../flow/source/index.ts'
import { type Clock, sleep } from '../../../lib/index.ts'
import { reasonOf } from '../../../model/index.ts'
import { byteLines } from './byte-lines.ts'
import { type LineRules, lineRecord } from './line-record.ts'
import { Room } from './room.ts'

const MAX_UNDER_WAY = { records: 10_000, bytes: 32 * 1024 * 1024 }

/** Refusals that are about the record alone: the next one may well be taken. */
const ABOUT_THE_RECORD: ReadonlySet<string> = new Set([
  'ERR_MSG_SIZE_TOO_LARGE',
  'ERR_INVALID_MSG',
  'ERR_INVALID_RECORD',
])

/** What a run did; it counts while it goes on. */
export interface Tally {
  /** Records that the broker acknowledged. */
  acknowledged: number
  /** Lines that were not sent, or that the broker refused for what they are. */
  bad: number
  /** Sent, and not acknowledged: whether the broker has them is not known. */
  unknown: number
  blank: number
  readBytes: number
  /** Why the run ended before its input did. */
  failure?: string
}

export interface SendOptions {
  readonly topic: string
  readonly rules: LineRules
  /** Records per second. Default: as fast as they are acknowledged. */
  readonly rate?: number
  /** Longest line, bytes. */
  readonly maxLineBytes: number
  readonly clock: Clock
  /** Ends the reading; what was sent is waited for. */
  readonly signal: AbortSignal
  /** Told of each line that is not sent. */
  readonly onBad: (line: number, reason: string) => void
}

/**
 * Sends lines until the input ends, `signal` aborts or the broker fails, then waits for every answer. What is read waits
 * for what is acknowledged, so that any input passes through bounded memory.
 */
export class LineSender {
  readonly tally: Tally = { acknowledged: 0, bad: 0, unknown: 0, blank: 0, readBytes: 0 }
  readonly #producer: Pick<KafkaProducer, 'send'>
  readonly #options: SendOptions
  readonly #room = new Room(MAX_UNDER_WAY.records, MAX_UNDER_WAY.bytes)
  #sent = 0

  constructor(producer: Pick<KafkaProducer, 'send'>, options: SendOptions) {
    this.#producer = producer
    this.#options = options
  }

  async run(input: AsyncIterable<Buffer | string>): Promise<Tally> {
    const { clock, maxLineBytes, rules } = this.#options
    const begin = clock.monotonic()
    for await (const { number, bytes, readBytes } of byteLines(input, maxLineBytes)) {
      if (this.#ended) break
      this.tally.readBytes = readBytes
      const made = bytes === null ? tooLong(maxLineBytes) : lineRecord(bytes, rules)
      if (made.kind === 'blank') this.tally.blank += 1
      else if (made.kind === 'bad') this.#bad(number, made.reason)
      else {
        await this.#pace(begin)
        await this.#room.enter(made.value.length)
        // The wait may have been long: what came in it decides.
        if (this.#ended) {
          this.#room.leave(made.value.length)
          break
        }
        this.#send(number, made)
      }
    }
    await this.#room.empty()
    return this.tally
  }

  get #ended(): boolean {
    return this.tally.failure !== undefined || this.#options.signal.aborted
  }

  /** Waits until the rate allows one record more. */
  async #pace(begin: number): Promise<void> {
    const { rate, clock, signal } = this.#options
    if (rate === undefined) return
    const early = begin + (this.#sent / rate) * 1000 - clock.monotonic()
    if (early > 1) await sleep(clock, early, signal)
  }

  #send(number: number, record: { readonly key: Buffer | null; readonly value: Buffer }): void {
    this.#sent += 1
    this.#producer
      .send({ topic: this.#options.topic, key: record.key, value: record.value, headers: [] })
      .then(
        () => {
          this.tally.acknowledged += 1
        },
        (error: unknown) => this.#refused(number, error),
      )
      .finally(() => this.#room.leave(record.value.length))
  }

  #refused(number: number, error: unknown): void {
    if (error instanceof DriverError && ABOUT_THE_RECORD.has(error.code)) {
      this.#bad(number, `it was refused: ${error.message}`)
      return
    }
    this.tally.unknown += 1
    this.tally.failure ??= `line ${number}: ${reasonOf(error)}`
  }

  #bad(line: number, reason: string): void {
    this.tally.bad += 1
    this.#options.onBad(line, reason)
  }
}

function tooLong(bytes: number): { readonly kind: 'bad'; readonly reason: string } {
  return { kind: 'bad', reason: `it is longer than ${bytes} bytes (sources.kafka.max_message_bytes)` }
}
