import { isUtf8 } from 'node:buffer'
import { type Letter, placeText, sourceText } from './letter.ts'

// Unicode's control characters but for line feed and tab, and its two line separators.
const MOVES_CURSOR = /(?![\n\t])[\p{Cc}\u2028\u2029]/gu

/** Text for a terminal: what could move its cursor or colour it is written out. */
export function printable(text: string): string {
  return text.replace(MOVES_CURSOR, (character) => {
    const code = character.charCodeAt(0)
    return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, '0')}`
  })
}

/** The same on one line. */
export function oneLine(text: string): string {
  return printable(text.replaceAll('\n', '⏎').replaceAll('\t', ' '))
}

const HEX_BYTES = 512

/** Bytes as text where they are UTF-8 (JSON is set in lines), else as hexadecimal numbers. */
export function bytesText(bytes: Buffer | null): string {
  if (bytes === null) return '(null)'
  if (bytes.length === 0) return '(empty)'
  if (!isUtf8(bytes)) return hexText(bytes)
  const text = bytes.toString('utf8')
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === 'object' && json !== null ? printable(JSON.stringify(json, null, 2)) : printable(text)
  } catch {
    return printable(text)
  }
}

function hexText(bytes: Buffer): string {
  const shown = bytes.subarray(0, HEX_BYTES)
  const lines: string[] = []
  for (let at = 0; at < shown.length; at += 16) {
    const line = shown.subarray(at, at + 16)
    const hex = line.toString('hex').replaceAll(/../g, '$& ').padEnd(48)
    const text = line.toString('latin1').replaceAll(/[^\x20-\x7e]/g, '.')
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex} ${text}`)
  }
  if (bytes.length > HEX_BYTES) lines.push(`… ${bytes.length - HEX_BYTES} bytes more; --raw writes them all`)
  return lines.join('\n')
}

export function timeText(at: number | null): string {
  return at === null ? '?' : new Date(at).toISOString().replace('T', ' ').slice(0, 19)
}

/** How a letter ended, in one word. */
export function verdictText({ verdict, facts, sink }: Letter): string {
  const code = facts.get('exit-code')?.toString('utf8')
  const signal = facts.get('signal')?.toString('utf8')
  if (verdict === 'exit' && code !== undefined) return `exit ${code}`
  if (verdict === 'signal' && signal !== undefined) return signal
  return verdict ?? sink ?? '-'
}

const HEAD = ['LETTER', 'DIED (UTC)', 'STAGE', 'VERDICT', 'MESSAGE', 'REASON'] as const

/** Rows for people, one a letter, each at most `width` characters wide. */
export function table(letters: readonly Letter[], width: number): string {
  const rows = letters.map((letter) =>
    [
      placeText(letter.stored.place),
      timeText(letter.at),
      letter.stage ?? '-',
      verdictText(letter),
      sourceText(letter),
      letter.reason ?? '(no dead letter: it has no drakkar-dl headers)',
    ].map(oneLine),
  )
  const widths = HEAD.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  return [[...HEAD], ...rows]
    .map((row) => {
      const line = row.map((cell, column) => (column === HEAD.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      return cut(line.join('  '), width)
    })
    .map((line) => `${line}\n`)
    .join('')
}

/** At most so many characters; what was cut ends in an ellipsis. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

/** One letter whole, for people. */
export function wholeText(letter: Letter): string {
  const { stored, headers, facts, stderr } = letter
  const { place } = stored
  const long = new Set(['stderr-tail', 'deaths'])
  const known = [...facts].filter(([name]) => !long.has(name))
  const width = Math.max(8, ...known.map(([name]) => name.length))
  const line = (name: string, value: string): string => `  ${name.padEnd(width)}  ${value}\n`
  const section = (title: string, body: string): string => `\n${title}\n${body.replace(/\n?$/, '\n')}`
  return [
    place.kind === 'file' ? `${place.path}\n` : `${place.topic} partition ${place.partition} offset ${place.offset}\n`,
    section(
      'Why it died',
      known.map(([name, value]) => line(name, oneLine(value?.toString('utf8') ?? '(null)'))).join(''),
    ),
    facts.has('deaths') ? section('All its deaths', indented(bytesText(facts.get('deaths') ?? null))) : '',
    stderr === undefined || stderr.length === 0
      ? ''
      : section('The end of its stderr', indented(printable(stderr.toString('utf8')))),
    section('Key', indented(bytesText(stored.key))),
    section(
      `Headers (${headers.length})`,
      headers
        .map(([name, value]) => `  ${oneLine(name)}: ${value === null ? '(null)' : oneLine(bytesText(value))}\n`)
        .join(''),
    ),
    section(`Value (${stored.value?.length ?? 0} bytes)`, indented(bytesText(stored.value))),
  ].join('')
}

function indented(text: string): string {
  return text.replace(/\n$/, '').replaceAll(/^/gm, '  ')
}

/** One letter as a line of JSON, for programs. Values that are not UTF-8 are base64, and named so. */
export function jsonLine(letter: Letter): string {
  const { stored, headers, source, stage, reason, verdict, sink, at, redrives, facts } = letter
  const bytes = (value: Buffer | null): unknown =>
    value === null ? null : isUtf8(value) ? value.toString('utf8') : { base64: value.toString('base64') }
  const content = {
    place: stored.place.kind === 'file' ? { file: stored.place.path } : { ...stored.place, kind: undefined },
    died: at === null ? null : new Date(at).toISOString(),
    stage,
    verdict,
    sink,
    reason,
    source,
    redrives,
    facts: Object.fromEntries([...facts].map(([name, value]) => [name, bytes(value)])),
    key: bytes(stored.key),
    headers: headers.map(([name, value]) => [name, bytes(value)]),
    value: bytes(stored.value),
  }
  return `${JSON.stringify(content)}\n`
}
