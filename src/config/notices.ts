import type { Config } from './config.ts'

/** Connection settings that count for nothing, because their client has no brokers of its own. */
export function ignoredConnections({ sinks, dlq }: Config): string[] {
  const clients = [
    ['dlq', dlq] as const,
    ...Object.entries(sinks.kafka).map(([name, sink]) => [`sinks.kafka.${name}`, sink] as const),
  ]
  return clients.flatMap(([path, { brokers, security, clientConfig }]) => {
    if (brokers !== '') return []
    const ignored = [
      ...(security.protocol === 'PLAINTEXT' ? [] : ['security']),
      ...(Object.keys(clientConfig).length === 0 ? [] : ['client_config']),
    ]
    return ignored.map(
      (name) =>
        `${path}.${name} counts only with brokers of its own; without, brokers, security and client_config of \`kafka\` are used together`,
    )
  })
}
