import { constants } from 'node:fs'
import { access, realpath, stat } from 'node:fs/promises'
import { type Clock, systemClock } from '../../../lib/index.ts'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import type { RecordVerdict, Sink, SinkRecord } from '../sink.ts'
import { AppendWriter } from './append-writer.ts'
import { type Compression, withExtension } from './compress.ts'
import { errorCode, PathError } from './confine.ts'
import type { CsvOptions } from './csv.ts'
import { type FileFormat, type FileRecord, type FileRules, fileRecord, recordBytes } from './file-record.ts'
import { removeOldNotes } from './old-notes.ts'
import { fillFromRecord } from './path-template.ts'
import type { RotationLimits } from './rotation.ts'
import { WholeWriter } from './whole-writer.ts'
import { type FileWriter, RefusedRecord } from './writer.ts'

/** Errors of the path that the handler chose: the same record gets them again. */
const PERMANENT = new Set(['EISDIR', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'])
/** Where nothing else is configured: enough for whatever may be delivered again after a crash. */
const REMEMBER = 4096

export interface FileSinkOptions {
  /** Name of the instance: the key under `sinks.filesystem`. */
  readonly name: string
  /** Must exist and be writable at the start. Nothing outside of it is ever written, also not through links. */
  readonly basePath: string
  /** Flushes each batch to the disk before it is acknowledged. Default true. */
  readonly fsync?: boolean
  /** Files kept open between batches. Default 64. */
  readonly maxOpenFiles?: number
  /** `append` (default): records are added to files. `file`: each record is a file of its own, written whole or not at all. */
  readonly mode?: 'append' | 'file'
  /** Default `jsonl`. */
  readonly format?: FileFormat
  /** Path of payloads that name none, with placeholders. Default: none, they must name one. */
  readonly path?: string
  /** Default none. */
  readonly compression?: Compression
  /** When a file is finished and gets its final name. Default: never. */
  readonly rotation?: RotationLimits
  /** Ids that are remembered for each file, so that a record that comes again is not written again. Default 4096; 0: none. */
  readonly remember?: number
  readonly csv?: CsvOptions
  readonly clock?: Clock
}

/**
 * A sink that writes files. A record is placed when its bytes are written (and flushed); what could be written only in part
 * is cut off again, also after a crash, when the file is next opened; and a record that comes again is not written again,
 * while its file is written by one worker at a time: workers that share a `basePath` must not share files.
 */
export function createFileSink(options: FileSinkOptions): Sink<FileRecord> {
  return new FileSink(options)
}

class FileSink implements Sink<FileRecord> {
  readonly kind = 'files'
  readonly name: string
  readonly #options: FileSinkOptions
  readonly #rules: FileRules
  readonly #clock: Clock
  #writer: FileWriter | null = null
  /** Ends when nothing is being written; batches never overlap, also not after a deadline. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: FileSinkOptions) {
    this.name = options.name
    this.#options = options
    this.#clock = options.clock ?? systemClock
    const csv = options.csv ?? { columns: null, delimiter: ',', header: true, escapeFormulas: false }
    this.#rules = { format: options.format ?? 'jsonl', path: options.path ?? '', csv }
  }

  accept(payload: unknown): FileRecord {
    return fileRecord(payload, this.#rules, () => this.#clock.now())
  }

  size(payload: FileRecord): number {
    return recordBytes(payload)
  }

  async connect(): Promise<void> {
    const {
      mode,
      fsync = true,
      compression = 'none',
      remember = REMEMBER,
      rotation = { bytes: 0, ms: 0 },
    } = this.#options
    const base = await openFolder(this.name, this.#options.basePath)
    const { format, csv } = this.#rules
    const common = { base, flush: fsync, compression, csv }
    if (mode === 'file') {
      this.#writer = new WholeWriter(common)
      return
    }
    await removeOldNotes(base, this.#clock.now())
    // Notes say where the last whole batch ends; without them only lines of JSON do.
    const needsNotes = format !== 'jsonl' || compression !== 'none'
    this.#writer = new AppendWriter({
      ...common,
      clock: this.#clock,
      limit: this.#options.maxOpenFiles ?? 64,
      remember: needsNotes ? Math.max(1, remember) : remember,
      lines: !needsNotes,
      rotation,
      inTurn: (run) => this.#inTurn(run),
    })
  }

  deliver(batch: readonly SinkRecord<FileRecord>[], signal: AbortSignal): Promise<readonly RecordVerdict[]> {
    return this.#inTurn(() => this.#deliver(batch, signal))
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      const writer = this.#writer
      this.#writer = null
      await writer?.close()
    })
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#last.then(run)
    this.#last = done.catch(() => undefined)
    return done
  }

  async #deliver(batch: readonly SinkRecord<FileRecord>[], signal: AbortSignal): Promise<readonly RecordVerdict[]> {
    const writer = this.#writer
    if (writer === null) throw new Error(`files:${this.name} is not open`)
    // Its deadline passed while an earlier batch was being written: the delivery sends it again.
    if (signal.aborted) throw new Error(`files:${this.name} was still writing an earlier batch`)
    const paths = new Map<string, number[]>()
    const pathOf = batch.map((record) => withExtension(placeOf(record), this.#options.compression ?? 'none'))
    for (const [index, path] of pathOf.entries()) {
      const group = paths.get(path)
      if (group === undefined) paths.set(path, [index])
      else group.push(index)
    }
    const failures = await writer.write(paths, batch)
    return pathOf.map((path, index) => (failures.has(index) ? failed(path, failures.get(index)) : { ok: true }))
  }
}

function placeOf({ id, payload, assignment }: SinkRecord<FileRecord>): string {
  if (!payload.template) return payload.path
  return fillFromRecord(payload.path, { id, topic: assignment.topic, partition: assignment.partition })
}

function failed(path: string, thrown: unknown): RecordVerdict {
  const permanent = thrown instanceof PathError || thrown instanceof RefusedRecord || PERMANENT.has(errorCode(thrown))
  const error = new Error(`${path}: ${reasonOf(thrown)}`, { cause: thrown })
  return { ok: false, kind: permanent ? 'permanent' : 'transient', error }
}

async function openFolder(name: string, basePath: string): Promise<string> {
  try {
    const base = await realpath(basePath)
    if (!(await stat(base)).isDirectory()) throw new Error('it is not a folder')
    await access(base, constants.W_OK | constants.X_OK)
    return base
  } catch (error) {
    throw new DrakkarError(
      'SINK_UNAVAILABLE',
      `sinks.filesystem.${name}.base_path: ${basePath} cannot be used: ${reasonOf(error)}`,
      { cause: error, advice: `Create it (mkdir -p ${basePath}) and let the worker's user write there.` },
    )
  }
}
