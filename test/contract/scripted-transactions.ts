import {
  type CommitRequest,
  DriverError,
  type KafkaConsumer,
  type ProducerRecord,
  type TransactionalProducer,
} from '../../src/flow/source/index.ts'

/** What a call about a transaction is answered with. */
export function transactionError(how: 'retriable' | 'abortable' | 'fatal', errno = -195): DriverError {
  return new DriverError(`scripted: ${how}`, { code: `ERR_${errno}`, errno, [how]: true })
}

/** What the group and the topics hold, whichever producer wrote it. */
export class ScriptedCluster {
  /** Values of visible records, in order. */
  readonly visible: string[] = []
  /** Offset and metadata by `topic:partition`. */
  readonly committed: Map<string, CommitRequest> = new Map()
  /** Names of calls, in order. */
  readonly calls: string[] = []
  readonly producers: ScriptedTransactions[] = []
  /** Commits that the consumer made without a transaction. */
  plain = 0
  /** Called before each call takes place; an error it returns is the answer. */
  script: (call: string, records: readonly ProducerRecord[]) => Error | null | undefined = () => null
  /** For each record of a transaction, why the broker does not take it. */
  refuse: (record: ProducerRecord) => Error | null = () => null

  readonly consumer: KafkaConsumer = {
    commit: async (requests: readonly CommitRequest[]) => {
      this.plain += 1
      this.#keep(requests)
      return requests.map(({ topic, partition, offset }) => ({ topic, partition, offset, error: null }))
    },
    committed: async (partitions: readonly { topic: string; partition: number }[]) => {
      this.calls.push('committed')
      return partitions.map(({ topic, partition }) => {
        const held = this.committed.get(`${topic}:${partition}`)
        return { topic, partition, offset: held?.offset ?? null, metadata: held?.metadata ?? '' }
      })
    },
  } as unknown as KafkaConsumer

  make(): ScriptedTransactions {
    const made = new ScriptedTransactions(this)
    this.producers.push(made)
    return made
  }

  call(name: string, records: readonly ProducerRecord[] = []): void {
    this.calls.push(name)
    const error = this.script(name, records)
    if (error) throw error
  }

  take(records: readonly ProducerRecord[], requests: readonly CommitRequest[]): void {
    for (const { value } of records) this.visible.push(String(value))
    this.#keep(requests)
  }

  #keep(requests: readonly CommitRequest[]): void {
    for (const request of requests) this.committed.set(`${request.topic}:${request.partition}`, request)
  }
}

/** Transactions in memory that fail where a test says so. */
export class ScriptedTransactions implements TransactionalProducer {
  readonly #cluster: ScriptedCluster
  #records: ProducerRecord[] = []
  #offsets: readonly CommitRequest[] = []
  open = false
  closed = false

  constructor(cluster: ScriptedCluster) {
    this.#cluster = cluster
  }

  async connect(): Promise<void> {
    this.#cluster.call('connect')
  }

  async begin(): Promise<void> {
    this.#cluster.call('begin')
    if (this.open) throw transactionError('fatal')
    this.open = true
    this.#records = []
    this.#offsets = []
  }

  async sendAll(records: readonly ProducerRecord[]): Promise<readonly (Error | null)[]> {
    this.#records.push(...records)
    return records.map((record) => this.#cluster.refuse(record))
  }

  async sendOffsets(requests: readonly CommitRequest[]): Promise<void> {
    this.#cluster.call('offsets', this.#records)
    this.#offsets = requests
  }

  /** The broker does what it was asked for, and the answer is lost. */
  takeEffect(): void {
    this.#cluster.take(this.#records, this.#offsets)
    this.open = false
  }

  async commit(): Promise<void> {
    this.#cluster.call('commit', this.#records)
    this.takeEffect()
  }

  async abort(): Promise<void> {
    this.#cluster.call('abort')
    this.open = false
  }

  async describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    return new Map(topics.map((topic) => [topic, 2]))
  }

  async close(): Promise<void> {
    this.closed = true
  }
}
