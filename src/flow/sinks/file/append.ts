import type { FileHandle } from 'node:fs/promises'

const CHUNK = 64 * 1024
const LINE_FEED = 10

/**
 * Appends bytes to a file that is open for appending, whole or not at all: where writing fails in the middle, the file is
 * cut back to its old length and the error is thrown. `flushed` waits until they are on the disk; with them in the file,
 * and a failure of it undoes the append too.
 */
export async function append(file: FileHandle, bytes: Buffer, flushed: () => Promise<unknown>): Promise<void> {
  const { size } = await file.stat()
  try {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, at, bytes.length - at, null)
      at += bytesWritten
    }
    await flushed()
  } catch (error) {
    await cutBack(file, size, error)
    throw error
  }
}

async function cutBack(file: FileHandle, size: number, cause: unknown): Promise<void> {
  try {
    await file.truncate(size)
  } catch (error) {
    throw new AggregateError(
      [cause, error],
      `${message(cause)}; the half-written line could not be cut off (${message(error)}); that is tried when the file is opened again`,
    )
  }
}

/**
 * Cuts off a last line that has no line feed: a crash in the middle of `append` left it, and it was never acknowledged.
 * Answers how many bytes were cut.
 */
export async function cutTornLine(file: FileHandle): Promise<number> {
  const { size } = await file.stat()
  const chunk = Buffer.alloc(Math.min(CHUNK, size))
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunk.length)
    const { bytesRead } = await file.read(chunk, 0, end - start, start)
    const at = chunk.subarray(0, bytesRead).lastIndexOf(LINE_FEED)
    const whole = at >= 0 ? start + at + 1 : 0
    if (at >= 0 || start === 0) {
      if (whole < size) await file.truncate(whole)
      return size - whole
    }
    end = start
  }
  return 0
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
