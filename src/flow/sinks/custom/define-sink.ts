import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Sink } from '../sink.ts'

/** A kind of sink that is not part of this package: the default export of its module. */
export interface SinkKind<Options = unknown> {
  /** The key under `sinks.custom`: letters, digits, `_` and `-`. */
  readonly kind: string
  /** Any Standard Schema for the instance's options. Without one they arrive as they are written. */
  readonly config?: StandardSchemaV1<unknown, Options>
  /**
   * Makes one instance; `name` is its key in the configuration. Nothing is opened yet: that is for `connect`. The
   * payloads that `accept` gets are the `data` of `{ custom: [{ sink, data }] }`. Throwing stops the start.
   */
  create(name: string, options: Options): Sink | Promise<Sink>
}

const MADE_BY_DEFINE = Symbol.for('drakkar.sink')

/** Types a kind of sink by inference, and marks it as one. Export the result as default. */
export function defineSink<Options = Readonly<Record<string, unknown>>>(kind: SinkKind<Options>): SinkKind<Options> {
  return Object.defineProperty({ ...kind, create: kind.create.bind(kind) }, MADE_BY_DEFINE, { value: true })
}

/** True for what `defineSink()` made, also by another copy of this package. */
export function isSinkKind(value: unknown): value is SinkKind {
  return typeof value === 'object' && value !== null && MADE_BY_DEFINE in value
}
