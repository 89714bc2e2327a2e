import { redactSecrets } from '../../../lib/index.ts'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import { typeName } from '../json-text.ts'
import type { RecordVerdict, Sink, SinkRecord } from '../sink.ts'

const METHODS = ['accept', 'size', 'connect', 'deliver', 'close'] as const

/** What a made instance lacks to be a sink; null where it has everything. */
export function lacksOfSink(made: unknown): string | null {
  if (typeof made !== 'object' || made === null) return `create() answered ${typeName(made)}`
  const missing = METHODS.filter((method) => typeof (made as Record<string, unknown>)[method] !== 'function')
  return missing.length === 0 ? null : `what create() answered has no ${missing.map((name) => `${name}()`).join(', ')}`
}

/** A sink of somebody else's as one of kind `custom`: it is given the `data` of each output. `path` names it in errors. */
export function createCustomSink(name: string, path: string, inner: Sink): Sink {
  return new CustomSink(name, path, inner)
}

class CustomSink implements Sink {
  readonly kind = 'custom'
  readonly name: string
  readonly #path: string
  readonly #inner: Sink

  constructor(name: string, path: string, inner: Sink) {
    this.name = name
    this.#path = path
    this.#inner = inner
  }

  accept(output: unknown): unknown {
    if (typeof output !== 'object' || output === null || !('data' in output) || output.data === undefined)
      throw new Error('must be an object { sink?, data }')
    return this.#inner.accept(output.data)
  }

  size(payload: unknown): number {
    const bytes = this.#inner.size(payload)
    // A size that is no number would stop every batch from filling.
    if (Number.isFinite(bytes) && bytes >= 0) return bytes
    throw new Error(`size() of ${this.#path} must answer a number of bytes, not ${typeName(bytes)}`)
  }

  async connect(): Promise<void> {
    try {
      await this.#inner.connect()
    } catch (error) {
      if (error instanceof DrakkarError) throw error
      throw new DrakkarError('SINK_UNAVAILABLE', `${this.#path}: ${redactSecrets(reasonOf(error))}`, {
        cause: error,
        advice: 'The error comes from the connect() of this sink’s own module.',
      })
    }
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RecordVerdict[]> {
    return this.#inner.deliver(batch, signal)
  }

  async close(): Promise<void> {
    await this.#inner.close()
  }
}
