import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { clientProperties } from '../../config/index.ts'
import { checkLetterFolder } from '../../flow/ends/index.ts'
import { confluentDriver, type KafkaProducer } from '../../flow/source/index.ts'
import { systemClock as clock } from '../../lib/index.ts'
import { DrakkarError } from '../../model/index.ts'
import type { CommandIo } from '../command-line.ts'
import { type FilterOptions, letterFilter } from './dlq/filter.ts'
import { folderLetters } from './dlq/folder-reader.ts'
import { type Letter, placeText, readLetter } from './dlq/letter.ts'
import { lettersOf, PLACE_OPTIONS, type Place, placeOf, readerOf, redriveGroup } from './dlq/place.ts'
import { intoFolder, Redrive, type RedriveOptions, type RedriveTally } from './dlq/redrive.ts'
import { Histogram } from './dlq/stats.ts'
import { jsonLine, table, wholeText } from './dlq/text.ts'
import { USAGE } from './dlq/usage.ts'
import { interruption } from './interruption.ts'
import { count } from './produce/progress.ts'

const FILTER_OPTIONS = {
  stage: { type: 'string', multiple: true },
  verdict: { type: 'string', multiple: true },
  sink: { type: 'string', multiple: true },
  since: { type: 'string' },
  until: { type: 'string' },
  header: { type: 'string', multiple: true },
  source: { type: 'string' },
  where: { type: 'string', multiple: true },
  text: { type: 'string' },
} as const satisfies ParseArgsOptionsConfig

const COMMON = { ...PLACE_OPTIONS, help: { type: 'boolean', short: 'h' } } as const satisfies ParseArgsOptionsConfig

type Verb = (args: readonly string[], io: CommandIo) => Promise<number>
const VERBS: Readonly<Record<string, Verb>> = { ls: list, show, stats, redrive }

/** `drakkar dlq`: dead letters, in a topic or a folder. */
export async function dlqCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || args.includes('--help') || args.includes('-h')) {
    ;(name === undefined ? io.stderr : io.stdout).write(USAGE)
    return name === undefined ? 2 : 0
  }
  const verb = VERBS[name]
  if (verb !== undefined) return verb(rest, io)
  throw new DrakkarError('USAGE', `drakkar dlq knows no \`${name}\``, { advice: 'It has ls, show, stats and redrive.' })
}

async function list(args: readonly string[], io: CommandIo): Promise<number> {
  const options = { ...COMMON, ...FILTER_OPTIONS, limit: { type: 'string' }, jsonl: { type: 'boolean' } } as const
  const { values } = parseArgs({ args: [...args], options })
  const limit = wholeNumber('--limit', values.limit) ?? (values.jsonl === true ? Number.POSITIVE_INFINITY : 100)
  const place = await placeOf(values, io)
  const letters: Letter[] = []
  let found = 0
  await each(place, values, io, (letter) => {
    found += 1
    if (values.jsonl === true) {
      if (found <= limit) io.stdout.write(jsonLine(letter))
      return
    }
    letters.push(letter)
    if (letters.length >= limit * 2) keepNewest(letters, limit)
  })
  if (values.jsonl === true) return 0
  keepNewest(letters, limit)
  if (found === 0) io.stdout.write('no letters\n')
  else io.stdout.write(table(letters, widthOf(io)))
  if (found > letters.length)
    io.stderr.write(`the last ${count(letters.length)} of ${count(found)} letters; --limit shows more\n`)
  return 0
}

/** Sorts by the time of death, the oldest first, and leaves the newest: they are what somebody looks for. */
function keepNewest(letters: Letter[], limit: number): void {
  letters.sort((a, b) => (a.at ?? 0) - (b.at ?? 0))
  letters.splice(0, Math.max(0, letters.length - limit))
}

async function show(args: readonly string[], io: CommandIo): Promise<number> {
  const options = { ...COMMON, raw: { type: 'boolean' }, jsonl: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  const [wanted, ...more] = positionals
  const place = await placeOf(values, io)
  const at = /^(\d+):(\d+)$/.exec(wanted ?? '')
  if (wanted === undefined || more.length > 0 || (place.kind === 'topic' && at === null)) {
    throw new DrakkarError('USAGE', 'which letter?', {
      advice: 'Name one as `drakkar dlq ls` does: PARTITION:OFFSET of the topic, or the path of the file.',
    })
  }
  const from = at === null ? 'begin' : { partition: Number(at[1]), offset: Number(at[2]) }
  for await (const stored of lettersOf(place, io, new AbortController().signal, from)) {
    if (placeText(stored.place) !== wanted) continue
    const letter = readLetter(stored)
    if (values.raw === true) io.stdout.write(stored.value ?? '')
    else io.stdout.write(values.jsonl === true ? jsonLine(letter) : wholeText(letter))
    return 0
  }
  throw new DrakkarError('USAGE', `there is no letter ${wanted} in ${nameOf(place)}`, {
    advice: '`drakkar dlq ls` names those that are there; retention may have taken it.',
  })
}

async function stats(args: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { ...COMMON, ...FILTER_OPTIONS } })
  const histogram = new Histogram()
  await each(await placeOf(values, io), values, io, (letter) => histogram.add(letter))
  io.stdout.write(histogram.text(widthOf(io)))
  return 0
}

