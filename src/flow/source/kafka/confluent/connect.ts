import type { Clock } from '../../../../lib/index.ts'
import { DrakkarError } from '../../../../model/index.ts'
import type { ClientProperties, DriverError } from '../driver.ts'
import type { RdClient } from './client-types.ts'
import { fromClient } from './errors.ts'
import { type Journal, readable } from './journal.ts'

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
const CLOSED = /Disconnected/
/** What the client needs to clean up after its own time-out. */
const CLEAN_UP_MS = 1_000

/**
 * Connects, which means that a broker answered a metadata request. Rejects with `BROKER_UNREACHABLE` after `timeoutMs`,
 * or as soon as a broker refuses the credentials; the text names the brokers and the client's own last words.
 */
export function connect(client: RdClient, of: Connection): Promise<void> {
  const begun = of.clock.monotonic()
  return new Promise((resolve, reject) => {
    let closed = ''
    const fail = (cause: DriverError | null, refused = false): void => {
      const warnings = of.journal.last(3)
      const said = warnings.length > 0 || closed === '' ? warnings : [closed]
      reject(unreachable(of, said, cause, refused, Math.round(of.clock.monotonic() - begun)))
    }
    const timer = of.clock.timer(of.timeoutMs + CLEAN_UP_MS, () => fail(null))
    client.on('event.log', ({ fac, message }) => {
      // Later that is usual, so it is no warning; here it is what a listener with another protocol does.
      if (fac === 'FAIL' && CLOSED.test(message)) closed = readable(message)
      if (REFUSED.test(message)) fail(null, true)
    })
    client.connect({ timeout: of.timeoutMs, allTopics: false }, (error) => {
      timer.cancel()
      if (error) fail(fromClient(error, 'connecting'))
      else resolve()
    })
  })
}

function unreachable(
  of: Connection,
  said: readonly string[],
  cause: DriverError | null,
  refused: boolean,
  afterMs: number,
): DrakkarError {
  const brokers = String(of.properties['bootstrap.servers'] ?? of.properties['metadata.broker.list'] ?? '(none given)')
  const what = refused
    ? `A Kafka broker of ${brokers} refused the credentials`
    : `No Kafka broker could be reached at ${brokers} (tried for ${afterMs} ms)`
  return new DrakkarError('BROKER_UNREACHABLE', said.length > 0 ? `${what}: ${said.join('; ')}` : what, {
    ...(cause === null ? {} : { cause }),
    advice: refused
      ? 'Check user, password and mechanism (sasl.*) and the security protocol.'
      : adviceFor(said.join('; ')),
  })
}

function adviceFor(said: string): string {
  if (/certificate could not be verified|certificate verify failed/i.test(said)) {
    return 'Name the authority that signed the certificates of the brokers in ssl_ca_location; names in `brokers` must be those in the certificates.'
  }
  if (/alert (?:certificate required|bad certificate|unknown ca|handshake failure)/i.test(said)) {
    return 'The brokers know their clients by certificates: set ssl_certificate_location and ssl_key_location.'
  }
  if (CLOSED.test(said)) {
    return 'Something listens there and closes the connection: it may want TLS or SASL (kafka.security.protocol).'
  }
  return 'Check the broker list, that the brokers run, and that the security protocol is theirs.'
}
