import type { Config } from '../../config/index.ts'
import { createRedisSink, lookAtRedis, type RedisLink, redisLink } from '../../flow/sinks/index.ts'
import { parseRedisUrl } from '../../lib/index.ts'
import { type BuiltSink, limits } from './built.ts'
import { closing, PATIENCE_SECONDS, type SinkCheck } from './check.ts'

type RedisConfig = Config['sinks']['redis'][string]

export function redisSinks(config: Config): BuiltSink[] {
  return Object.entries(config.sinks.redis).map(([name, sink]) => ({
    sink: createRedisSink({
      name,
      link: linkOf(name, sink),
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

/** What `drakkar doctor` looks at: as a worker at its start, and whether scripts may write. */
export function redisChecks(config: Config): SinkCheck[] {
  return Object.entries(config.sinks.redis).map(([name, sink]) => ({
    path: `sinks.redis.${name}`,
    run: () => {
      const link = linkOf(name, {
        ...sink,
        connectTimeoutSeconds: Math.min(sink.connectTimeoutSeconds, PATIENCE_SECONDS),
        commandTimeoutSeconds: Math.min(sink.commandTimeoutSeconds, PATIENCE_SECONDS),
      })
      return closing(link, async () => {
        await link.connect()
        await lookAtRedis(link, name, sink.keyPrefix)
        const { mode, hosts } = parseRedisUrl(sink.url)
        const where = hosts.map(({ host, port }) => `${host}:${port}`).join(', ')
        return { says: `Redis (${mode}) at ${where} takes writes` }
      })
    },
  }))
}

function linkOf(name: string, sink: RedisConfig): RedisLink {
  return redisLink({
    name,
    url: sink.url,
    tls: sink.tls,
    connectTimeoutMs: sink.connectTimeoutSeconds * 1000,
    commandTimeoutMs: sink.commandTimeoutSeconds * 1000,
    ...given('username', sink.username),
    ...given('password', sink.password),
    ...given('passwordFile', sink.passwordFile),
    ...given('sentinelUsername', sink.sentinelUsername),
    ...given('sentinelPassword', sink.sentinelPassword),
  })
}

function given<Name extends string>(name: Name, value: string): { readonly [key in Name]?: string } {
  return value === '' ? {} : ({ [name]: value } as { readonly [key in Name]: string })
}
