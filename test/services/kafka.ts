import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../support/free-port.ts'

const SCRIPT = join(import.meta.dirname, '..', '..', 'scripts', 'services', 'kafka.sh')
const call = promisify(execFile)
/** From a broker's port for clients to that of its controller, as kafka.sh has it. */
const TO_CONTROLLER = 1

/** A real broker (Apache Kafka, KRaft) that one test file owns. */
export interface KafkaBroker extends AsyncDisposable {
  /** `host:port`, the same after a restart. */
  readonly brokers: string
  /** The broker's process, for tests that kill or freeze it. Changes with a restart. */
  readonly pid: number
  /** Stops it, or finds it dead, and starts it again with the same data, port and properties. */
  restart(): Promise<void>
  /** Stops it and deletes its data. Safe to call twice. */
  stop(): Promise<void>
}

type Properties = Readonly<Record<string, string | number>>
/** Where a broker listens, `host:port`. */
export interface Listeners {
  readonly client: string
  readonly controller: string
}

/**
 * Starts a broker of its own in a temporary folder, on a free port. `properties` are the broker's own, such as
 * `message.max.bytes`. Ends with the test process, also where nobody called `stop`.
 */
export async function startKafka(
  properties: Properties | ((at: Listeners) => Properties) = {},
  chosenPort?: number,
): Promise<KafkaBroker> {
  const dir = await mkdtemp(join(tmpdir(), 'drakkar-kafka-'))
  const port = chosenPort ?? (await freePort(TO_CONTROLLER))
  const at = { client: `127.0.0.1:${port}`, controller: `127.0.0.1:${port + TO_CONTROLLER}` }
  const own = typeof properties === 'function' ? properties(at) : properties
  const settings = Object.entries(own).map(([name, value]) => `${name}=${value}`)
  let pid = 0
  const atExit = (): void => {
    if (pid !== 0) killNow(pid)
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  }
  process.on('exit', atExit)
  const run = async (verb: string, ...args: readonly string[]): Promise<string> => {
    const { stdout } = await call(SCRIPT, [verb, dir, ...args])
    return stdout
  }
  const stop = async (): Promise<void> => {
    // At once: nothing of it is kept, and the last broker of three would look for the others first.
    await call(SCRIPT, ['stop', dir], { env: { ...process.env, KAFKA_STOP_SIGNAL: 'KILL' } })
    pid = 0
    process.removeListener('exit', atExit)
    await rm(dir, { recursive: true, force: true })
  }
  try {
    pid = Number(await run('start', String(port), ...settings))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    brokers: `127.0.0.1:${port}`,
    get pid() {
      return pid
    },
    restart: async () => {
      pid = Number(await run('restart'))
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Three brokers that keep three replicas of everything and take what two of them have. */
export async function startCluster(): Promise<readonly KafkaBroker[]> {
  const ports = [await freePort(TO_CONTROLLER), await freePort(TO_CONTROLLER), await freePort(TO_CONTROLLER)]
  const voters = ports.map((port, n) => `${n + 1}@127.0.0.1:${port + TO_CONTROLLER}`).join(',')
  const replicated = Object.fromEntries(
    ['offsets.topic', 'transaction.state.log', 'default', 'share.coordinator.state.topic'].map((of) => [
      `${of}.replication.factor`,
      3,
    ]),
  )
  // All at once: one alone is no quorum, and does not start.
  const starts = ports.map((port, n) =>
    startKafka(
      {
        'node.id': n + 1,
        'controller.quorum.voters': voters,
        ...replicated,
        'transaction.state.log.min.isr': 2,
        'min.insync.replicas': 2,
        'replica.lag.time.max.ms': 5000,
        'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1000,
      },
      port,
    ),
  )
  const started = await Promise.allSettled(starts)
  const failed = started.find((outcome) => outcome.status === 'rejected')
  const brokers = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  if (failed === undefined) return brokers
  await Promise.all(brokers.map((broker) => broker.stop()))
  throw failed.reason
}

/** The broker named in `DRAKKAR_KAFKA`, which stays as it is, else one of our own. For tests that leave the broker alone. */
export async function anyKafka(): Promise<Pick<KafkaBroker, 'brokers' | 'stop'>> {
  const brokers = process.env['DRAKKAR_KAFKA']
  return brokers === undefined || brokers === '' ? await startKafka() : { brokers, stop: async () => undefined }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone already: that is what was wanted.
  }
}
