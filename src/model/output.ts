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

/** What a handler wants written to a file of a `sinks.filesystem` instance. */
export interface FileOutput {
  readonly sink?: string
  /** Relative to the instance's `base_path`, which it can never leave. Default: by the instance's `path`. */
  readonly path?: string
  /** What `format` of the instance makes a line, or a file, of. */
  readonly data: unknown
  /** For `{key}` in the instance's `path`. */
  readonly key?: string | Uint8Array
  /** For `{date}` and `{hour}` in it, milliseconds; default now. The message's own time puts a repeat into the same file. */
  readonly timestamp?: number | null | undefined
}

/**
 * What a handler wants done in a `sinks.mongo` instance. An insert whose data has no `_id` gets the record's id, so that a
 * replay inserts nothing. Updates set the fields of `data`, in which `a.b` is a path.
 */
export type MongoOutput = { readonly sink?: string } & (
  | { readonly op?: 'insert'; readonly collection: string; readonly data: MongoDocument }
  | ({ readonly op: 'update_one' | 'update_many' | 'upsert'; readonly data: MongoDocument } & MongoTarget)
  | ({ readonly op: 'replace_one'; readonly data: MongoDocument; readonly upsert?: boolean } & MongoTarget)
  | ({ readonly op: 'delete_one' | 'delete_many' } & MongoTarget)
  /** `statement` names one of the instance's `statements`. */
  | { readonly op: 'statement'; readonly statement: string; readonly params?: MongoDocument }
)

interface MongoTarget {
  readonly collection: string
  /** Never empty, and without `$where` and `$function`. */
  readonly filter: MongoDocument
}

/** Values may be dates, bytes, BigInts of 64 bits and those of the `bson` package. */
export type MongoDocument = object

/** What a handler wants done in a table of a `sinks.postgres` instance, or with one of its statements. */
export type PostgresOutput = { readonly sink?: string } & (
  | {
      readonly op?: 'insert'
      /** `table` or `schema.table`, as it is written; default: `table` of the instance. */
      readonly table?: string
      /** By column; what is undefined is left out. */
      readonly data: PostgresRow
    }
  | { readonly op: 'update'; readonly table?: string; readonly data: PostgresRow; readonly where: PostgresRow }
  | {
      readonly op: 'upsert'
      readonly table?: string
      readonly data: PostgresRow
      /** Columns with a unique index, by which a row is known. With `idempotency: key` it may be left out. */
      readonly conflict?: readonly string[]
      /** What a row that is there gets. Default: all columns of `data` but `conflict`. */
      readonly updateColumns?: readonly string[]
    }
  | { readonly op: 'delete'; readonly table?: string; readonly where: PostgresRow }
  /** `statement` names one of the instance's `statements`; `params` has exactly its parameters. */
  | { readonly op: 'statement'; readonly statement: string; readonly params?: PostgresRow }
)

/**
 * By column. A text is PostgreSQL's own form of the value, in every type; objects and lists become JSON in json columns,
 * lists become arrays in array columns, bytes are for bytea. In `where` null finds rows where the column is NULL.
 */
export type PostgresRow = Readonly<
  Record<string, string | number | bigint | boolean | Date | Uint8Array | object | null | undefined>
>

/** What a handler wants done in a `sinks.redis` instance. Keys get the instance's `key_prefix`. */
export type RedisOutput = { readonly sink?: string } & (
  | { readonly op?: 'set'; readonly key: string; readonly data: RedisValue; readonly ttl?: number }
  | { readonly op: 'delete'; readonly key: string }
  | { readonly op: 'expire'; readonly key: string; readonly ttl: number }
  | ({ readonly op: 'hset' | 'xadd'; readonly fields: Readonly<Record<string, RedisValue>> } & RedisKey & {
        /** Only xadd: entries that the stream keeps, about. */
        readonly maxlen?: number
      })
  | { readonly op: 'hdel'; readonly key: string; readonly fields: readonly string[] }
  | ({ readonly op: 'zadd'; readonly members: Readonly<Record<string, number | bigint>> } & RedisKey)
  | ({ readonly op: 'sadd'; readonly members: readonly RedisValue[] } & RedisKey)
  | { readonly op: 'srem'; readonly key: string; readonly members: readonly RedisValue[] }
  /** `amount` defaults to 1. */
  | ({ readonly op: 'incrby'; readonly amount?: number | bigint } & RedisKey)
  /** `side` defaults to right. */
  | ({ readonly op: 'push'; readonly members: readonly RedisValue[]; readonly side?: 'left' | 'right' } & RedisKey)
  | { readonly op: 'trim'; readonly key: string; readonly start: number; readonly stop: number }
  | { readonly op: 'publish'; readonly channel: string; readonly data: RedisValue }
  /** `script` names one of the instance's `scripts`. */
  | {
      readonly op: 'script'
      readonly script: string
      readonly keys: readonly string[]
      readonly args?: readonly RedisValue[]
    }
)

interface RedisKey {
  readonly key: string
  /** Seconds from now until the whole key is gone; may have a fraction. */
  readonly ttl?: number
}

/** Text and bytes are stored as they are, numbers in decimals, dates in ISO 8601, anything else as JSON. */
export type RedisValue = string | Uint8Array | number | bigint | boolean | Date | object

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
  readonly mongo?: readonly MongoOutput[]
  readonly postgres?: readonly PostgresOutput[]
  readonly redis?: readonly RedisOutput[]
  readonly custom?: readonly CustomOutput[]
}

/** Kinds of sinks, as the keys of `Outputs` name them. */
export type OutputKind = keyof Outputs
