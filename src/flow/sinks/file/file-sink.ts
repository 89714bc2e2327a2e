import { constants } from 'node:fs'
import { access, realpath, stat } from 'node:fs/promises'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import type { RecordVerdict, Sink, SinkRecord } from '../sink.ts'
import { append } from './append.ts'
import { errorCode, PathError } from './confine.ts'
import { type FileLine, fileLine } from './file-line.ts'
import { type OpenFile, OpenFiles } from './open-files.ts'

/** Files that are opened, written and flushed together. */
const WAVE = 16

/** Errors of the path that the handler chose: the same record gets them again. */
const PERMANENT = new Set(['EISDIR', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'])

export interface FileSinkOptions {
  /** Name of the instance: the key under `sinks.filesystem`. */
  readonly name: string
  /** Must exist and be writable at the start. Nothing outside of it is ever written, also not through links. */
  readonly basePath: string
  /** Flushes each batch to the disk before it is acknowledged. Default true. */
  readonly fsync?: boolean
  /** Files kept open between batches. Default 64. */
  readonly maxOpenFiles?: number
}

/**
 * A sink that appends one line of JSON per record. A record is placed when its line is written (and flushed); a line that
 * could be written only in part is cut off again, also after a crash, when the file is next opened. For that a file must
 * have one writer at a time: workers that share a `basePath` must not share files.
 */
export function createFileSink(options: FileSinkOptions): Sink<FileLine> {
  return new FileSink(options)
}

class FileSink implements Sink<FileLine> {
  readonly kind = 'files'
  readonly name: string
  readonly #options: FileSinkOptions
  readonly #flush: boolean
  #files: OpenFiles | null = null
  /** Ends when nothing is being written; batches never overlap, also not after a deadline. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: FileSinkOptions) {
    this.name = options.name
    this.#options = options
    this.#flush = options.fsync ?? true
  }

  accept(payload: unknown): FileLine {
    return fileLine(payload)
  }

  size(payload: FileLine): number {
    return payload.line.length
  }

  async connect(): Promise<void> {
    const base = await openFolder(this.name, this.#options.basePath)
    this.#files = new OpenFiles(base, this.#options.maxOpenFiles ?? 64, this.#flush)
  }

  deliver(batch: readonly SinkRecord<FileLine>[], signal: AbortSignal): Promise<readonly RecordVerdict[]> {
    const written = this.#last.then(() => this.#deliver(batch, signal))
    this.#last = written.catch(() => undefined)
    return written
  }

  async close(): Promise<void> {
    await this.#last
    const files = this.#files
    this.#files = null
    await files?.closeAll()
  }

  async #deliver(batch: readonly SinkRecord<FileLine>[], signal: AbortSignal): Promise<readonly RecordVerdict[]> {
    const files = this.#files
    if (files === null) throw new Error(`files:${this.name} is not open`)
    // Its deadline passed while an earlier batch was being written: the delivery sends it again.
    if (signal.aborted) throw new Error(`files:${this.name} was still writing an earlier batch`)
    const verdicts: RecordVerdict[] = []
    const paths = [...groupByPath(batch)]
    for (let at = 0; at < paths.length; at += WAVE) {
      await this.#wave(files, batch, paths.slice(at, at + WAVE), verdicts)
      await files.trim()
    }
    return verdicts
  }

  async #wave(
    files: OpenFiles,
    batch: readonly SinkRecord<FileLine>[],
    paths: readonly (readonly [string, readonly number[]])[],
    verdicts: RecordVerdict[],
  ): Promise<void> {
    const open = new Map<OpenFile, number[]>()
    const answer = (indexes: readonly number[], verdict: RecordVerdict): void => {
      for (const index of indexes) verdicts[index] = verdict
    }
    // One after the other: a file that two paths lead to must be ready before anything is written to it.
    for (const [path, indexes] of paths) {
      try {
        const file = await files.get(path)
        open.set(file, [...(open.get(file) ?? []), ...indexes])
      } catch (error) {
        answer(indexes, failed(path, error))
      }
    }
    const writes = [...open].map(async ([file, indexes]) => {
      try {
        const lines = indexes.map((index) => (batch[index] as SinkRecord<FileLine>).payload.line)
        await append(file.handle, Buffer.concat(lines), this.#flush)
        answer(indexes, { ok: true })
      } catch (error) {
        answer(indexes, failed(file.path, error))
        // Nothing in it is acknowledged, and opening it again checks its end: an error in closing adds nothing.
        await files.close(file).catch(() => undefined)
      }
    })
    await Promise.all(writes)
  }
}

function groupByPath(batch: readonly SinkRecord<FileLine>[]): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  batch.forEach(({ payload }, index) => {
    const group = groups.get(payload.path)
    if (group === undefined) groups.set(payload.path, [index])
    else group.push(index)
  })
  return groups
}

function failed(path: string, thrown: unknown): RecordVerdict {
  const permanent = thrown instanceof PathError || PERMANENT.has(errorCode(thrown))
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
