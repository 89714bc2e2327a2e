import { DrakkarError } from '../../../model/index.ts'
import { fieldAt } from '../produce/line-record.ts'
import type { Letter } from './letter.ts'

/** What the user typed of a filter. Lists: any of them; different options: all of them. */
export interface FilterOptions {
  readonly stage?: readonly string[] | undefined
  readonly verdict?: readonly string[] | undefined
  readonly sink?: readonly string[] | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  /** `NAME` or `NAME=VALUE`, of the message's own headers. */
  readonly header?: readonly string[] | undefined
  /** `TOPIC`, `TOPIC/PARTITION` or `TOPIC/PARTITION/OFFSET` of the source. */
  readonly source?: string | undefined
  /** `PATH` or `PATH=VALUE` in the JSON of the value. */
  readonly where?: readonly string[] | undefined
  readonly text?: string | undefined
}

export type LetterFilter = (letter: Letter) => boolean

/**
 * The filter that was asked for. Throws USAGE where an option cannot be read. `now`: milliseconds since the epoch, for
 * times such as `2h`.
 */
export function letterFilter(options: FilterOptions, now: number): LetterFilter {
  const tests: LetterFilter[] = []
  const oneOf = (wanted: readonly string[] | undefined, of: (letter: Letter) => string | undefined): void => {
    if (wanted !== undefined) tests.push((letter) => wanted.includes(of(letter) ?? ''))
  }
  oneOf(options.stage, ({ stage }) => stage)
  oneOf(options.verdict, ({ verdict }) => verdict)
  oneOf(options.sink, ({ sink }) => sink)
  const since = time('--since', options.since, now)
  const until = time('--until', options.until, now)
  if (since !== undefined) tests.push(({ at }) => at !== null && at >= since)
  if (until !== undefined) tests.push(({ at }) => at !== null && at < until)
  for (const text of options.header ?? []) tests.push(headerTest(text))
  if (options.source !== undefined) tests.push(sourceTest(options.source))
  for (const text of options.where ?? []) tests.push(whereTest(text))
  if (options.text !== undefined) tests.push(textTest(options.text))
  return (letter) => tests.every((test) => test(letter))
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function time(option: string, text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? []
  const at = count === undefined ? Date.parse(text) : now - Number(count) * (UNITS[unit] ?? 0)
  if (!Number.isNaN(at)) return at
  throw new DrakkarError('USAGE', `${option} ${text}: a time is wanted`, {
    advice: 'Such as 2h (two hours ago; s, m, h or d), 2026-01-31 or 2026-01-31T08:00:00Z.',
  })
}

function headerTest(text: string): LetterFilter {
  const [name, value] = pair(text)
  return ({ headers }) =>
    headers.some(([other, bytes]) => other === name && (value === undefined || bytes?.toString('utf8') === value))
}

function sourceTest(text: string): LetterFilter {
  const [topic, partition, offset, ...more] = text.split('/')
  const isNumber = (part: string | undefined): boolean => part === undefined || /^\d+$/.test(part)
  if (topic === undefined || topic === '' || more.length > 0 || !isNumber(partition) || !isNumber(offset)) {
    throw new DrakkarError('USAGE', `--source ${text}: a place is wanted`, {
      advice: 'Such as jobs, jobs/3 or jobs/3/1207: topic, partition, offset.',
    })
  }
  return ({ source }) =>
    source !== undefined &&
    source.topic === topic &&
    (partition === undefined || source.partition === Number(partition)) &&
    (offset === undefined || source.offset === Number(offset))
}

/** The value is compared as JSON where it is some, and as text: `n=5` fits 5 and "5". */
function whereTest(text: string): LetterFilter {
  const [path, value] = pair(text)
  return ({ stored }) => {
    const json = jsonOf(stored.value)
    const found = json === undefined ? undefined : fieldAt(json, path)
    if (value === undefined || found === undefined) return found !== undefined && value === undefined
    return typeof found === 'string' ? found === value : JSON.stringify(found) === value
  }
}

function textTest(text: string): LetterFilter {
  const bytes = Buffer.from(text, 'utf8')
  return ({ stored, reason, stderr }) =>
    stored.value?.includes(bytes) === true || reason?.includes(text) === true || stderr?.includes(bytes) === true
}

function pair(text: string): readonly [name: string, value: string | undefined] {
  const at = text.indexOf('=')
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

/** The value as JSON; undefined where it is none. */
export function jsonOf(value: Buffer | null): unknown {
  if (value === null) return undefined
  try {
    return JSON.parse(value.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}
