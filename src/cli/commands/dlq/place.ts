import { createHash, randomUUID } from 'node:crypto'
import { clientProperties, type LoadedConfig, loadConfig } from '../../../config/index.ts'
import { deadLetterTopic } from '../../../flow/ends/index.ts'
import { confluentDriver } from '../../../flow/source/index.ts'
import { systemClock as clock } from '../../../lib/index.ts'
import { DrakkarError } from '../../../model/index.ts'
import type { CommandIo } from '../../command-line.ts'
import { folderLetters } from './folder-reader.ts'
import type { StoredLetter } from './letter.ts'
import { storedRecord, TopicReader, type TopicReaderOptions } from './topic-reader.ts'

/** Options that say where the letters are. */
export const PLACE_OPTIONS = {
  topic: { type: 'string', short: 't' },
  folder: { type: 'string' },
  brokers: { type: 'string', short: 'b' },
  config: { type: 'string', short: 'c' },
} as const

export interface PlaceValues {
  readonly topic?: string | undefined
  readonly folder?: string | undefined
  readonly brokers?: string | undefined
  readonly config?: string | undefined
}

export type Place =
  | { readonly kind: 'topic'; readonly topic: string; readonly loaded: LoadedConfig }
  | { readonly kind: 'folder'; readonly folder: string; readonly loaded: LoadedConfig }

/** Where the letters are: as the options say, else as the configuration says. Throws USAGE where neither does. */
export async function placeOf(values: PlaceValues, io: CommandIo): Promise<Place> {
  if (values.topic !== undefined && values.folder !== undefined)
    throw new DrakkarError('USAGE', 'letters are in a topic or in a folder: -t and --folder are both given', {
      advice: 'Leave one of them out.',
    })
  const loaded = await loadConfig({
    path: values.config,
    env: io.env,
    ...(values.brokers === undefined ? {} : { overrides: { kafka: { brokers: values.brokers } } }),
  })
  if (values.folder !== undefined) return { kind: 'folder', folder: values.folder, loaded }
  if (values.topic !== undefined) return { kind: 'topic', topic: values.topic, loaded }
  const { dlq } = loaded.config
  if (dlq.type === 'file') return { kind: 'folder', folder: dlq.path, loaded }
  return { kind: 'topic', topic: onlyTopic(loaded), loaded }
}

/** A default of the configuration is no choice of anyone: only a topic that someone wrote down is taken. */
function onlyTopic({ config, origin }: LoadedConfig): string {
  if (config.dlq.topic !== '') return config.dlq.topic
  const [source, ...more] = config.sources.kafka.topic
  const written = origin('sources.kafka.topic') !== 'default'
  if (written && source !== undefined && more.length === 0 && !source.startsWith('^')) return deadLetterTopic(source)
  throw new DrakkarError('USAGE', 'which letters? No topic and no folder was given', {
    advice: 'Name the dead-letter topic with -t, the folder with --folder, or a configuration with -c.',
  })
}

/** A reader of the topic. Without a group it leaves no trace in the cluster. */
export function readerOf(
  place: Extract<Place, { kind: 'topic' }>,
  from: TopicReaderOptions['from'],
  group: string = `drakkar-dlq-${randomUUID()}`,
): TopicReader {
  const { kafka, dlq } = place.loaded.config
  return new TopicReader({
    driver: confluentDriver(),
    client: clientProperties(kafka, dlq),
    topic: place.topic,
    group,
    from,
    clock,
  })
}

/** Every letter there is, in the order of the place. */
export async function* lettersOf(
  place: Place,
  io: CommandIo,
  signal: AbortSignal,
  from: TopicReaderOptions['from'] = 'begin',
): AsyncGenerator<StoredLetter> {
  if (place.kind === 'folder') {
    yield* folderLetters(place.folder, (path, reason) => io.stderr.write(`${path}: ${reason}\n`))
    return
  }
  const reader = readerOf(place, from)
  try {
    await reader.open()
    for (let batch = await reader.next(500, signal); batch !== null; batch = await reader.next(500, signal))
      yield* batch.map(storedRecord)
  } finally {
    await reader.close()
  }
}

/** The group that remembers how far a redrive is: the same for the same wish, so that repeating it goes on. */
export function redriveGroup(topic: string, wish: readonly (readonly [string, unknown])[]): string {
  const given = wish.filter(([, value]) => value !== undefined)
  if (given.length === 0) return `drakkar-redrive-${topic}`
  return `drakkar-redrive-${topic}-${createHash('sha256').update(JSON.stringify(given)).digest('hex').slice(0, 8)}`
}
