/**
 * What is written down about a batch before its bytes go into the file: so after a crash it is known which records the
 * file holds, and where its last whole batch ends.
 */
export interface Note {
  /** The file (inode) that the bytes are for, where they begin and end, and their CRC-32; without them: surely written. */
  readonly range?: { readonly ino: number; readonly at: number; readonly end: number; readonly crc: number }
  readonly ids: readonly string[]
}

export interface NoteHead {
  /** For people: which file this is about. */
  readonly path: string
  readonly columns: readonly string[] | null
}

/** Text of a file of notes, one line each; what a crash tore off its end is left out. */
export function parseNotes(text: string): {
  readonly head: NoteHead | null
  readonly notes: readonly Note[]
  /** Nothing was left out. */
  readonly whole: boolean
} {
  const lines = text.split('\n')
  const tail = lines.pop()
  const [first, ...rest] = lines.map(parsed)
  const notes: Note[] = []
  for (const value of rest) {
    if (!isNote(value)) break
    notes.push(value)
  }
  return { head: isHead(first) ? first : null, notes, whole: tail === '' && notes.length === rest.length }
}

/**
 * Which notes the file bears out: the last ones may be of bytes that a crash kept from it. `cutTo`: where it is cut off,
 * because a batch was written in part; null: nowhere.
 */
export async function borneOut(
  notes: readonly Note[],
  file: { readonly ino: number; readonly size: number },
  crcOf: (at: number, end: number) => Promise<number>,
): Promise<{ readonly kept: number; readonly cutTo: number | null }> {
  let cutTo: number | null = null
  for (let kept = notes.length; kept > 0; kept -= 1) {
    const range = notes[kept - 1]?.range
    if (range === undefined) return { kept, cutTo }
    // Of a file that was there before: all but the last note had another batch after them, so they hold.
    if (range.ino !== file.ino) return { kept: kept === notes.length ? kept - 1 : kept, cutTo }
    if (range.end <= file.size && (await crcOf(range.at, range.end)) === range.crc) return { kept, cutTo }
    if (range.at < file.size && range.end > file.size) cutTo = range.at
  }
  return { kept: 0, cutTo }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')

function isHead(value: unknown): value is NoteHead {
  return (
    isRecord(value) && typeof value['path'] === 'string' && (value['columns'] === null || isTexts(value['columns']))
  )
}

function isNote(value: unknown): value is Note {
  if (!isRecord(value) || !isTexts(value['ids'])) return false
  const { range } = value
  if (range === undefined) return true
  return isRecord(range) && ['ino', 'at', 'end', 'crc'].every((name) => Number.isFinite(range[name]))
}
