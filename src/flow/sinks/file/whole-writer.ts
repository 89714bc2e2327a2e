import { flushFolder } from '../../../lib/index.ts'
import type { SinkRecord } from '../sink.ts'
import { compressed } from './compress.ts'
import { type CsvRow, csvHeader, csvLine } from './csv.ts'
import type { FileRecord } from './file-record.ts'
import { writeWhole } from './whole-file.ts'
import { type Failures, type FileWriter, WAVE, type WriterOptions } from './writer.ts'

/** Each record is a file; of several with one path the last one is. */
export class WholeWriter implements FileWriter {
  readonly #options: WriterOptions

  constructor(options: WriterOptions) {
    this.#options = options
  }

  async write(
    paths: ReadonlyMap<string, readonly number[]>,
    batch: readonly SinkRecord<FileRecord>[],
  ): Promise<Failures> {
    const failures = new Map<number, unknown>()
    const groups = [...paths]
    for (let at = 0; at < groups.length; at += WAVE) await this.#wave(groups.slice(at, at + WAVE), batch, failures)
    return failures
  }

  async close(): Promise<void> {}

  async #wave(
    groups: readonly (readonly [string, readonly number[]])[],
    batch: readonly SinkRecord<FileRecord>[],
    failures: Map<number, unknown>,
  ): Promise<void> {
    const { base, flush, compression } = this.#options
    const fail = (indexes: readonly number[], error: unknown): void => {
      for (const index of indexes) if (!failures.has(index)) failures.set(index, error)
    }
    const folders = new Set<string>()
    const writes = groups.map(async ([path, indexes]) => {
      try {
        const last = batch[indexes.at(-1) ?? 0] as SinkRecord<FileRecord>
        const bytes = await compressed(this.#content(last.payload), compression)
        for (const folder of await writeWhole(base, path, bytes, flush)) folders.add(folder)
      } catch (error) {
        fail(indexes, error)
      }
    })
    await Promise.all(writes)
    if (!flush) return
    try {
      for (const folder of folders) await flushFolder(folder)
    } catch (error) {
      for (const [, indexes] of groups) fail(indexes, error)
    }
  }

  #content({ content }: FileRecord): Buffer {
    if (Buffer.isBuffer(content)) return content
    if (typeof content === 'string') return Buffer.from(content)
    const row = content as CsvRow
    const { columns, delimiter, header } = this.#options.csv
    const names = columns ?? [...row.keys()]
    return Buffer.from((header ? csvHeader(names, delimiter) : '') + csvLine(row, names, delimiter))
  }
}
