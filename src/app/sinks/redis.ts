import type { Config } from '../../config/index.ts'
import { createRedisSink, redisLink } from '../../flow/sinks/index.ts'
import { type BuiltSink, limits } from './built.ts'

export function redisSinks(config: Config): BuiltSink[] {
  return Object.entries(config.sinks.redis).map(([name, sink]) => ({
    sink: createRedisSink({
      name,
      link: redisLink({
        name,
        url: sink.url,
        tls: sink.tls,
        connectTimeoutMs: sink.connectTimeoutSeconds * 1000,
        commandTimeoutMs: sink.commandTimeoutSeconds * 1000,
        ...given('username', sink.username),
        ...given('password', sink.password),
        ...given('sentinelUsername', sink.sentinelUsername),
        ...given('sentinelPassword', sink.sentinelPassword),
      }),
      keyPrefix: sink.keyPrefix,
      scripts: sink.scripts,
      scope: config.sources.kafka.consumerGroup,
      markers: sink.idempotency === 'auto',
      markerTtlMs: sink.markerTtlSeconds * 1000,
      fences: sink.fencing === 'auto',
      waitReplicas: sink.waitReplicas,
      waitTimeoutMs: sink.waitTimeoutSeconds * 1000,
    }),
    batch: limits(sink),
  }))
}

function given<Name extends string>(name: Name, value: string): { readonly [key in Name]?: string } {
  return value === '' ? {} : ({ [name]: value } as { readonly [key in Name]: string })
}
