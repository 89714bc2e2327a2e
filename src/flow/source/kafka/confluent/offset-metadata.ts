/**
 * The client puts a NUL behind each metadata string it commits, and cuts the last byte off each one it reads. Its own
 * strings survive that; those that another client wrote or copied do not. So ours end with a mark that is recognised
 * whole or with its last character cut off.
 */
const MARK = ';~'

/** What is handed to the client for `metadata`; undefined where there is none to write. */
export function frameMetadata(metadata: string): string | undefined {
  return metadata === '' ? undefined : metadata + MARK
}

/**
 * The string that `frameMetadata` was given, from what the client read, with or without the NUL on the wire. A string
 * that someone else wrote without our mark comes as the client gives it: one byte short, which no caller can mend.
 */
export function unframeMetadata(read: string | null | undefined): string {
  if (!read) return ''
  if (read.endsWith(MARK)) return read.slice(0, -MARK.length)
  if (read.endsWith(';~\0')) return read.slice(0, -3)
  return read.endsWith(';') ? read.slice(0, -1) : read
}
