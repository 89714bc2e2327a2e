import { crc32 } from 'node:zlib'
import type { SinkRecord } from '../sink.ts'
import { append } from './append.ts'
import { type Compression, compressed } from './compress.ts'
import { type CsvOptions, type CsvRow, csvHeader, csvLine, strayFields } from './csv.ts'
import type { FileRecord } from './file-record.ts'
import type { OpenFile } from './open-files.ts'

export interface AppendOptions {
  readonly compression: Compression
  readonly csv: CsvOptions
  readonly flush: boolean
}

/** What a file is given at once: the bytes, and the ids of the records in them. */
export interface Pending {
  readonly bytes: Buffer
  readonly ids: readonly string[]
  /** Columns that its file gets with it; null: it has them, or needs none. */
  readonly columns: readonly string[] | null
  /** Records that its file has no columns for, by their place in the batch, with the reason. */
  readonly refused: ReadonlyMap<number, Error>
}

/** The records of a batch that the file does not hold yet, as the bytes that go into it. */
export async function pendingFor(
  file: OpenFile,
  records: readonly SinkRecord<FileRecord>[],
  { compression, csv }: AppendOptions,
): Promise<Pending> {
  const parts: (string | Buffer)[] = []
  const ids = new Set<string>()
  const refused = new Map<number, Error>()
  let columns = csv.columns ?? file.notebook?.columns ?? null
  let fresh: readonly string[] | null = null
  for (const [index, { id, payload }] of records.entries()) {
    if (file.notebook !== null && (ids.has(id) || file.notebook.has(id))) continue
    const { content } = payload
    if (typeof content === 'string' || Buffer.isBuffer(content)) parts.push(content)
    else {
      const row = content as CsvRow
      if (columns === null && file.size > 0) throw new Error(COLUMNS_UNKNOWN)
      columns ??= [...row.keys()]
      if (file.size === 0 && fresh === null) {
        fresh = columns
        if (csv.header) parts.push(csvHeader(columns, csv.delimiter))
      }
      const stray = strayFields(row, columns)
      if (stray.length > 0) {
        refused.set(
          index,
          new Error(`no column for ${stray.join(', ')}: the file has ${columns.join(', ')}. Set csv.columns`),
        )
        continue
      }
      parts.push(csvLine(row, columns, csv.delimiter))
    }
    if (file.notebook !== null) ids.add(id)
  }
  const plain = bytesOf(parts)
  const bytes = plain.length === 0 ? plain : await compressed(plain, compression)
  return { bytes, ids: [...ids], columns: csv.columns === null ? fresh : null, refused }
}

/** Texts that follow each other become bytes together. */
function bytesOf(parts: readonly (string | Buffer)[]): Buffer {
  const chunks: Buffer[] = []
  let text = ''
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part
      continue
    }
    if (text !== '') chunks.push(Buffer.from(text))
    text = ''
    chunks.push(part)
  }
  const rest = Buffer.from(text)
  return chunks.length === 0 ? rest : Buffer.concat([...chunks, rest])
}

const COLUMNS_UNKNOWN =
  'its columns are not known, because the notes about it (.drakkar in the base folder) are gone: set csv.columns'

/** Writes what is pending, whole or not at all, with a note of it first. */
export async function writePending(
  file: OpenFile,
  { bytes, ids, columns }: Pending,
  { flush }: AppendOptions,
): Promise<void> {
  const { handle, notebook } = file
  if (bytes.length === 0) return
  if (columns !== null) await notebook?.setColumns(columns)
  const range = { ino: file.ino, at: file.size, end: file.size + bytes.length, crc: crc32(bytes) }
  await notebook?.note({ range, ids })
  await append(handle, bytes, async () => {
    if (flush) await Promise.all([handle.datasync(), notebook?.flushed()])
  })
  file.size = range.end
  await notebook?.confirm(ids)
}
