import type { Config } from './config.ts'

type Connection = Pick<Config['kafka'], 'brokers' | 'security' | 'clientConfig'>

/** Properties of librdkafka, by its own names, and `sasl.password.file`, which the driver replaces by what it holds. */
export type ClientPropertyMap = Readonly<Record<string, string | number | boolean>>

/**
 * The connection of a Kafka client in librdkafka's names; `client_config` is merged last.
 * A client with brokers of its own uses only its own security and client_config; one without inherits the three
 * together from `shared`, so that credentials never go to brokers they were not written for.
 */
export function clientProperties(shared: Connection, own?: Connection): ClientPropertyMap {
  const { brokers, security, clientConfig } = own !== undefined && own.brokers !== '' ? own : shared
  return { 'bootstrap.servers': brokers, ...securityProperties(security), ...clientConfig }
}

function securityProperties(security: Connection['security']): Record<string, string> {
  if (security.protocol === 'PLAINTEXT') return {}
  const properties: Readonly<Record<string, string | null | undefined>> = {
    'sasl.mechanism': security.saslMechanism,
    'sasl.username': security.saslUsername,
    'sasl.password': security.saslPassword,
    // Not librdkafka's: the driver reads the file.
    'sasl.password.file': security.saslPasswordFile,
    'ssl.ca.location': security.sslCaLocation,
    'ssl.certificate.location': security.sslCertificateLocation,
    'ssl.key.location': security.sslKeyLocation,
    'ssl.key.password': security.sslKeyPassword,
    'ssl.endpoint.identification.algorithm': security.sslEndpointIdentificationAlgorithm,
  }
  const given = Object.entries(properties).filter((entry): entry is [string, string] => Boolean(entry[1]))
  return { 'security.protocol': security.protocol.toLowerCase(), ...Object.fromEntries(given) }
}

const GUARANTEED = 'the worker’s guarantees rest on it'

/** Properties that `client_config` cannot set, each with what to do instead. */
const RESERVED: Readonly<Record<string, string>> = {
  'bootstrap.servers': 'use `brokers`',
  'metadata.broker.list': 'use `brokers`',
  'group.id': 'use sources.kafka.consumer_group',
  'group.instance.id': 'use sources.kafka.group_instance_id',
  'group.protocol': GUARANTEED,
  'group.remote.assignor': GUARANTEED,
  'partition.assignment.strategy': GUARANTEED,
  'enable.auto.commit': GUARANTEED,
  'auto.commit.enable': GUARANTEED,
  'auto.commit.interval.ms': GUARANTEED,
  'enable.auto.offset.store': GUARANTEED,
  'enable.partition.eof': GUARANTEED,
  'auto.offset.reset': 'use sources.kafka.auto_offset_reset and on_offset_gap',
  'session.timeout.ms': 'use sources.kafka.session_timeout_ms',
  'heartbeat.interval.ms': 'use sources.kafka.heartbeat_interval_ms',
  'max.poll.interval.ms': 'use sources.kafka.max_poll_interval_ms',
  'linger.ms': 'use producer_linger_ms of the sink',
  'queue.buffering.max.ms': 'use producer_linger_ms of the sink',
  'compression.type': 'use compression of the sink',
  'compression.codec': 'use compression of the sink',
  'message.max.bytes': 'use sources.kafka.max_message_bytes',
  'enable.idempotence': GUARANTEED,
  acks: GUARANTEED,
  'request.required.acks': GUARANTEED,
  'transactional.id': 'use the worker’s name (worker_name_env)',
}

/** Why a property cannot come from `client_config`; undefined where it can. */
export function reservedFor(property: string): string | undefined {
  if (property.endsWith('_cb')) return GUARANTEED
  return Object.hasOwn(RESERVED, property) ? RESERVED[property] : undefined
}
