import type { Readable } from 'node:stream'
import { parseArgs } from 'node:util'
import { clientProperties, type LoadedConfig, loadConfig } from '../../config/index.ts'
import { confluentDriver, type KafkaProducer } from '../../flow/source/index.ts'
import { systemClock as clock } from '../../lib/index.ts'
import { DrakkarError } from '../../model/index.ts'
import type { CommandIo } from '../command-line.ts'
import { count, Progress } from './produce/progress.ts'
import { LineSender, type Tally } from './produce/send-lines.ts'

const USAGE = `Usage: drakkar produce -t TOPIC [-b BROKERS] [options] < lines.jsonl

  -t, --topic TOPIC    where to; default: the one source topic of -c
  -b, --brokers LIST   host:port,…; default: kafka.brokers of the configuration
  -c, --config FILE    YAML, for brokers, security and client settings;
                       default: the variable DRAKKAR_CONFIG
      --key FIELD      this field of the JSON is the record's key; dots lead
                       into objects (user.id)
      --rate N         at most N records a second; default: as fast as the
                       brokers acknowledge
      --raw            any text: nothing is checked, blank lines are sent too
      --skip-bad       bad lines do not change the exit status
  -h, --help           this text

Each line of stdin is one record, sent as it is, byte for byte. Without --raw
it must be JSON, and blank lines are passed over. A bad line is not sent, and
named with its number. A record counts when all in-sync replicas have it.

Exit status: 0 all sent · 2 there were bad lines (the others are sent) ·
3 the brokers failed · 130 interrupted.
`

const MAX_SHOWN = 10

interface Wanted {
  readonly topic: string
  readonly loaded: LoadedConfig
  readonly key: string | undefined
  readonly rate: number | undefined
  readonly raw: boolean
  readonly skipBad: boolean
}

/** `drakkar produce`: lines of stdin become records of a topic. */
export async function produceCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const wanted = await wantedOf(args, io)
  if (wanted === null) {
    io.stdout.write(USAGE)
    return 0
  }
  const { kafka, sources } = wanted.loaded.config
  const { maxMessageBytes } = sources.kafka
  const producer = confluentDriver().producer(clientProperties(kafka), {
    lingerMs: 5,
    compression: 'lz4',
    maxMessageBytes,
  })
  try {
    await producer.connect()
    await requireTopic(producer, wanted.topic, kafka.brokers)
    return await sendAll(producer, wanted, io)
  } finally {
    await producer.close()
  }
}

async function sendAll(producer: KafkaProducer, wanted: Wanted, io: CommandIo): Promise<number> {
  const { topic, raw, key, rate, loaded } = wanted
  if ((io.stdin as { readonly isTTY?: boolean }).isTTY === true) {
    io.stderr.write('Reading lines from the terminal; Ctrl-D ends them.\n')
  }
  const interrupted = interruption(io)
  let shown = 0
  const sender = new LineSender(producer, {
    topic,
    rules: { raw, ...(key === undefined ? {} : { key }) },
    ...(rate === undefined ? {} : { rate }),
    maxLineBytes: loaded.config.sources.kafka.maxMessageBytes,
    clock,
    signal: interrupted.signal,
    onBad: (line, reason) => {
      shown += 1
      if (shown <= MAX_SHOWN) progress.say(`drakkar: line ${line}: ${reason}`)
    },
  })
  const progress = new Progress(io, clock, sender.tally)
  try {
    await sender.run(interrupted.input)
  } finally {
    progress.stop()
    interrupted.remove()
  }
  return report(sender.tally, wanted, interrupted.signal.aborted, io)
}

