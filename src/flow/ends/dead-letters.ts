import { type BackoffOptions, backoffMs, type Clock, type Random, sleep, unlessAborted } from '../../lib/index.ts'
import { type Announce, type Assignment, DrakkarError, type End, type Holds, reasonOf } from '../../model/index.ts'
import { type OutgoingRecord, producerErrorCode, type RecordProducer } from '../sinks/index.ts'
import { deadLetterRecord } from './dead-letter-record.ts'
import type { DeadLetter, DeadLetters } from './ends.ts'
import { checkOversizeFolder, writeOversizeLetter } from './oversize-file.ts'

export interface DeadLettersOptions {
  /** Of the dead letters alone: it is connected and closed with them. */
  readonly producer: RecordProducer
  /** The dead-letter topic of a source topic; see `deadLetterTopic`. */
  readonly topicOf: (sourceTopic: string) => string
  /** Source topics by name, whose dead-letter topics must exist at the start. Leave out regular expressions. */
  readonly sourceTopics: readonly string[]
  /** Name of this worker, written into each letter. */
  readonly worker: string
  /** What becomes of a letter that the broker finds too large: a file in `folder`, or its partition is held. */
  readonly oversize: { readonly to: 'file'; readonly folder: string } | { readonly to: 'hold' }
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly holds: Holds
  /** Waits between attempts; default 200 ms to 10 s. */
  readonly backoff?: BackoffOptions
}

/** The configured dead-letter topic, else `<source topic>_dlq`. */
export function deadLetterTopic(sourceTopic: string, configured?: string): string {
  return configured === undefined || configured === '' ? `${sourceTopic}_dlq` : configured
}

/** Dead letters in Kafka topics. A letter is durable when all in-sync replicas of its topic have it. */
export function createDeadLetters(options: DeadLettersOptions): DeadLetters {
  return new KafkaDeadLetters(options)
}

class KafkaDeadLetters implements DeadLetters {
  readonly #options: DeadLettersOptions
  #open = false

  constructor(options: DeadLettersOptions) {
    this.#options = options
  }

  async connect(): Promise<void> {
    const { producer, oversize, sourceTopics, topicOf } = this.#options
    const looping = sourceTopics.find((topic) => sourceTopics.includes(topicOf(topic)))
    if (looping !== undefined) throw loopError(looping, topicOf(looping))
    if (oversize.to === 'file') await checkFolder(oversize.folder)
    await producer.connect()
    this.#open = true
    try {
      const wanted = [...new Set(sourceTopics.map((topic) => topicOf(topic)))]
      const topics = await producer.describe(wanted)
      const missing = wanted.filter((topic) => typeof topics.get(topic) !== 'number')
      if (missing.length > 0) throw missingError(missing)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async bury(letter: DeadLetter, signal: AbortSignal): Promise<End> {
    const { announce, clock, random, holds, worker, topicOf } = this.#options
    const topic = topicOf(letter.message.topic)
    const record = deadLetterRecord(letter, { topic, worker, at: clock.now() })
    const backoff = this.#options.backoff ?? { initialMs: 200, maxMs: 10_000 }
    const hold = new LetterHold(holds, letter.assignment)
    try {
      for (let attempt = 1; ; attempt += 1) {
        signal.throwIfAborted()
        try {
          return await unlessAborted(this.#write(letter, record), signal)
        } catch (error) {
          signal.throwIfAborted()
          const { partition } = letter.assignment
          const reason = reasonOf(error)
          announce({
            type: 'dead_letter_failed',
            at: { topic: letter.assignment.topic, partition },
            error: reason,
            attempt,
          })
          hold.place(holdDetail(letter, topic, error))
          await sleep(clock, backoffMs(attempt, backoff, random), signal)
        }
      }
    } finally {
      hold.release()
    }
  }

  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#options.producer.close()
  }

  async #write(letter: DeadLetter, record: OutgoingRecord): Promise<End> {
    const { producer, oversize } = this.#options
    try {
      const { topic, offset } = await producer.send(record)
      return { kind: 'dead', to: topic, offset }
    } catch (error) {
      if (oversize.to !== 'file' || !isTooLarge(error)) throw error
      return { kind: 'dead', to: await writeOversizeLetter(oversize.folder, letter, record), offset: null }
    }
  }
}

/** The hold of one letter's partition; its detail follows the last error. */
class LetterHold {
  readonly #holds: Holds
  readonly #at: Assignment
  #detail = ''
  #release: (() => void) | null = null

  constructor(holds: Holds, at: Assignment) {
    this.#holds = holds
    this.#at = at
  }

  place(detail: string): void {
    if (this.#release !== null && this.#detail === detail) return
    const before = this.#release
    this.#release = this.#holds.place(this.#at, { reason: 'dead-letter', detail })
    this.#detail = detail
    before?.()
  }

  release(): void {
    this.#release?.()
    this.#release = null
  }
}

function isTooLarge(error: unknown): boolean {
  return producerErrorCode(error) === 'MSG_SIZE_TOO_LARGE'
}

function holdDetail({ message }: DeadLetter, topic: string, error: unknown): string {
  const advice = isTooLarge(error)
    ? `Raise max.message.bytes of ${topic}, or set dlq.oversize to file.`
    : `Check that the topic exists and that the worker may write there.`
  return (
    `the dead letter of ${message.topic}/${message.partition} offset ${message.offset} cannot be written to ${topic}: ` +
    `${reasonOf(error)}. ${advice} It is tried again until it works; nothing after it is committed.`
  )
}

function missingError(topics: readonly string[]): DrakkarError {
  const one = topics.length === 1
  return new DrakkarError(
    'TOPIC_MISSING',
    `the dead-letter topic${one ? '' : 's'} ${topics.join(', ')} ${one ? 'does' : 'do'} not exist`,
    {
      advice: `Create ${one ? 'it' : 'each'} (kafka-topics --create --topic ${topics[0]} --partitions 3), or set dlq.topic. Without it a message that fails would have no place to go.`,
    },
  )
}

function loopError(source: string, topic: string): DrakkarError {
  return new DrakkarError(
    'CONFIG_INVALID',
    `dlq.topic: dead letters of ${source} would go to ${topic}, which is a source topic itself`,
    {
      advice: 'They would be read and fail again for ever. Choose another dead-letter topic.',
    },
  )
}

async function checkFolder(folder: string): Promise<void> {
  try {
    await checkOversizeFolder(folder)
  } catch (error) {
    throw new DrakkarError('SINK_UNAVAILABLE', `dlq.oversize_dir: ${folder} cannot be used: ${reasonOf(error)}`, {
      cause: error,
      advice:
        'Dead letters that are too large for the broker are written there. Choose a folder that the worker can write.',
    })
  }
}
