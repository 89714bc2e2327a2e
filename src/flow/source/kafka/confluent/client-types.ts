/**
 * What this adapter uses of the client's callback API, in our own words: the client's typings lack half of it
 * (`incrementalAssign`, `assignmentLost`, `rebalanceProtocol`, metadata of commits, null values).
 */
export interface RdError {
  readonly message: string
  readonly code: number
  /** Of calls about transactions: what may follow. */
  readonly isFatal?: boolean
  readonly isRetriable?: boolean
  readonly isTxnRequiresAbort?: boolean
}

export type RdDone = (error: RdError | null | undefined) => void

export type RdCallback<Value> = (error: RdError | null | undefined, value: Value) => void

export interface RdPartition {
  readonly topic: string
  readonly partition: number
}

export interface RdPosition extends RdPartition {
  readonly offset?: number
  readonly metadata?: string
  readonly leaderEpoch?: number
}

export type RdHeader = Record<string, Buffer>

export interface RdMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** -1 where the record carries none. */
  readonly timestamp: number
  readonly headers?: readonly RdHeader[]
  readonly leaderEpoch?: number
}

export interface RdMetadata {
  readonly topics: readonly { readonly name: string; readonly partitions: readonly unknown[] }[]
  readonly brokers: readonly { readonly id: number; readonly host: string; readonly port: number }[]
}

export interface RdLog {
  readonly severity: number
  readonly fac: string
  readonly message: string
}

export interface RdReport extends RdPartition {
  readonly offset: number
  readonly opaque: unknown
}

export interface RdClient {
  /** For the next time that a broker asks. Ignored before the client is connected. */
  setSaslCredentials(username: string, password: string): void
  connect(
    options: { readonly timeout: number; readonly allTopics: boolean },
    done: (error: RdError | null | undefined) => void,
  ): void
  getMetadata(
    options: { readonly timeout: number; readonly allTopics: boolean; readonly topic?: string },
    done: RdCallback<RdMetadata>,
  ): void
  queryWatermarkOffsets(
    topic: string,
    partition: number,
    timeoutMs: number,
    done: RdCallback<{ readonly lowOffset: number; readonly highOffset: number }>,
  ): void
  on(event: 'event.error' | 'error', listener: (error: RdError) => void): unknown
  on(event: 'event.log', listener: (log: RdLog) => void): unknown
  on(event: 'event.stats', listener: (stats: { readonly message: string }) => void): unknown
  on(
    event: 'offset.commit',
    listener: (
      error: RdError | undefined,
      partitions: readonly Required<Omit<RdPosition, 'metadata' | 'leaderEpoch'>>[],
    ) => void,
  ): unknown
  on(event: 'delivery-report', listener: (error: RdError | null, report: RdReport) => void): unknown
}

export interface RdConsumer extends RdClient {
  subscribe(topics: readonly string[]): void
  consume(max: number, done: RdCallback<readonly RdMessage[]>): void
  setDefaultConsumeTimeout(ms: number): void
  setDefaultIsTimeoutOnlyForFirstMessage(only: boolean): void
  assign(partitions: readonly RdPosition[]): void
  unassign(): void
  incrementalAssign(partitions: readonly RdPosition[]): void
  incrementalUnassign(partitions: readonly RdPartition[]): void
  assignmentLost(): boolean
  rebalanceProtocol(): string
  position(partitions: readonly RdPartition[]): readonly RdPosition[]
  pause(partitions: readonly RdPartition[]): void
  resume(partitions: readonly RdPartition[]): void
  seek(at: RdPosition, timeoutMs: number, done: (error: RdError | null | undefined) => void): void
  commit(positions: readonly RdPosition[]): void
  committed(
    partitions: readonly RdPartition[],
    timeoutMs: number,
    done: RdCallback<readonly (RdPosition | Error)[]>,
  ): void
  /** The offset of the first record from a time on; -1 as time asks for the end of the log. */
  offsetsForTimes(
    partitions: readonly Required<Omit<RdPosition, 'metadata' | 'leaderEpoch'>>[],
    timeoutMs: number,
    done: (error: RdError | null | undefined) => void,
  ): void
  disconnect(done: () => void): void
}

export interface RdProducer extends RdClient {
  setPollInBackground(on: boolean): void
  produce(
    topic: string,
    partition: number | null,
    value: Buffer | null,
    key: Buffer | null,
    timestamp: number | null,
    opaque: unknown,
    headers: readonly RdHeader[] | undefined,
  ): void
  flush(timeoutMs: number, done: (error: RdError | null | undefined) => void): void
  disconnect(timeoutMs: number, done: () => void): void
  initTransactions(timeoutMs: number, done: RdDone): void
  beginTransaction(done: RdDone): void
  /** The consumer's generation goes with the offsets, so that the group refuses those of a former member. */
  sendOffsetsToTransaction(
    positions: readonly RdPosition[],
    consumer: RdConsumer,
    timeoutMs: number,
    done: RdDone,
  ): void
  commitTransaction(timeoutMs: number, done: RdDone): void
  abortTransaction(timeoutMs: number, done: RdDone): void
}

type RdConf = Readonly<Record<string, unknown>>

export interface RdKafka {
  readonly KafkaConsumer: new (conf: RdConf, topicConf: RdConf) => RdConsumer
  readonly Producer: new (conf: RdConf, topicConf?: RdConf) => RdProducer
  readonly CODES: { readonly ERRORS: Readonly<Record<string, number>> }
  /** librdkafka's text for a number; the package offers it to its own files only. */
  readonly err2str: (errno: number) => string
  readonly librdkafkaVersion: string
  readonly features: readonly string[]
}
