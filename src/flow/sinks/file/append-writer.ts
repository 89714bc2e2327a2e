import type { Clock, Timer } from '../../../lib/index.ts'
import type { SinkRecord } from '../sink.ts'
import { type Pending, pendingFor, writePending } from './append-batch.ts'
import type { FileRecord } from './file-record.ts'
import { finish } from './finish.ts'
import { type OpenFile, OpenFiles } from './open-files.ts'
import { isFull, PART, type RotationLimits, rotates } from './rotation.ts'
import { type Failures, type FileWriter, RefusedRecord, WAVE, type WriterOptions } from './writer.ts'

export interface AppendWriterOptions extends WriterOptions {
  readonly clock: Clock
  /** Files kept open. */
  readonly limit: number
  readonly remember: number
  /** Whether a last line without a line feed is one that a crash tore. */
  readonly lines: boolean
  readonly rotation: RotationLimits
  /** Runs when nothing is being written. */
  readonly inTurn: (run: () => Promise<void>) => Promise<void>
}

interface Group {
  readonly path: string
  file: OpenFile
  readonly indexes: number[]
  pending: Pending | null
}

/** Adds records to files, which stay open between batches and are finished when they are full or old enough. */
export class AppendWriter implements FileWriter {
  readonly #options: AppendWriterOptions
  readonly #files: OpenFiles
  readonly #rotates: boolean
  #timer: Timer | null = null
  #closed = false

  constructor(options: AppendWriterOptions) {
    this.#options = options
    this.#rotates = rotates(options.rotation)
    const { base, limit, flush, remember, lines, clock } = options
    const leaving = async (file: OpenFile): Promise<void> => {
      if (this.#rotates) await this.#finish(file)
    }
    this.#files = new OpenFiles({ base, limit, flush, remember, lines, now: () => clock.now(), leaving })
  }

  async write(
    paths: ReadonlyMap<string, readonly number[]>,
    batch: readonly SinkRecord<FileRecord>[],
  ): Promise<Failures> {
    const failures = new Map<number, unknown>()
    const all = [...paths]
    for (let at = 0; at < all.length; at += WAVE) {
      await this.#wave(all.slice(at, at + WAVE), batch, failures)
      await this.#files.trim()
    }
    this.#wake()
    return failures
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    try {
      if (this.#rotates) for (const file of this.#files.all) await this.#finish(file)
    } finally {
      await this.#files.closeAll()
    }
  }

  async #wave(
    paths: readonly (readonly [string, readonly number[]])[],
    batch: readonly SinkRecord<FileRecord>[],
    failures: Map<number, unknown>,
  ): Promise<void> {
    const groups = new Map<OpenFile, Group>()
    // One after the other: a file that two paths lead to must be ready before anything is written to it.
    for (const [path, indexes] of paths) {
      const name = this.#rotates ? path + PART : path
      await this.#orFail(indexes, failures, null, async () => {
        const file = await this.#files.get(name)
        const group = groups.get(file) ?? { path: name, file, indexes: [], pending: null }
        group.indexes.push(...indexes)
        groups.set(file, group)
      })
    }
    for (const group of groups.values()) {
      await this.#orFail(group.indexes, failures, group, () => this.#prepare(group, batch, failures))
    }
    const writes = [...groups.values()].map((group) =>
      this.#orFail(group.indexes, failures, group, async () => {
        if (group.pending !== null) await writePending(group.file, group.pending, this.#options)
      }),
    )
    await Promise.all(writes)
  }

  async #prepare(
    group: Group,
    batch: readonly SinkRecord<FileRecord>[],
    failures: Map<number, unknown>,
  ): Promise<void> {
    const { clock, rotation } = this.#options
    const records = group.indexes.map((index) => batch[index] as SinkRecord<FileRecord>)
    let pending = await pendingFor(group.file, records, this.#options)
    const ageMs = clock.now() - group.file.since
    if (this.#rotates && isFull({ size: group.file.size, ageMs }, pending.bytes.length, rotation)) {
      await this.#finish(group.file)
      group.file = await this.#files.get(group.path)
      pending = await pendingFor(group.file, records, this.#options)
    }
    for (const [place, error] of pending.refused) {
      failures.set(group.indexes[place] as number, new RefusedRecord(error.message))
    }
    group.pending = pending
  }

  /** Where it fails, everything of the group fails, and its file is closed: opening it again checks its end. */
  async #orFail(
    indexes: readonly number[],
    failures: Map<number, unknown>,
    group: Group | null,
    run: () => Promise<void>,
  ): Promise<void> {
    try {
      await run()
    } catch (error) {
      for (const index of indexes) if (!failures.has(index)) failures.set(index, error)
      if (group === null) return
      group.pending = null
      // Nothing in it is acknowledged: an error in closing adds nothing.
      await this.#files.close(group.file).catch(() => undefined)
    }
  }

  async #finish(file: OpenFile): Promise<void> {
    await finish(file, this.#options.clock.now(), this.#options.flush)
    await this.#files.close(file)
  }

  /** Files that nothing more is written to are finished in time too. */
  #wake(): void {
    const { clock, rotation, inTurn } = this.#options
    this.#timer?.cancel()
    this.#timer = null
    if (rotation.ms === 0 || this.#closed || this.#files.all.length === 0) return
    const oldest = Math.min(...this.#files.all.map(({ since }) => since))
    const waitMs = Math.max(0, oldest + rotation.ms - clock.now())
    this.#timer = clock.timer(waitMs, () => {
      this.#timer = null
      // What cannot be finished now (a full disk) is tried again with the next batch.
      inTurn(() => this.#finishOld()).catch(() => undefined)
    })
  }

  async #finishOld(): Promise<void> {
    if (this.#closed) return
    const { clock, rotation } = this.#options
    for (const file of this.#files.all) if (clock.now() - file.since >= rotation.ms) await this.#finish(file)
    this.#wake()
  }
}
