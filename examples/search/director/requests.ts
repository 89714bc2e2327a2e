import { type Random, seededRandom } from '../../../src/lib/index.ts'

/** What becomes of a request. */
export type Kind =
  /** A word that occurs: some milliseconds. */
  | 'plain'
  /** A word that does not occur: grep exits with 1. */
  | 'absent'
  /** A regular expression that finds doubled words: some ten times slower. */
  | 'slow'
  /** A list that is not there at the first attempt: grep exits with 2, the handler writes it, the second attempt succeeds. */
  | 'fails once'
  /** A regular expression that grep refuses: a dead letter. */
  | 'hopeless'
  /** No JSON, or not a search: a dead letter. */
  | 'unparsable'

export interface Request {
  readonly id: string
  readonly kind: Kind
  readonly value: Buffer
  /** What is looked for; empty where the request cannot be read. */
  readonly find: string
}

/** Of 100 searches. */
const SHARE = { slow: 3, 'fails once': 5, absent: 2 } as const
const HOPELESS = 3
const UNPARSABLE = 7

/** As many searches as asked for, and a few messages that are none, in an order that is the same every time. */
export function makeRequests(searches: number, words: readonly string[]): readonly Request[] {
  const random = seededRandom(1)
  const kinds: Kind[] = Array.from({ length: UNPARSABLE }, () => 'unparsable')
  for (let n = 0; n < HOPELESS; n += 1) kinds.push('hopeless')
  for (const [kind, share] of Object.entries(SHARE) as [keyof typeof SHARE, number][]) {
    for (let n = 0; n < Math.round((searches * share) / 100); n += 1) kinds.push(kind)
  }
  while (kinds.length < searches + UNPARSABLE) kinds.push('plain')
  shuffle(kinds, random)
  return kinds.map((kind, at) => request(`r${String(at + 1).padStart(6, '0')}`, kind, words, random))
}

function request(id: string, kind: Kind, words: readonly string[], random: Random): Request {
  const word = (): string => pick(words, random)
  if (kind === 'unparsable') return { id, kind, find: '', value: Buffer.from(unreadable(id, word())) }
  const as = kind === 'fails once' ? 'list' : kind === 'slow' || kind === 'hopeless' ? 'regex' : 'text'
  const find = {
    plain: () => word(),
    absent: () => `${word()}-${id}`,
    slow: () => doubled(random),
    'fails once': () => `${word()}\n${word()}\n`,
    hopeless: () => `(${word()}`,
  }[kind]()
  return { id, kind, find, value: Buffer.from(JSON.stringify({ id, find, as })) }
}

/** A word twice in a row, of those that begin with one of six letters: 'the the'. */
function doubled(random: Random): string {
  const first = 97 + Math.floor(random() * 20)
  return `\\b([${String.fromCharCode(first)}-${String.fromCharCode(first + 5)}][a-z]+) \\1\\b`
}

/** Cut short, or of another shape. */
function unreadable(id: string, word: string): string {
  const whole = JSON.stringify({ id, find: word, as: 'text' })
  return word.length % 2 === 0 ? whole.slice(0, -9) : JSON.stringify({ id, search: word })
}

function pick(words: readonly string[], random: Random): string {
  return words[Math.floor(random() * words.length)] ?? 'kafka'
}

function shuffle(items: Kind[], random: Random): void {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1))
    const [one, two] = [items[at] as Kind, items[other] as Kind]
    items[at] = two
    items[other] = one
  }
}

/** True where the request ends as an answer, false where it ends as a dead letter. */
export function isAnswered({ kind }: Request): boolean {
  return kind !== 'hopeless' && kind !== 'unparsable'
}