function report(tally: Tally, { topic, skipBad }: Wanted, interrupted: boolean, io: CommandIo): number {
  if (tally.bad > MAX_SHOWN) io.stderr.write(`drakkar: and ${count(tally.bad - MAX_SHOWN)} bad lines more\n`)
  const parts = [
    `${count(tally.acknowledged)} ${tally.acknowledged === 1 ? 'record' : 'records'} acknowledged in ${topic}`,
    ...(tally.bad > 0 ? [`${count(tally.bad)} bad ${tally.bad === 1 ? 'line' : 'lines'} not sent`] : []),
    ...(tally.unknown > 0 ? [`${count(tally.unknown)} sent without an answer`] : []),
    ...(interrupted ? ['interrupted before the end of the input'] : []),
  ]
  io.stdout.write(`${parts.join('; ')}\n`)
  if (tally.failure !== undefined) {
    io.stderr.write(`drakkar: the brokers failed, the rest of the input was not sent. First at ${tally.failure}\n`)
    return 3
  }
  if (interrupted) return 130
  return tally.bad > 0 && !skipBad ? 2 : 0
}

async function wantedOf(args: readonly string[], io: CommandIo): Promise<Wanted | null> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      topic: { type: 'string', short: 't' },
      brokers: { type: 'string', short: 'b' },
      config: { type: 'string', short: 'c' },
      key: { type: 'string' },
      rate: { type: 'string' },
      raw: { type: 'boolean', default: false },
      'skip-bad': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) return null
  if (values.raw && values.key !== undefined) {
    throw new DrakkarError('USAGE', '--key needs JSON lines, and --raw sends any text', {
      advice: 'Leave one of them out.',
    })
  }
  const loaded = await loadConfig({
    path: values.config,
    env: io.env,
    ...(values.brokers === undefined ? {} : { overrides: { kafka: { brokers: values.brokers } } }),
  })
  return {
    topic: values.topic ?? onlySourceTopic(loaded),
    loaded,
    key: values.key,
    rate: rateOf(values.rate),
    raw: values.raw,
    skipBad: values['skip-bad'],
  }
}

/** A default of the configuration is no choice of anyone: only a topic that someone wrote down is taken. */
function onlySourceTopic(loaded: LoadedConfig): string {
  const [topic, ...more] = loaded.config.sources.kafka.topic
  if (
    loaded.origin('sources.kafka.topic') !== 'default' &&
    topic !== undefined &&
    more.length === 0 &&
    !topic.startsWith('^')
  )
    return topic
  throw new DrakkarError('USAGE', 'which topic? None was given', { advice: USAGE })
}

function rateOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const rate = Number(text)
  if (Number.isFinite(rate) && rate > 0) return rate
  throw new DrakkarError('USAGE', `--rate ${text}: a number of records per second above 0 is wanted`, {
    advice: 'For example --rate 500; without it records go out as fast as they are acknowledged.',
  })
}

async function requireTopic(producer: KafkaProducer, topic: string, brokers: string): Promise<void> {
  const known = await producer.describe([topic])
  if (known.get(topic) != null) return
  throw new DrakkarError(
    'TOPIC_MISSING',
    `topic ${topic} does not exist on ${brokers}, or ACLs hide it from this user`,
    {
      advice: `Create it: kafka-topics.sh --bootstrap-server ${brokers.split(',', 1)[0]} --create --topic ${topic} --partitions 4`,
    },
  )
}

/** Ctrl-C ends the input early; what was sent is still waited for and counted. A second one ends the process as usual. */
function interruption(io: CommandIo): {
  readonly signal: AbortSignal
  readonly input: AsyncIterable<Buffer | string>
  remove(): void
} {
  const abort = new AbortController()
  const stdin = io.stdin as Readable
  const stop = (): void => {
    abort.abort()
    stdin.destroy()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return {
    signal: abort.signal,
    input: untilAborted(stdin, abort.signal),
    remove: () => {
      process.removeListener('SIGINT', stop)
      process.removeListener('SIGTERM', stop)
    },
  }
}

async function* untilAborted(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer | string> {
  try {
    yield* stream
  } catch (error) {
    // A stream that was ended from here says that it ended too early.
    if (!signal.aborted) throw error
  }
}
