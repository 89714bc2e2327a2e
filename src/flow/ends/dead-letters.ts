import { DrakkarError, type End, partitionKey, reasonOf } from '../../model/index.ts'
import { type OutgoingRecord, producerErrorCode, type RecordProducer, type Staging } from '../sinks/index.ts'
import { deadLetterRecord } from './dead-letter-record.ts'
import type { DeadLetter, DeadLetters } from './ends.ts'
import { folderError } from './file-letters.ts'
import { checkLetterFolder, writeLetterFile } from './letter-file.ts'
import { type PersistenceParts, writeUntilDone } from './persistent.ts'

export interface DeadLettersOptions extends PersistenceParts {
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
}

/** The configured dead-letter topic, else `<source topic>_dlq`. */
export function deadLetterTopic(sourceTopic: string, configured?: string): string {
  return configured === undefined || configured === '' ? `${sourceTopic}_dlq` : configured
}

/** Dead letters in Kafka topics. A letter is durable when all in-sync replicas of its topic have it. */
export function createDeadLetters(options: DeadLettersOptions): DeadLetters {
  const { producer } = options
  return new KafkaDeadLetters(options, async (record) => {
    const { topic, offset } = await producer.send(record)
    return { kind: 'dead', to: topic, offset }
  })
}

export interface TransactionalDeadLettersOptions extends Omit<DeadLettersOptions, 'producer'> {
  readonly staging: Staging
}

/**
 * Dead letters in the transactions of the source's commits: a letter is there when its message's end is durable, and
 * never twice. Where it is in its topic is known only then, so the receipt names no offset.
 */
export function createTransactionalDeadLetters({ staging, ...options }: TransactionalDeadLettersOptions): DeadLetters {
  return new KafkaDeadLetters({ ...options, producer: staging }, async (record, letter, elsewhere) => {
    const { assignment, message } = letter
    const id = `${partitionKey(message)}:${message.offset}/dlq`
    const staged = { id, token: record, assignment, offsets: [message.offset], record }
    const [error] = await staging.stage([elsewhere === undefined ? staged : { ...staged, elsewhere }])
    if (error) throw error
    return { kind: 'dead', to: record.topic, offset: null }
  })
}

/** Writes a letter. `elsewhere` takes it where its topic refuses it for its size. */
type WriteLetter = (
  record: OutgoingRecord,
  letter: DeadLetter,
  elsewhere: ((error: Error) => Promise<string>) | undefined,
) => Promise<End>

type KafkaLettersOptions = Omit<DeadLettersOptions, 'producer'> & {
  readonly producer: Pick<RecordProducer, 'connect' | 'describe' | 'close'>
}

class KafkaDeadLetters implements DeadLetters {
  readonly #options: KafkaLettersOptions
  readonly #send: WriteLetter
  #open = false

  constructor(options: KafkaLettersOptions, send: WriteLetter) {
    this.#options = options
    this.#send = send
  }

  async connect(): Promise<void> {
    const { producer, oversize, sourceTopics, topicOf } = this.#options
    const looping = sourceTopics.find((topic) => sourceTopics.includes(topicOf(topic)))
    if (looping !== undefined) throw loopError(looping, topicOf(looping))
    if (oversize.to === 'file')
      await checkLetterFolder(oversize.folder).catch((error: unknown) => {
        throw folderError('dlq.oversize_dir', oversize.folder, error)
      })
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

  bury(letter: DeadLetter, signal: AbortSignal): Promise<End> {
    const { clock, worker, topicOf } = this.#options
    const topic = topicOf(letter.message.topic)
    const record = deadLetterRecord(letter, { topic, worker, at: clock.now() })
    const write = (): Promise<End> => this.#write(letter, record)
    return writeUntilDone(this.#options, letter, signal, write, (error) => holdDetail(letter, topic, error))
  }

  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#options.producer.close()
  }

  async #write(letter: DeadLetter, record: OutgoingRecord): Promise<End> {
    const { oversize } = this.#options
    const toFile = (folder: string): Promise<string> => writeLetterFile(folder, letter, record)
    const elsewhere =
      oversize.to === 'file'
        ? (error: Error) => (isTooLarge(error) ? toFile(oversize.folder) : Promise.reject(error))
        : undefined
    try {
      return await this.#send(record, letter, elsewhere)
    } catch (error) {
      if (oversize.to !== 'file' || !isTooLarge(error)) throw error
      return { kind: 'dead', to: await toFile(oversize.folder), offset: null }
    }
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
    `the dead-letter topic${one ? '' : 's'} ${topics.join(', ')} ${one ? 'does' : 'do'} not exist, or ACLs hide ${one ? 'it' : 'them'} from this user`,
    {
      advice: `Create ${one ? 'it' : 'each'} (kafka-topics --create --topic ${topics[0]} --partitions 3), let the user write there, or set dlq.topic. Without it a message that fails would have no place to go.`,
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
