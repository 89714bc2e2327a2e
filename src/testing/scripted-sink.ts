import type { RecordVerdict, Sink, SinkRecord } from '../flow/sinks/index.ts'
import { type Clock, sleep } from '../lib/index.ts'
import type { History } from './history.ts'

/** What a sink does with one record, and how long its batch takes. The longest of a batch counts. */
export interface SinkScript {
  /** Milliseconds until the batch is answered. Default 0. */
  latencyMs?(record: SinkRecord): number
  /** Default: it is taken. */
  verdict?(record: SinkRecord, attempt: number): RecordVerdict
  /** True while the sink is away: every batch is refused as a whole. Default: never. */
  away?(): boolean
  /** True where the batch is taken but the sink says that it failed. Default: never. */
  losesAnswer?(batch: readonly SinkRecord[]): boolean
}

export interface ScriptedSinkOptions {
  readonly clock: Clock
  /** Default `kafka`. */
  readonly kind?: string
  /** Default `out`. */
  readonly name?: string
  readonly script?: SinkScript
  /** Where every acknowledged record is written down. Default: nowhere. */
  readonly history?: History
  /** Name of the worker in the history. Default ''. */
  readonly client?: string
}

/** A sink that exists only in a script. It keeps what it took, with its ids, in the order in which it took it. */
export class ScriptedSink implements Sink {
  readonly kind: string
  readonly name: string
  /** Everything taken, also records that were taken twice. */
  readonly taken: SinkRecord[] = []
  readonly #of: ScriptedSinkOptions
  readonly #attempts = new Map<string, number>()

  constructor(options: ScriptedSinkOptions) {
    this.#of = options
    this.kind = options.kind ?? 'kafka'
    this.name = options.name ?? 'out'
  }

  accept(payload: unknown): unknown {
    return structuredClone(payload)
  }

  size(): number {
    return 100
  }

  connect(): Promise<void> {
    return Promise.resolve()
  }

  async deliver(batch: readonly SinkRecord[]): Promise<readonly RecordVerdict[]> {
    const { clock, script = {} } = this.#of
    const latency = Math.max(0, ...batch.map((record) => script.latencyMs?.(record) ?? 0))
    if (latency > 0) await sleep(clock, latency)
    if (script.away?.() ?? false) throw new Error('the sink is away')
    const verdicts = batch.map((record) => this.#decide(record))
    if (script.losesAnswer?.(batch) ?? false) throw new Error('the connection broke before the sink answered')
    return verdicts
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #decide(record: SinkRecord): RecordVerdict {
    const attempt = (this.#attempts.get(record.id) ?? 0) + 1
    this.#attempts.set(record.id, attempt)
    const verdict = this.#of.script?.verdict?.(record, attempt) ?? { ok: true }
    if (!verdict.ok) return verdict
    const { history, client = '' } = this.#of
    this.taken.push(record)
    history?.add({
      type: 'acknowledged',
      client,
      sink: `${this.kind}:${this.name}`,
      id: record.id,
      payload: record.payload,
    })
    return verdict
  }
}
