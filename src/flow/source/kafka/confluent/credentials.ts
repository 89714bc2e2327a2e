import { type Clock, SecretFile } from '../../../../lib/index.ts'
import { DrakkarError, reasonOf } from '../../../../model/index.ts'
import type { ClientProperties } from '../driver.ts'
import type { RdClient } from './client-types.ts'

/** A property of ours, not of the client: the file that holds `sasl.password`. */
const PASSWORD_FILE = 'sasl.password.file'

/**
 * The password of a client where it stands in a file. Brokers ask for it with each new connection, and again where they
 * limit how long one holds (`connections.max.reauth.ms`); the client shows what `follow` gave it last, and tries at once.
 */
export class Credentials {
  /** Of the client, with the password as it is now. */
  readonly properties: ClientProperties
  readonly #file: SecretFile | null
  readonly #user: string

  /** Throws `CONFIG_INVALID` where there is a file and it cannot be read. */
  constructor(properties: ClientProperties, clock: Clock) {
    const { [PASSWORD_FILE]: path, ...others } = properties
    this.#file = path === undefined ? null : opened(String(path), clock)
    this.#user = String(properties['sasl.username'] ?? '')
    this.properties = this.#file === null ? others : { ...others, 'sasl.password': this.#file.secret }
  }

  /** To be called when the client is connected; it takes no credentials before. */
  follow(client: Pick<RdClient, 'setSaslCredentials'>): void {
    this.#file?.follow((password) => client.setSaslCredentials(this.#user, password))
  }

  /** Before the client is destroyed. */
  stop(): void {
    this.#file?.stop()
  }
}

function opened(path: string, clock: Clock): SecretFile {
  try {
    return new SecretFile(path, clock)
  } catch (error) {
    throw new DrakkarError(
      'CONFIG_INVALID',
      `The file with the password for Kafka cannot be used: ${reasonOf(error)}`,
      {
        cause: error,
        advice:
          'Correct sasl_password_file (of kafka.security, or of a sink or dlq with brokers of their own), and let the user of the worker read it.',
      },
    )
  }
}
