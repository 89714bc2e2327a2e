import { constants } from 'node:fs'
import { access, mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { flushFolder } from '../../lib/index.ts'
import type { OutgoingRecord } from '../sinks/index.ts'
import type { DeadLetter } from './ends.ts'

/**
 * Writes a dead letter to `<folder>/<topic>/<partition>-<offset>.json` (of the source), and resolves
 * with that path when it is on the disk. The same message always gets the same file, written whole or not at all. Keys,
 * values and headers are base64, null where the record has null.
 */
export async function writeLetterFile(folder: string, letter: DeadLetter, record: OutgoingRecord): Promise<string> {
  const { topic, partition, offset } = letter.message
  const home = join(resolve(folder), safeName(topic))
  const path = join(home, `${partition}-${offset}.json`)
  // A former owner of the partition may still be writing: each ownership has its own unfinished file.
  const unfinished = join(home, `.${partition}-${offset}.${letter.assignment.owner}.${process.pid}.tmp`)
  await makeFolders(home)
  try {
    await writeFlushed(unfinished, letterText(letter, record))
    await rename(unfinished, path)
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined) // The first error is the one to tell.
    throw error
  }
  await flushFolder(home)
  return path
}

/** Makes the folder where it is missing, and rejects where it cannot be written. */
export async function checkLetterFolder(folder: string): Promise<void> {
  await makeFolders(folder)
  await access(await realpath(folder), constants.W_OK | constants.X_OK)
}

function letterText(letter: DeadLetter, record: OutgoingRecord): string {
  const { topic, partition, offset, timestamp } = letter.message
  const base64 = (bytes: Buffer | null): string | null => bytes?.toString('base64') ?? null
  const content = {
    format: 'drakkar-dead-letter/1',
    ...(record.topic === '' ? {} : { topic: record.topic }),
    source: { topic, partition, offset, timestamp },
    key: base64(record.key),
    value: base64(record.value),
    headers: record.headers.map(([name, value]) => [name, base64(value)]),
  }
  return `${JSON.stringify(content)}\n`
}

async function writeFlushed(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function makeFolders(folder: string): Promise<void> {
  const path = resolve(folder)
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  for (let at = path; at !== dirname(first); at = dirname(at)) await flushFolder(dirname(at))
}

/** Kafka's names are safe as they are; other sources may have any. */
function safeName(topic: string): string {
  const safe = encodeURIComponent(topic)
  return /^\.+$/.test(safe) ? safe.replaceAll('.', '%2E') : safe
}
