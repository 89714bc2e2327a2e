import type { Clock } from '../../../../lib/index.ts'
import { DrakkarError } from '../../../../model/index.ts'
import type { ClientProperties, DriverError } from '../driver.ts'
import type { RdClient } from './client-types.ts'
import { fromClient } from './errors.ts'
import type { Journal } from './journal.ts'

/**
 * Builds a native client. Throws `CONFIG_INVALID` where librdkafka does not take a property; it says which one.
 */
export function construct<Client>(kind: string, build: () => Client): Client {
  try {
    return build()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DrakkarError('CONFIG_INVALID', `The Kafka ${kind} does not take its settings: ${reason}`, {
      cause: error,
      advice: 'Pass-through client settings are librdkafka properties: see its CONFIGURATION.md for names and ranges.',
    })
  }
}

export interface Connection {
  readonly properties: ClientProperties
  readonly journal: Journal
  readonly clock: Clock
  readonly timeoutMs: number
}

/** Until the client is connected its errors are told nowhere but in its log. */
const REFUSED = /SASL authentication error/
/** What the client needs to clean up after its own time-out. */
const CLEAN_UP_MS = 1_000

/**
 * Connects, which means that a broker answered a metadata request. Rejects with `BROKER_UNREACHABLE` after `timeoutMs`,
 * or as soon as a broker refuses the credentials; the text names the brokers and the client's own last words.
 */
export function connect(client: RdClient, of: Connection): Promise<void> {
  const begun = of.clock.monotonic()
  return new Promise((resolve, reject) => {
    const fail = (cause: DriverError | null, refused = false): void =>
      reject(unreachable(of, cause, refused, Math.round(of.clock.monotonic() - begun)))
    const timer = of.clock.timer(of.timeoutMs + CLEAN_UP_MS, () => fail(null))
    client.on('event.log', ({ message }) => {
      if (REFUSED.test(message)) fail(null, true)
    })
    client.connect({ timeout: of.timeoutMs, allTopics: false }, (error) => {
      timer.cancel()
      if (error) fail(fromClient(error, 'connecting'))
      else resolve()
    })
  })
}

function unreachable(of: Connection, cause: DriverError | null, refused: boolean, afterMs: number): DrakkarError {
  const brokers = String(of.properties['bootstrap.servers'] ?? of.properties['metadata.broker.list'] ?? '(none given)')
  const said = of.journal.last(3)
  const what = refused
    ? `A Kafka broker of ${brokers} refused the credentials`
    : `No Kafka broker could be reached at ${brokers} (tried for ${afterMs} ms)`
  return new DrakkarError('BROKER_UNREACHABLE', said.length > 0 ? `${what}: ${said.join('; ')}` : what, {
    ...(cause === null ? {} : { cause }),
    advice: refused
      ? 'Check user, password and mechanism (sasl.*) and the security protocol.'
      : 'Check the broker list, that the brokers run, and that the security protocol is theirs.',
  })
}
