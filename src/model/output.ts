import type { Header } from './message.ts'

/** What a handler wants written to a Kafka topic of a `sinks.kafka` instance. */
export interface KafkaOutput {
  /** Name of the instance; may be left out where there is exactly one. */
  readonly sink?: string
  readonly key?: string | Uint8Array | null
  /** An object becomes JSON; a string or bytes go out as they are; null is a tombstone. */
  readonly data: unknown
  /** Order and repeated names are kept. */
  readonly headers?: Readonly<Record<string, string | Uint8Array>> | readonly Header[]
  /** Default: by murmur2 of the key, as the Java client does. */
  readonly partition?: number
  /** Milliseconds since the epoch. Default: the time of producing. */
  readonly timestamp?: number
}

/** What a handler wants sent to a `sinks.http` instance: one request, or an element of one. */
export interface HttpOutput {
  readonly sink?: string
  /** What `encoding` of the instance makes the body of; may be left out with DELETE. */
  readonly data?: unknown
  /** Default: that of the instance. */
  readonly method?: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the instance's `url`; only where its `payload_url` allows it. */
  readonly path?: string
  readonly query?: Readonly<Record<string, HttpQueryValue | readonly HttpQueryValue[] | null | undefined>>
  /** Instead of the instance's, on one of its `allowed_hosts`; only where `payload_url: url` allows it. */
  readonly url?: string
  /** Over those of the instance. */
  readonly headers?: Readonly<Record<string, string>>
}

export type HttpQueryValue = string | number | boolean | bigint

/** What a handler wants appended to a file of a `sinks.filesystem` instance: one JSON line. */
export interface FileOutput {
  readonly sink?: string
  /** Relative to the instance's `base_path`, which it can never leave. */
  readonly path: string
  readonly data: unknown
}

/** What a handler wants given to a sink of `sinks.custom`, whatever its kind. */
export interface CustomOutput {
  /** Name of the instance; may be left out where there is exactly one over all kinds. */
  readonly sink?: string
  /** Reaches the `accept` of the sink as it is; its shape is the sink's business. */
  readonly data: unknown
}

/**
 * What `onTaskComplete`, `onMessageComplete` and `onWindowComplete` return: payloads for each kind of sink. Nothing, or
 * an empty object, delivers nothing.
 */
export interface Outputs {
  readonly kafka?: readonly KafkaOutput[]
  readonly files?: readonly FileOutput[]
  readonly http?: readonly HttpOutput[]
  readonly custom?: readonly CustomOutput[]
}

/** Kinds of sinks, as the keys of `Outputs` name them. */
export type OutputKind = keyof Outputs