async function redrive(args: readonly string[], io: CommandIo): Promise<number> {
  const options = {
    ...COMMON,
    ...FILTER_OPTIONS,
    to: { type: 'string' },
    'to-folder': { type: 'string' },
    group: { type: 'string' },
    rate: { type: 'string' },
    limit: { type: 'string' },
    'max-redrives': { type: 'string' },
    'dry-run': { type: 'boolean' },
    yes: { type: 'boolean', short: 'y' },
  } as const
  const { values } = parseArgs({ args: [...args], options })
  const place = await placeOf(values, io)
  const { to, 'to-folder': toFolder } = values
  refuseNonsense(place, to, toFolder)
  const dryRun = values.yes !== true || values['dry-run'] === true
  const histogram = new Histogram()
  const stop = interruption()
  const rate = positive('--rate', values.rate)
  const producer = dryRun || toFolder !== undefined ? null : producerOf(place)
  const run = new Redrive({
    filter: letterFilter(values, clock.now()),
    ...(to === undefined ? {} : { to }),
    ...(rate === undefined ? {} : { rate }),
    maxRedrives: wholeNumber('--max-redrives', values['max-redrives']) ?? 3,
    limit: wholeNumber('--limit', values.limit) ?? Number.POSITIVE_INFINITY,
    send: await senderOf(producer, toFolder, dryRun),
    dryRun,
    histogram,
    clock,
    signal: stop.signal,
  })
  const wish = [...Object.keys(FILTER_OPTIONS), 'to', 'to-folder'].map((name) => [name, values[name as 'to']] as const)
  try {
    await producer?.connect()
    if (place.kind === 'folder') {
      await run.fromFolder(folderLetters(place.folder, (path, reason) => io.stderr.write(`${path}: ${reason}\n`)))
    } else {
      const reader = readerOf(place, 'group', values.group ?? redriveGroup(place.topic, wish))
      try {
        await reader.open()
        await run.fromTopic(reader)
      } finally {
        await reader.close()
      }
    }
  } finally {
    stop.remove()
    // What was sent is acknowledged; that must be told whatever becomes of the client.
    await producer?.close().catch(() => undefined)
  }
  return report(run.tally, { dryRun, histogram, interrupted: stop.signal.aborted, to: to ?? toFolder }, io)
}

function refuseNonsense(place: Place, to: string | undefined, toFolder: string | undefined): void {
  const advice =
    'Name one other topic with --to, or one folder with --to-folder; without both, letters go to their own topics.'
  if (to !== undefined && toFolder !== undefined)
    throw new DrakkarError('USAGE', '--to and --to-folder are both given', { advice })
  const same = (place.kind === 'topic' && to === place.topic) || (place.kind === 'folder' && toFolder === place.folder)
  if (same) throw new DrakkarError('USAGE', `the letters are in ${nameOf(place)} already`, { advice })
}

function producerOf({ loaded }: Place): KafkaProducer {
  const { kafka, sources } = loaded.config
  const { maxMessageBytes } = sources.kafka
  return confluentDriver().producer(clientProperties(kafka), { lingerMs: 5, compression: 'lz4', maxMessageBytes })
}

async function senderOf(
  producer: KafkaProducer | null,
  folder: string | undefined,
  dryRun: boolean,
): Promise<RedriveOptions['send']> {
  if (producer !== null) return (record) => producer.send(record)
  if (folder === undefined) return () => Promise.resolve()
  if (!dryRun) await checkLetterFolder(folder)
  return intoFolder(folder)
}

function report(
  tally: RedriveTally,
  of: {
    readonly dryRun: boolean
    readonly histogram: Histogram
    readonly interrupted: boolean
    readonly to?: string | undefined
  },
  io: CommandIo,
): number {
  const where = of.to === undefined ? 'to their own topics' : `to ${of.to}`
  if (of.dryRun) io.stdout.write(of.histogram.text(widthOf(io)))
  const parts = [
    of.dryRun ? `\n${count(tally.sent)} would go ${where}` : `${count(tally.sent)} went back ${where}`,
    ...(tally.unmarked > 0 ? [`${count(tally.unmarked)} of them could not be marked as done`] : []),
    ...(tally.passedOver > 0 ? [`${count(tally.passedOver)} passed over by the filter`] : []),
    ...(tally.looping > 0 ? [`${count(tally.looping)} left: they were put back too often (--max-redrives)`] : []),
    ...(tally.noSource > 0 ? [`${count(tally.noSource)} left: they do not say where they came from (--to)`] : []),
    ...(of.interrupted ? ['interrupted; the same command goes on'] : []),
  ]
  io.stdout.write(`${parts.join('; ')}\n`)
  if (of.dryRun) io.stdout.write('Nothing was sent: add --yes.\n')
  if (tally.failure !== undefined) {
    io.stderr.write(`drakkar: it ended early; the same command goes on. ${tally.failure}\n`)
    return 3
  }
  return of.interrupted ? 130 : 0
}

async function each(place: Place, values: FilterOptions, io: CommandIo, tell: (letter: Letter) => void): Promise<void> {
  const filter = letterFilter(values, clock.now())
  const stop = interruption()
  try {
    for await (const stored of lettersOf(place, io, stop.signal)) {
      if (stop.signal.aborted) break
      const letter = readLetter(stored)
      if (filter(letter)) tell(letter)
    }
  } finally {
    stop.remove()
  }
}

const nameOf = (place: Place): string => (place.kind === 'topic' ? `topic ${place.topic}` : `folder ${place.folder}`)

/** A pipe has no width; what reads it wants whole lines. */
function widthOf(io: CommandIo): number {
  const { isTTY, columns } = io.stdout as { readonly isTTY?: boolean; readonly columns?: number }
  return isTTY === true ? (columns ?? 80) : Number.POSITIVE_INFINITY
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  const number = positive(option, text)
  if (number === undefined || Number.isSafeInteger(number)) return number
  throw new DrakkarError('USAGE', `${option} ${text}: a whole number is wanted`, {
    advice: `For example ${option} 100.`,
  })
}

function positive(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (Number.isFinite(number) && number > 0) return number
  throw new DrakkarError('USAGE', `${option} ${text}: a number above 0 is wanted`, {
    advice: `For example ${option} 100.`,
  })
}
