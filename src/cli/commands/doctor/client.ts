import type { Config } from '../../../config/index.ts'
import { clientFacts } from '../../../flow/source/index.ts'
import { type Finding, ok, problem } from './finding.ts'

export function clientFindings(): readonly Finding[] {
  const { name, version, librdkafka, features } = clientFacts()
  const built = features.filter((feature) => /^(gzip|snappy|lz4|zstd|ssl|sasl.*)$/.test(feature)).join(' ')
  return [ok('Kafka client', `${name} ${version}, librdkafka ${librdkafka}: ${built}`)]
}

/** What the configuration asks of the client, against what it was built with. */
export function featureFindings({ kafka, sinks, dlq }: Config): readonly Finding[] {
  const { features } = clientFacts()
  const wanted: [setting: string, feature: string][] = []
  for (const [name, sink] of Object.entries(sinks.kafka)) {
    if (sink.compression !== 'none') wanted.push([`sinks.kafka.${name}.compression`, sink.compression])
    wanted.push(...securityFeatures(`sinks.kafka.${name}.security`, sink.security))
  }
  wanted.push(...securityFeatures('kafka.security', kafka.security), ...securityFeatures('dlq.security', dlq.security))
  return wanted
    .filter(([, feature]) => !features.includes(feature))
    .map(([setting, feature]) =>
      problem(
        'Kafka client',
        `${setting} needs ${feature}, which the client was built without`,
        'Compile it where the library is installed (libzstd-dev, libssl-dev, libsasl2-dev): `CKJS_LINKING=dynamic npm rebuild @confluentinc/kafka-javascript`.',
      ),
    )
}

function securityFeatures(setting: string, security: Config['kafka']['security']): [string, string][] {
  const { protocol, saslMechanism } = security
  const wanted: [string, string][] = protocol.endsWith('SSL') ? [[setting, 'ssl']] : []
  if (saslMechanism === undefined) return wanted
  const feature = saslMechanism.startsWith('SCRAM') ? 'sasl_scram' : `sasl_${saslMechanism.toLowerCase()}`
  return [...wanted, [setting, feature]]
}
