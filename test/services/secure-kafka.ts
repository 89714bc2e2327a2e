import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { type Certificate, certificateIn } from './certificates.ts'
import { type KafkaBroker, startKafka } from './kafka.ts'
import { kafkaTool } from './kafka-tool.ts'

const ACLS = 'org.apache.kafka.tools.AclCommand'
const CONFIGS = 'kafka.admin.ConfigCommand'

/** What somebody may do: `--topic in --operation Read`. */
export type Grant = readonly string[]

/** A broker that lets nobody do what no ACL allows. Its listener without TLS is for the tests themselves: all is allowed there. */
export class SecureKafka implements AsyncDisposable {
  readonly broker: KafkaBroker
  /** `host:port` of the listener with TLS and SCRAM. */
  readonly scram: string
  /** `host:port` of the listener that knows its clients by their certificates. */
  readonly mutual: string
  readonly certificate: Certificate
  readonly #folder: string

  private constructor(broker: KafkaBroker, scram: string, mutual: string, certificate: Certificate, folder: string) {
    this.broker = broker
    this.scram = scram
    this.mutual = mutual
    this.certificate = certificate
    this.#folder = folder
  }

  static async start(settings: Readonly<Record<string, string | number>> = {}): Promise<SecureKafka> {
    const folder = await mkdtemp(join(tmpdir(), 'drakkar-secure-'))
    const certificate = await certificateIn(folder)
    const [scram, mutual] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
    const broker = await startKafka(({ client, controller }) => ({
      listeners: `PLAINTEXT://${client},CONTROLLER://${controller},SCRAM://${scram},MUTUAL://${mutual}`,
      'advertised.listeners': `PLAINTEXT://${client},SCRAM://${scram},MUTUAL://${mutual}`,
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SCRAM:SASL_SSL,MUTUAL:SSL',
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      'listener.name.scram.scram-sha-512.sasl.jaas.config':
        'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': certificate.both,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': certificate.cert,
      'listener.name.mutual.ssl.client.auth': 'required',
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
      ...settings,
    }))
    return new SecureKafka(broker, scram, mutual, certificate, folder)
  }

  async setPassword(user: string, password: string): Promise<void> {
    const whom = ['--entity-type', 'users', '--entity-name', user]
    const server = ['--bootstrap-server', this.broker.brokers]
    await kafkaTool(CONFIGS, ...server, '--alter', '--add-config', `SCRAM-SHA-512=[password=${password}]`, ...whom)
  }

  async allow(principal: string, grants: readonly Grant[]): Promise<void> {
    for (const grant of grants) await this.#acls('--add', '--allow-principal', principal, ...grant)
  }

  async forbid(principal: string, grant: Grant): Promise<void> {
    await this.#acls('--remove', '--force', '--allow-principal', principal, ...grant)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #acls(...words: readonly string[]): Promise<void> {
    await kafkaTool(ACLS, '--bootstrap-server', this.broker.brokers, ...words)
  }
}
