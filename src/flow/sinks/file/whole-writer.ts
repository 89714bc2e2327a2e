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
    const { base, flush, compression } = this.#options
    const failures = new Map<number, unknown>()
    const groups = [...paths]
    for (let at = 0; at < groups.length; at += WAVE) {
      const writes = groups.slice(at, at + WAVE).map(async ([path, indexes]) => {
        try {
          const last = batch[indexes.at(-1) ?? 0] as SinkRecord<FileRecord>
          await writeWhole(base, path, await compressed(this.#content(last.payload), compression), flush)
        } catch (error) {
          for (const index of indexes) failures.set(index, error)
        }
      })
      await Promise.all(writes)
    }
    return failures
  }

  async close(): Promise<void> {}

  #content({ content }: FileRecord): Buffer {
    if (Buffer.isBuffer(content)) return content
    const row = content as CsvRow
    const { columns, delimiter, header } = this.#options.csv
    const names = columns ?? [...row.keys()]
    return Buffer.from((header ? csvHeader(names, delimiter) : '') + csvLine(row, names, delimiter))
  }
}
