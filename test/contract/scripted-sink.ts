import type { RecordVerdict, Sink, SinkRecord } from '../../src/flow/sinks/index.ts'

/** What a scripted sink does with one batch: a verdict per record, an error that it throws, or a promise of either. */
export type Script = (batch: readonly SinkRecord<string>[], call: number, signal: AbortSignal) => Answer
type Answer = readonly RecordVerdict[] | Error | Promise<readonly RecordVerdict[]>

export const ok: RecordVerdict = { ok: true }

export function transient(message = 'away', retryAfterMs?: number): RecordVerdict {
  const error = new Error(message)
  return { ok: false, kind: 'transient', error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

export function permanent(message = 'refused'): RecordVerdict {
  return { ok: false, kind: 'permanent', error: new Error(message) }
}

/** A sink that does what a test says and remembers everything. Its payloads are `{ text }`. */
export class ScriptedSink implements Sink<string> {
  readonly kind: string
  readonly name: string
  /** Payloads of each call, in order. */
  readonly calls: (readonly string[])[] = []
  /** Payloads that it acknowledged, in order. */
  readonly placed: string[] = []
  closed = 0
  connectError: Error | null = null
  closeError: Error | null = null
  script: Script

  constructor(script: Script = (batch) => batch.map(() => ok), name = 'output', kind = 'kafka') {
    this.script = script
    this.name = name
    this.kind = kind
  }

  accept(payload: unknown): string {
    if (typeof payload === 'object' && payload !== null && 'text' in payload && typeof payload.text === 'string') {
      return payload.text
    }
    throw new Error('`text` must be a string')
  }

  size(payload: string): number {
    return payload.length
  }

  async connect(): Promise<void> {
    if (this.connectError !== null) throw this.connectError
  }

  async deliver(batch: readonly SinkRecord<string>[], signal: AbortSignal): Promise<readonly RecordVerdict[]> {
    this.calls.push(batch.map((record) => record.payload))
    const verdicts = await this.script(batch, this.calls.length, signal)
    if (verdicts instanceof Error) throw verdicts
    verdicts.forEach((verdict, index) => {
      if (verdict.ok) this.placed.push(batch[index]?.payload ?? '')
    })
    return verdicts
  }

  async close(): Promise<void> {
    this.closed += 1
    if (this.closeError !== null) throw this.closeError
  }
}
