import { isAnswered, type Request } from './requests.ts'

/** A record or a line, and the request that it speaks of. */
export interface Seen {
  readonly id: string
  readonly text: string
}

/** What the topics and files hold. */
export interface Evidence {
  readonly requests: readonly Request[]
  /** The source topic. */
  readonly source: readonly Seen[]
  readonly answers: readonly Seen[]
  readonly deadLetters: readonly Seen[]
  readonly lines: readonly Seen[]
  /** By partition of the source topic. */
  readonly ends: ReadonlyMap<number, number>
  readonly committed: ReadonlyMap<number, number>
  /** Some texts, and on how many lines of the library they are. */
  readonly counted: ReadonlyMap<string, number>
}

/** One line of the table: it is right where found is expected and nothing else is wrong. */
export interface Row {
  readonly what: string
  readonly expected: number
  readonly found: number
  /** What should be there and is not. */
  readonly missing: readonly string[]
  /** What is there more than once. */
  readonly twice: readonly string[]
  /** What is there and should not be, or is not as it should be. */
  readonly wrong: readonly string[]
}

/** What an answer says. */
interface Answer {
  readonly find: string
  readonly lines: number
  readonly attempts: number
}

/** Compares what was asked with what is there. Nothing of it comes from the worker. */
export function check(evidence: Evidence): readonly Row[] {
  const { requests, source, answers, deadLetters, lines } = evidence
  const all = requests.map(({ id }) => id)
  const answered = requests.filter(isAnswered)
  const wanted = answered.map(({ id }) => id)
  const dead = requests.filter((request) => !isAnswered(request))
  return [
    compare('requests in Kafka', all, source, changed(requests, source)),
    compare('answers in Kafka', wanted, answers, []),
    compare('answers in files', wanted, lines, differing(answers, lines)),
    compare(
      'dead letters',
      dead.map(({ id }) => id),
      deadLetters,
      changed(dead, deadLetters),
    ),
    compare('requests with one end', all, [...answers, ...deadLetters], []),
    failedOnce(requests, answers),
    recounted(requests, answers, evidence.counted),
    committed(evidence.ends, evidence.committed),
  ]
}

/** True where nothing is missing, twice or wrong. */
export function isRight(row: Row): boolean {
  return row.expected === row.found && row.missing.length + row.twice.length + row.wrong.length === 0
}

function compare(what: string, expected: readonly string[], seen: readonly Seen[], wrong: readonly string[]): Row {
  const times = new Map(expected.map((id) => [id, 0]))
  const foreign: string[] = []
  for (const { id } of seen) {
    const before = times.get(id)
    if (before === undefined) foreign.push(id)
    else times.set(id, before + 1)
  }
  const those = (fits: (count: number) => boolean): string[] =>
    [...times].filter(([, count]) => fits(count)).map(([id]) => id)
  return {
    what,
    expected: expected.length,
    found: those((count) => count > 0).length,
    missing: those((count) => count === 0),
    twice: those((count) => count > 1),
    wrong: [...foreign, ...wrong],
  }
}

/** Records whose value is not, byte for byte, that of their request. */
function changed(requests: readonly Request[], seen: readonly Seen[]): string[] {
  const values = new Map(requests.map(({ id, value }) => [id, value.toString()]))
  return seen.filter(({ id, text }) => values.has(id) && values.get(id) !== text).map(({ id }) => id)
}

/** Lines of files that are not what the topic holds. */
function differing(answers: readonly Seen[], lines: readonly Seen[]): string[] {
  const texts = new Map(answers.map(({ id, text }) => [id, text]))
  return lines.filter(({ id, text }) => texts.has(id) && texts.get(id) !== text).map(({ id }) => id)
}

/** The searches whose first attempt had to fail were run twice, and all the others once. */
function failedOnce(requests: readonly Request[], answers: readonly Seen[]): Row {
  const failing = new Set(requests.filter(({ kind }) => kind === 'fails once').map(({ id }) => id))
  const again = new Set(answers.filter((answer) => read(answer).attempts === 2).map(({ id }) => id))
  const strange = answers.filter((answer) => read(answer).attempts !== (failing.has(answer.id) ? 2 : 1))
  return {
    what: 'failed once, run again',
    expected: failing.size,
    found: [...again].filter((id) => failing.has(id)).length,
    missing: [...failing].filter((id) => !again.has(id)),
    twice: [],
    wrong: strange.filter(({ id }) => !failing.has(id)).map(({ id }) => id),
  }
}

/** Answers whose number was counted a second time, without the program. */
function recounted(requests: readonly Request[], answers: readonly Seen[], counted: ReadonlyMap<string, number>): Row {
  const sample = requests.filter(({ kind, find }) => (kind === 'plain' || kind === 'absent') && counted.has(find))
  const byId = new Map(answers.map((answer) => [answer.id, read(answer)]))
  const missing = sample.filter(({ id }) => !byId.has(id)).map(({ id }) => id)
  const wrong = sample.filter(({ id, find }) => byId.has(id) && byId.get(id)?.lines !== counted.get(find))
  return {
    what: 'sample counted again',
    expected: sample.length,
    found: sample.length - missing.length - wrong.length,
    missing,
    twice: [],
    wrong: wrong.map(({ id }) => id),
  }
}

function committed(ends: ReadonlyMap<number, number>, positions: ReadonlyMap<number, number>): Row {
  const behind = [...ends].filter(([partition, end]) => (positions.get(partition) ?? 0) < end)
  const beyond = [...ends].filter(([partition, end]) => (positions.get(partition) ?? 0) > end)
  const name = ([partition]: readonly [number, number]): string => `partition ${partition}`
  return {
    what: 'offsets committed',
    expected: sum(ends),
    found: sum(positions),
    missing: behind.map(name),
    twice: [],
    wrong: beyond.map(name),
  }
}

function read({ text }: Seen): Answer {
  return JSON.parse(text) as Answer
}

function sum(numbers: ReadonlyMap<unknown, number>): number {
  return [...numbers.values()].reduce((total, number) => total + number, 0)
}
