import type { OutgoingRecord, RecordProducer } from '../../src/flow/sinks/index.ts'

/** An error as the Kafka driver throws it. */
export function kafkaError(code: string, message = code): Error {
  return Object.assign(new Error(message), { code, errno: -1, fatal: false, retriable: false })
}

/** A producer into memory that fails where a test says so. */
export class ScriptedProducer implements RecordProducer {
  readonly topics: Map<string, number | null>
  /** What was acknowledged, in order. */
  readonly log: OutgoingRecord[] = []
  /** Every `send`, acknowledged or not. */
  readonly sent: OutgoingRecord[] = []
  connected = 0
  closed = 0
  script: (record: OutgoingRecord, call: number) => Error | null | Promise<Error | null> = () => null

  constructor(topics: Readonly<Record<string, number | null>>) {
    this.topics = new Map(Object.entries(topics))
  }

  async connect(): Promise<void> {
    this.connected += 1
  }

  async send(record: OutgoingRecord): Promise<{ topic: string; partition: number; offset: number }> {
    this.sent.push(record)
    const error = await this.script(record, this.sent.length)
    if (error !== null) throw error
    this.log.push(record)
    return { topic: record.topic, partition: record.partition ?? 0, offset: this.log.length - 1 }
  }

  async flush(): Promise<void> {
    return Promise.resolve()
  }

  async describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    return new Map(topics.map((topic) => [topic, this.topics.get(topic) ?? null]))
  }

  async close(): Promise<void> {
    this.closed += 1
  }
}
