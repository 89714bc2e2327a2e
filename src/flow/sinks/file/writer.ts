import type { SinkRecord } from '../sink.ts'
import type { Compression } from './compress.ts'
import type { CsvOptions } from './csv.ts'
import type { FileRecord } from './file-record.ts'

/** How records get into files. */
export interface FileWriter {
  /** Records by path, in order, as places in the batch. */
  write(paths: ReadonlyMap<string, readonly number[]>, batch: readonly SinkRecord<FileRecord>[]): Promise<Failures>
  close(): Promise<void>
}

/** Why records could not be written, by their place in the batch; all others are written. */
export type Failures = ReadonlyMap<number, unknown>

export interface WriterOptions {
  /** A real path. */
  readonly base: string
  /** Flush to the disk. */
  readonly flush: boolean
  readonly compression: Compression
  readonly csv: CsvOptions
}

/** A record that its file cannot take, whatever is tried. */
export class RefusedRecord extends Error {}

/** Files that are opened, written and flushed together. */
export const WAVE = 16
